"""Pictures and persons that two data sets share, found by the real command."""

import csv
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from genderscope.core.errors import DatasetError, GenderscopeError, ResultError
from genderscope.core.results import Exclusions, Provenance
from genderscope.core.types import Frame, Sample
from genderscope.data import leakage, workers
from genderscope.data.leakage import duplicates
from genderscope.data.selection import listed
from genderscope.imaging import decode
from genderscope.imaging.contact_sheet import GAP_PX, LINE_PX

pytest.importorskip("imagehash", reason="needs the extra [eval]")
COMMAND = [sys.executable, "-c", "from genderscope.cli import main; main()", "leakage"]


@pytest.fixture(scope="module")
def face(portrait):
    """The portrait's face, 150 x 150."""
    return decode.read(portrait)[50:200, 150:300]


def jpeg(image, quality):
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def png(image):
    return cv2.imencode(".png", image)[1].tobytes()


def cut(image, ratio):
    edge = round(len(image) * ratio)
    return image[edge:-edge, edge:-edge]


def resized(image, width, height):
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def unrelated(number):
    """A cartoon of a face: as bright and dark in the same places as any other, not the same one."""
    draw = np.random.default_rng(number)
    image = np.full((150, 150, 3), draw.integers(0, 90, 3), np.uint8)
    centre = (75 + int(draw.integers(-6, 7)), 75 + int(draw.integers(-6, 7)))
    cv2.ellipse(image, centre, (50, 65), 0, 0, 360, draw.integers(120, 220, 3).tolist(), -1)
    for x, y in ((-20, -15), (20, -15), (0, 32)):
        place = (
            centre[0] + x + int(draw.integers(-5, 6)),
            centre[1] + y + int(draw.integers(-5, 6)),
        )
        size = (int(draw.integers(5, 16)), int(draw.integers(3, 10)))
        cv2.ellipse(image, place, size, 0, 0, 360, draw.integers(0, 110, 3).tolist(), -1)
    texture = draw.normal(0, 25, (20, 20, 1)).astype(np.float32)
    shade = cv2.resize(texture, (150, 150), interpolation=cv2.INTER_CUBIC)[..., None]
    return (image + shade).clip(0, 255).astype(np.uint8)


CHANGES = {
    "re-encoded": (lambda face: jpeg(face, 30), False),
    "smaller": (lambda face: png(resized(face, 60, 60)), False),
    "of another shape": (lambda face: png(resized(face, 90, 120)), False),
    "brighter": (lambda face: png(cv2.convertScaleAbs(face, beta=30)), False),
    "with less contrast": (lambda face: png(cv2.convertScaleAbs(face, alpha=0.6, beta=20)), False),
    "grey": (lambda face: png(cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)), False),
    "blurred": (lambda face: png(cv2.GaussianBlur(face, (0, 0), 1.5)), False),
    "cut by 2%": (lambda face: png(cut(face, 0.02)), False),
    "mirrored": (lambda face: jpeg(face[:, ::-1], 80), True),
}


def folder(root, name, pictures):
    """A data set in folders, from encoded pictures by name."""
    place = root / name / "woman"
    place.mkdir(parents=True)
    for file, content in pictures.items():
        (place / file).write_bytes(content)


def check(root, *arguments):
    return subprocess.run(
        [*COMMAND, *map(str, arguments), "--jobs", "1"],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )


def read(files):
    return list(duplicates.signatures(files, jobs=1))


def near(a, b, **options):
    return [pair for block in duplicates.near_pairs(a, b, **options) for pair in block]


@pytest.mark.parametrize("change", CHANGES)
def test_near_duplicates(tmp_path, face, change):
    changed, mirrored = CHANGES[change]
    folder(tmp_path, "a", {"a.png": png(face), "x.png": png(unrelated(0))})
    folder(tmp_path, "b", {"b": changed(face), "y.png": png(unrelated(1))})
    a, b = (read(sorted((tmp_path / side / "woman").iterdir())) for side in "ab")
    for one, other in ((a, b), (b, a)):
        [match] = near(one, other)
        assert {Path(match.a).name, Path(match.b).name} == {"a.png", "b"}
        assert (match.kind, match.mirrored) == ("near duplicate", mirrored)
        assert match.distance_bits <= duplicates.MAX_DISTANCE_BITS
        assert 0.8 <= match.correlation <= 1
    assert not list(duplicates.exact_pairs(a, b))


def test_copies_are_exact_pairs_only(tmp_path, face):
    """Thousands of copies of a placeholder would take hours to compare."""
    folder(tmp_path, "a", {f"{n}.png": png(face) for n in range(3)})
    folder(tmp_path, "b", {f"{n}.png": png(face) for n in range(3)})
    a, b = (read(sorted((tmp_path / side / "woman").iterdir())) for side in "ab")
    assert not near(a, b)
    found = duplicates.strongest(duplicates.exact_pairs(a, b))
    assert {pair.a for pair in found} | {pair.b for pair in found} == {s.file for s in a + b}


def test_other_pictures_are_none(tmp_path, face):
    """Nor another photograph's part, a flat one, or a much tighter crop of the same."""
    flat = {f"{grey}.png": png(np.full((99, 99, 3), grey, np.uint8)) for grey in (0, 100, 255)}
    folder(tmp_path, "a", {f"{n}.png": png(unrelated(n)) for n in range(60)} | flat)
    tighter = {"tight.png": png(cut(face, 0.2)), "whole.png": png(face)}
    folder(tmp_path, "b", {f"{n}.png": png(unrelated(n)) for n in range(60, 120)} | tighter)
    (tmp_path / "b" / "woman" / "grey.png").write_bytes(png(np.full((50, 50, 3), 9, np.uint8)))
    a, b = (read(sorted((tmp_path / side / "woman").iterdir())) for side in "ab")
    assert not near(a, b)
    assert near(a, b, min_correlation=-1), "the hash alone would take some of them for the same"


def test_blocks_change_nothing(tmp_path, face, monkeypatch):
    folder(
        tmp_path,
        "a",
        {f"{n}.png": png(unrelated(n)) for n in range(4)} | {"z.png": png(face)},
    )
    folder(tmp_path, "b", {name: make(face) for name, (make, _) in CHANGES.items()})
    a, b = (read(sorted((tmp_path / side / "woman").iterdir())) for side in "ab")
    whole = near(a, b)
    monkeypatch.setattr(duplicates, "BLOCK", 2)
    assert set(near(a, b)) == set(whole)
    assert {pair.b for pair in whole} == {one.file for one in b}


def test_processes_change_nothing(tmp_path, face):
    folder(tmp_path, "a", {"1.png": png(face), "2.png": b"broken", "3.png": png(face[::-1])})
    files = sorted((tmp_path / "a" / "woman").iterdir())
    assert list(duplicates.signatures(files, jobs=2)) == read(files)
    assert isinstance(read(files)[1], Frame)


READING = """
import sys
from pathlib import Path
from genderscope.data.leakage.duplicates import signatures

if __name__ == "__main__":
    for _ in signatures([Path(sys.argv[1])] * 100_000, jobs=2):
        print("read", flush=True)
"""


def wait_for(group):
    """``ProcessLookupError`` once all processes of a group have ended, within ten seconds."""
    for _ in range(100):
        os.killpg(group, 0)
        time.sleep(0.1)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_workers_end_with_the_process_that_started_them(tmp_path, portrait):
    script = tmp_path / "script.py"
    script.write_text(READING)
    reading = subprocess.Popen(
        [sys.executable, str(script), str(portrait)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    reading.stdout.readline()
    reading.kill()
    reading.communicate()
    with pytest.raises(ProcessLookupError):
        wait_for(reading.pid)


def test_a_worker_that_is_killed_is_an_error():
    with (
        pytest.raises(GenderscopeError, match="a worker process was killed"),
        workers.pool(1) as pool,
    ):
        pool.submit(os._exit, 1).result()


def pair(a, b, kind, mirrored=False, distance_bits=0, correlation=1.0):
    return duplicates.Pair(
        a=a,
        b=b,
        kind=kind,
        mirrored=mirrored,
        distance_bits=distance_bits,
        correlation=correlation,
    )


def test_the_strongest_pair_of_each_picture_is_kept():
    exact, near_it = pair("a1", "b1", "same bytes"), pair("a1", "b2", KIND, False, 4, 0.9)
    weaker, pixels = pair("a2", "b2", KIND, True, 9, 0.85), pair("a1", "b1", "same pixels")
    found = duplicates.strongest([weaker, pixels, near_it, exact])
    assert found == [exact, near_it, weaker]
    copies = [pair(f"a{i}", f"b{j}", "same bytes") for i in range(30) for j in range(30)]
    found = duplicates.strongest(copies)
    assert len(found) <= 60
    assert {one.a for one in found} | {one.b for one in found} == {
        f"{side}{number}" for side in "ab" for number in range(30)
    }


KIND = "near duplicate"


def test_the_command_finds_every_kind_and_says_so(tmp_path, face):
    """Same bytes, same pixels in another format, near ones; twice a broken picture."""
    stranger = png(unrelated(0))
    folder(
        tmp_path,
        "a",
        {"1.png": png(face), "2.png": stranger, "3.png": b"", "4.png": png(face[:, ::-1])},
    )
    bmp = cv2.imencode(".bmp", unrelated(0))[1].tobytes()
    folder(tmp_path, "b", {"1.png": png(face), "2.bmp": bmp, "3.jpg": jpeg(face, 40)[:900]})
    folder(tmp_path, "c", {"1.png": png(unrelated(7))})
    done = check(tmp_path, "folder:a", "folder:b", "--out", "out")
    assert done.returncode == 1, done.stderr
    assert "same bytes: 1, same pixels: 1, near duplicate: 1, shared identity: 0" in done.stdout
    assert "unreadable: a/woman/3.png is empty" in done.stderr
    assert "unreadable: b/woman/3.jpg" in done.stderr

    assert str(tmp_path) not in (tmp_path / "out" / "leakage.json").read_text()
    found = leakage.Leakage.load(tmp_path / "out" / "leakage.json")
    assert found.provenance.command.endswith("leakage folder:a folder:b --out out --jobs 1")
    [comparison] = found.comparisons
    assert (comparison.a.pictures, len(comparison.a.unreadable)) == (4, 1)
    pairs = [(pair.a, pair.b, pair.kind, pair.mirrored) for pair in comparison.pairs]
    assert pairs == [
        ("a/woman/1.png", "b/woman/1.png", "same bytes", False),
        ("a/woman/2.png", "b/woman/2.bmp", "same pixels", False),
        ("a/woman/4.png", "b/woman/1.png", "near duplicate", True),
    ]
    with (tmp_path / "out" / "leakage.csv").open(newline="") as lines:
        rows = [(row["pair"], row["a"], row["b"]) for row in csv.DictReader(lines)]
    assert rows == [(str(number), a, b) for number, (a, b, *_) in enumerate(pairs, 1)]
    sheet = decode.read(tmp_path / "out" / "leakage.png")
    thumbnail = cv2.resize(face, (112, 112), interpolation=cv2.INTER_AREA)
    for left in (GAP_PX, GAP_PX + 112):
        np.testing.assert_array_equal(sheet[GAP_PX:, left:][:112, :112], thumbnail)

    none = check(tmp_path, "folder:a", "folder:c", "--out", "out", "--overwrite")
    assert none.returncode == 0, none.stdout
    assert not (tmp_path / "out" / "leakage.png").exists()
    assert leakage.Leakage.load(tmp_path / "out" / "leakage.json").pairs == []


def test_every_two_of_several_data_sets_are_compared(tmp_path, face):
    folder(tmp_path, "a", {"1.png": png(face)})
    folder(tmp_path, "b", {"2.png": png(unrelated(1))})
    folder(tmp_path, "c", {"3.png": png(face)})
    done = check(tmp_path, "folder:a", "folder:b", "folder:c", "--out", "out")
    assert done.returncode == 1, done.stderr
    found = leakage.Leakage.load(tmp_path / "out" / "leakage.json")
    compared = [(one.a.source[-1], one.b.source[-1], one.leaks) for one in found.comparisons]
    assert compared == [("a", "b", False), ("a", "c", True), ("b", "c", False)]
    assert found.pictures == {"a/woman/1.png", "c/woman/3.png"}
    alone = check(tmp_path, "folder:a")
    assert (alone.returncode, alone.stderr.count("\n")) == (2, 1)
    assert "at least two data sets" in alone.stderr


def test_the_threshold_is_an_option(tmp_path, face):
    folder(tmp_path, "a", {"1.png": png(face)})
    folder(tmp_path, "b", {"1.jpg": jpeg(face, 30)})
    assert check(tmp_path, "folder:a", "folder:b").returncode == 1
    assert check(tmp_path, "folder:a", "folder:b", "--threshold", 1).returncode == 0


def test_nothing_readable_is_no_answer(tmp_path, face):
    folder(tmp_path, "a", {"1.png": png(face)})
    folder(tmp_path, "b", {"1.png": b"broken"})
    done = check(tmp_path, "folder:a", "folder:b")
    assert done.returncode == 2
    assert done.stderr == "genderscope: folder:b holds no readable picture\n"


def lfw(root, name, people):
    """LFW's layout, with a picture of its own for each person."""
    for number, person in people.items():
        place = root / name / "lfw" / person
        place.mkdir(parents=True)
        (place / f"{person}_0001.jpg").write_bytes(jpeg(unrelated(number), 90))
    for file in ("female_names.txt", "male_names.txt"):
        (root / name / file).write_text("")


def test_shared_identities(tmp_path):
    lfw(tmp_path, "a", {1: "Ann_Lee", 2: "Bo_Orr"})
    lfw(tmp_path, "b", {3: "Bo_Orr", 4: "Cy_Day"})
    lfw(tmp_path, "c", {5: "Cy_Day"})
    done = check(tmp_path, "lfw:a", "lfw:b", "--out", "out")
    assert done.returncode == 1, done.stderr
    assert "bo orr is in both" in done.stdout
    assert "near duplicate: 0, shared identity: 1" in done.stdout
    [comparison] = leakage.Leakage.load(tmp_path / "out" / "leakage.json").comparisons
    [shared] = comparison.shared_identities
    assert (shared.identity, shared.pictures_a, shared.pictures_b) == ("bo orr", 1, 1)
    assert check(tmp_path, "lfw:a", "lfw:c").returncode == 0


@pytest.mark.parametrize(
    ("source_a", "source_b", "names_a", "names_b", "shared"),
    [
        ("lfw:x", "table:y", ["Ann_Lee", None], ["ann  lee", None], ["ann lee"]),
        ("celeba:x", "celeba:y", ["17", "18"], ["17"], ["17"]),
        ("celeba:x", "adience:y", ["17", "n1"], ["17", "n1"], ["n1"]),
        ("table:x", "table:y", [None, ""], [None, ""], []),
    ],
)
def test_names_and_numbers(tmp_path, source_a, source_b, names_a, names_b, shared):
    a, b = (
        leakage.Part(source, "all", [Sample(tmp_path, None, identity=name) for name in names])
        for source, names in ((source_a, names_a), (source_b, names_b))
    )
    assert [one.identity for one in leakage.shared_identities(a, b)] == shared


def test_a_side_that_is_empty_is_refused():
    with pytest.raises(DatasetError, match="holds no readable picture"):
        list(leakage.Part("folder:x", "all", []).read(1))


def test_a_long_list_is_shown_evenly(tmp_path, face):
    file = tmp_path / "1.png"
    file.write_bytes(png(face))
    pairs = [pair(str(file), str(file), KIND)] * 1_000
    height, width = leakage.contact_sheet(pairs).shape[:2]
    assert height == GAP_PX + 20 * (112 + LINE_PX + GAP_PX)
    assert width == GAP_PX + 6 * (2 * 112 + GAP_PX)


def test_a_leakage_file_names_the_pictures_to_exclude(tmp_path):
    part = leakage.PartSummary(source="x:y", split="z", pictures=1, with_identity=0, unreadable=())
    duplicate = pair("somewhere/train/7.jpg", "/else/where/val/9.jpg", KIND)
    comparison = leakage.Comparison(
        a=part, b=part, counts={KIND: 1}, pairs=(duplicate,), shared_identities=()
    )
    result = leakage.Leakage(
        provenance=Provenance(command="", versions={}),
        near_duplicates=leakage.NearDuplicates(hash="", max_distance_bits=70, min_correlation=0.8),
        comparisons=(comparison,),
    )
    file = tmp_path / "leakage.json"
    result.save(file)
    assert leakage.Leakage.load(file) == result
    excluded = leakage.excluded_pictures(file)
    assert excluded == {"somewhere/train/7.jpg", "/else/where/val/9.jpg"}
    assert listed(excluded)(Path("data/train/7.jpg"))
    # Result files are UTF-8, with a replacement character for any other byte.
    odd = tmp_path / os.fsdecode(b"caf\xe9") / os.fsdecode(b"7\xe9.jpg")
    for written in ("/else/caf\ufffd/7\ufffd.jpg", f"{tmp_path}/caf\ufffd/7\ufffd.jpg"):
        assert listed([written])(odd)
    assert leakage.excluded_pictures(None) == frozenset()
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    expected = Exclusions(file="leakage.json", sha256=digest, pictures=3)
    assert leakage.exclusions(file, 3) == expected
    assert leakage.exclusions(None, 0) is None
    file.write_text('{"pictures": 3}')
    with pytest.raises(ResultError, match=r"leakage\.json is a file of kind None, not 'leakage'"):
        leakage.excluded_pictures(file)


def test_the_published_file_is_whole():
    file = Path(__file__).parents[1] / "results" / "leakage.json"
    assert len(leakage.excluded_pictures(file)) == 102
