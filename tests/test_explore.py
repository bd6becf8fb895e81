"""Exploring: the numbers against NumPy's, real pictures, and the page as it is read."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from genderscope.cli.explore import explore as command
from genderscope.core.errors import DatasetError, MissingExtra
from genderscope.core.extras import installation
from genderscope.core.results import Provenance
from genderscope.core.types import Box, Sample
from genderscope.data.datasets import _imdb_wiki, read
from genderscope.data.fingerprint import fingerprint
from genderscope.evaluation.exploration import summarise, tally
from genderscope.evaluation.exploration.results import Exploration
from genderscope.evaluation.exploration.tally import SHEET, Tally, open_pictures
from genderscope.imaging import decode
from genderscope.reporting import plots
from html_outline import assert_self_contained
from imdb_mat import table, write

pytest.importorskip("scipy", reason="needs the eval extra")

NAMES = ("woman", "man", "unknown")


def invoke(*arguments: object):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(map(str, arguments)))


def explored(source, out, *options):
    """What the command wrote of a source: the numbers, and the page's outline."""
    pytest.importorskip("matplotlib", reason="needs the eval extra")
    result = invoke(source, "--out", out, *options)
    assert result.exit_code == 0, result.output
    assert sorted(file.name for file in out.iterdir()) == ["index.html", "numbers.json"]
    outline = assert_self_contained((out / "index.html").read_text(encoding="utf-8"))
    return Exploration.load(out / "numbers.json"), outline


def counted(samples, draw=0, seed=0) -> Tally:
    counts = Tally(draw, seed)
    counts.count(samples)
    return counts


def report(samples, opened=()):
    provenance = Provenance(command="", versions={})
    tally = counted(samples)
    return summarise(tally, opened, dataset="d:x", split="all", provenance=provenance)


def problem(numbers, start):
    """The one problem whose text starts so."""
    [found] = [problem for problem in numbers.problems if problem.text.startswith(start)]
    return found


def dense(histogram, edges):
    """A histogram's counts, (3, bins), over all edges, also those that it leaves out as empty."""
    counts = np.zeros((3, len(edges) - 1), int)
    first = np.flatnonzero(np.isclose(edges, histogram.edges[0]))[0]
    for label, name in enumerate(NAMES):
        counts[label, first : first + len(histogram.counts[name])] = histogram.counts[name]
    return counts


@pytest.fixture(scope="module")
def columns():
    """A table of IMDB's layout; some persons are much more frequent than most."""
    columns = table(rows=5_000, seed=5)
    columns["name"][:400] = ["Ann Often"] * 300 + ["Zed Also"] * 100
    columns["name"][400] = ""
    columns["face_score"][:20] = np.inf
    columns["face_score"][20:25] = np.nan
    columns["full_path"][-2:] = columns["full_path"][:2]
    columns["gender"][-2:] = columns["gender"][:2]
    return columns


@pytest.fixture
def root(columns, tmp_path):
    """The table on the disk, with an empty file in the place of six of seven pictures."""
    root = tmp_path / "imdb"
    root.mkdir()
    write(root / "imdb.mat", columns)
    for name in np.array(columns["full_path"][:-2])[np.arange(4_998) % 7 != 0]:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    return root


def test_numbers_of_imdb_equal_those_of_numpy(columns, root, tmp_path, monkeypatch):
    monkeypatch.setattr(tally, "BLOCK", 700)
    numbers, outline = explored(f"imdb:{root}", tmp_path / "out", "--metadata-only")
    n, gender = 5_000, columns["gender"]
    unknown = np.isnan(gender)
    woman, man = (int((gender == label).sum()) for label in (0, 1))
    assert numbers.pictures == n
    assert numbers.labels == {"woman": woman, "man": man, "unknown": int(unknown.sum())}
    assert numbers.imbalance.ratio == pytest.approx(man / woman)
    always = numbers.imbalance.trivial["always_man"]
    assert always.accuracy == pytest.approx(man / (man + woman))
    assert always.f1["man"] == pytest.approx(2 * man / (2 * man + woman))
    assert always.macro_f1 == pytest.approx(man / (2 * man + woman))
    assert numbers.sizes is None  # the files are empty: opening one would fail

    score, second = columns["face_score"], columns["second_face_score"]
    corners = np.array(columns["face_location"])
    out_of_range = corners[:, 0] < 1
    sides = (corners[:, 2:] - corners[:, :2] + 1).max(axis=1)
    sides[np.isinf(score) | out_of_range] = np.nan
    ages = np.array([one.age for one in _imdb_wiki.read(root, "imdb", "all")], float)
    for name, values, edges in (
        ("face_score", score, np.arange(-10, 20.25, 0.25)),
        ("second_face_score", second, np.arange(-10, 20.25, 0.25)),
        ("age_years", ages, np.arange(124)),
        ("box_side_px", sides, np.arange(0, 16_385, 8)),
    ):
        finite = np.isfinite(values)
        assert numbers.measures[name].n == finite.sum(), name
        assert numbers.measures[name].infinite == np.isinf(values).sum(), name
        assert numbers.measures[name].missing == np.isnan(values).sum(), name
        wanted = [
            np.histogram(values[finite & which], edges)[0]
            for which in (gender == 0, gender == 1, unknown)
        ]
        np.testing.assert_array_equal(dense(numbers.measures[name], edges), wanted, err_msg=name)

    persons, times = np.unique([name for name in columns["name"] if name], return_counts=True)
    assert numbers.identities.n == len(persons)
    assert numbers.identities.pictures == n - 1
    top = numbers.identities.most_frequent
    assert [(person.identity, person.pictures) for person in top[:2]] == [
        ("Ann Often", 300),
        ("Zed Also", 100),
    ]
    assert [person.pictures for person in top] == sorted(times)[: -len(top) - 1 : -1]
    for step in numbers.identities.by_pictures:
        wanted = ((times >= step.first) & (times <= step.last)).sum()
        assert step.identities == wanted
    assert sum(step.identities for step in numbers.identities.by_pictures) == len(persons)
    names = np.array(columns["name"])
    both = set(names[gender == 0]) & set(names[gender == 1]) - {""}
    assert numbers.identities.of_both_labels == len(both)

    there = np.array([(root / name).is_file() for name in columns["full_path"]])
    left, removed = np.ones(n, bool), {}
    for name, holds in {
        "gender known": ~unknown,
        "face score above 3": score > 3,
        "no second face": np.isnan(second),
        "picture present": there,
    }.items():
        # A face that was not found has an infinite score, whatever its sign.
        holds = holds & ~np.isposinf(score) if name.startswith("face") else holds
        removed[name] = int((left & ~holds).sum())
        left &= holds
    assert numbers.reference_selection.removed == removed
    assert numbers.reference_selection.kept == left.sum()
    assert min(removed.values()) > 0

    for start, found in {
        "Missing pictures": ~there,
        "Pictures without a label": unknown,
        "Pictures listed more than once": np.arange(n) >= n - 2,
        "Face locations out of range": out_of_range & np.isfinite(score),
        "Pictures without an age": np.isnan(ages),
        "Pictures without a detected face": np.isinf(score),
        "Pictures with a second face": np.isfinite(second),
    }.items():
        held = problem(numbers, start)
        assert held.n == found.sum() > 0, start
        first = tuple(str(root / columns["full_path"][row]) for row in np.flatnonzero(found)[:3])
        assert held.examples == first, start
        assert f"{found.sum():,} of 5,000" in outline.text
    assert problem(numbers, "One person has 6.0% of the pictures with an identity").examples == (
        "Ann Often",
    )
    assert problem(numbers, "Persons with both labels").n == len(both)
    assert "Ann Often 300" in outline.text
    assert not outline.named("img")


@pytest.fixture
def faces(tmp_path, portrait):
    """FairFace's layout: 30 pictures in two sizes, and a broken, a truncated and a missing one."""
    root = tmp_path / "fairface"
    (root / "train").mkdir(parents=True)
    picture = cv2.imread(str(portrait))
    rows = []
    for number in range(33):
        size = (64, 80) if number % 3 else (120, 50)
        file = f"train/{number}.png"
        cv2.imwrite(str(root / file), cv2.resize(picture, size))
        rows.append(f"{file},20-29,{'Female' if number % 4 else 'Male'},Black,TRUE")
    rows[5] = rows[5].replace("20-29", "3-9")
    (root / "train" / "30.png").write_text("this is text")
    whole = (root / "train" / "31.png").read_bytes()
    (root / "train" / "31.png").write_bytes(whole[: len(whole) // 2])
    (root / "train" / "32.png").unlink()
    lines = ["file,age,gender,race,service_test", *rows]
    (root / "fairface_label_train.csv").write_text("\n".join(lines))
    return root


def test_pictures_are_looked_at_and_broken_ones_reported(faces, tmp_path):
    numbers, outline = explored(f"fairface:{faces}", tmp_path / "out")
    assert (numbers.split, numbers.pictures) == ("train", 33)
    assert numbers.labels == {"woman": 24, "man": 9, "unknown": 0}
    sizes = numbers.sizes
    assert (sizes.opened, sizes.unreadable) == (32, 2)
    common, width, height = sizes.pixels.most_common, sizes.pixels.width, sizes.pixels.height
    assert (common.width, common.height, common.n) == (64, 80, 20)
    assert (width.smallest, width.median, width.largest) == (64, 64, 120)
    assert (height.smallest, height.median, height.largest) == (50, 80, 80)
    assert sum(sizes.pixels.longer_side.counts) == 30
    low, high = sizes.unreadable_interval
    assert 0 < low < 2 / 32 < high < 1

    unreadable = problem(numbers, "Opened pictures that cannot be read: 2 of 32 (6.2%)")
    assert sorted("31.png" in example for example in unreadable.examples) == [False, True]
    missing = problem(numbers, "Missing pictures: 1 of 33")
    assert missing.examples == (str(faces / "train" / "32.png"),)
    assert problem(numbers, "The classes are unequal, 2.67 to 1").n == 24
    assert numbers.groups["age"] == {
        "3-9": {"woman": 1, "man": 0, "unknown": 0},
        "20-29": {"woman": 23, "man": 9, "unknown": 0},
    }
    assert list(numbers.groups["age"]) == ["3-9", "20-29"]
    assert not numbers.measures
    assert numbers.identities is numbers.reference_selection is None
    assert numbers.provenance.fingerprint == str(fingerprint(read(f"fairface:{faces}", "train")))

    shown = {int(Path(image["alt"]).stem) for image in outline.named("img")}
    assert shown == set(range(30))  # up to 24 of each label
    assert "woman: 22 pictures drawn at random" in outline.text


def test_a_run_is_repeated_exactly_and_a_seed_draws_others(faces, tmp_path):
    outs = [tmp_path / name for name in ("first", "second", "other")]
    for out, seed in zip(outs, (3, 3, 4), strict=True):
        explored(f"fairface:{faces}", out, "--sample", 8, "--seed", seed)
    first, second, other = (
        [(out / name).read_bytes() for name in ("index.html", "numbers.json")] for out in outs
    )
    assert first == second
    assert first[0] != other[0]


def test_the_draw_is_even_and_free_of_the_blocks(tmp_path, monkeypatch):
    (tmp_path / "there").touch()
    samples = [
        Sample(tmp_path / ("there" if row % 2 else "gone"), 0, identity=str(row))
        for row in range(2_000)
    ]
    drawn = {}
    for block in (7, 10_000):
        monkeypatch.setattr(tally, "BLOCK", block)
        drawn[block] = [int(s.identity) for s in counted(iter(samples), 500, seed=1).drawn]
    assert drawn[7] == drawn[10_000]
    rows = np.array(drawn[7])
    assert len(set(drawn[7])) == 500
    assert (rows % 2 == 1).all()
    assert abs(rows.mean() - 1_000) < 4 * 2_000 / np.sqrt(12 * 500)
    assert (np.diff(rows) < 0).any()


def test_a_crop_shows_the_box_with_its_margin(tmp_path):
    picture = np.zeros((100, 200, 3), np.uint8)
    picture[30:50, 60:80] = 255
    file = tmp_path / "one.png"
    cv2.imwrite(str(file), picture)
    boxed, half, away, unboxed = open_pictures(
        Sample(file, 1, box=box)
        for box in (Box(60, 30, 20, 20), Box(190, 30, 20, 20), Box(500, 500, 20, 20), None)
    )
    side = SHEET.size
    assert boxed.crop.shape == (side, side, 3)
    assert boxed.crop[..., 0].mean() / 255 == pytest.approx(1 / 1.8**2, abs=0.01)
    assert unboxed.crop[..., 0].mean() / 255 == pytest.approx(400 / 200**2, abs=0.005)
    assert [look.outside for look in (boxed, half, away, unboxed)] == [False, True, True, False]
    assert [look.crop is None for look in (boxed, half, away, unboxed)] == [False] * 2 + [
        True,
        False,
    ]
    assert {look.size for look in (boxed, half, away, unboxed)} == {(200, 100)}
    numbers = report([Sample(file, 1)], [boxed, half, away, unboxed])
    assert problem(numbers, "Boxes that extend beyond an opened picture: 2 of 4").n == 2


def test_an_opened_picture_is_decoded_as_it_runs(portrait):
    (seen,) = open_pictures([Sample(portrait, 0)])
    image = decode.read(portrait)
    assert seen.size == (image.shape[1], image.shape[0])
    shrunk = cv2.resize(image, (SHEET.size,) * 2, interpolation=cv2.INTER_AREA)
    assert abs(seen.crop.astype(int) - shrunk).mean() < 6


def test_names_from_outside_are_harmless(tmp_path, portrait):
    nasty = "<script>alert(1)</script> $x$ 顔"
    for name in ("a.png", "b&'<b>.png"):
        (tmp_path / name).write_bytes(portrait.read_bytes())
    rows = "\n".join(
        [
            "file,label,<i>light</i>,person",
            f"a.png,woman,{nasty},{nasty}",
            f"b&'<b>.png,man,dim,{nasty}",
            "<b>.png,,dim,",
        ]
    )
    (tmp_path / "faces.csv").write_text(rows, encoding="utf-8")
    source = f"table:{tmp_path}/faces.csv?identity=person"
    numbers, outline = explored(source, tmp_path / "out")
    assert numbers.groups["<i>light</i>"][nasty] == {"woman": 1, "man": 0, "unknown": 0}
    assert outline.text.count(nasty) >= 3  # in a drawing, its table and the persons
    assert {image["alt"] for image in outline.named("img")} == {"a.png", "b&'<b>.png"}
    assert problem(numbers, "Missing pictures: 1 of 3")
    assert problem(numbers, "Persons with both labels: 1 of 1")


def test_examples_are_named_within_the_data_set(tmp_path, portrait, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/woman/b.jpg", "a/man/ba/c.jpg"):
        Path(name).parent.mkdir(parents=True)
        Path(name).write_bytes(portrait.read_bytes())
    Path("a/man/ba/c.jpg").write_bytes(b"\xff\xd8\xff")
    _, outline = explored("folder:a", tmp_path / "out")
    assert "Examples: man/ba/c.jpg" in outline.text


def test_the_page_of_a_folder_whose_name_is_not_utf8_is_utf8(tmp_path, portrait):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    (folder / "woman").mkdir(parents=True)
    (folder / "woman" / "a.jpg").write_bytes(portrait.read_bytes())
    _, outline = explored(f"folder:{folder}", tmp_path / "out")
    assert "caf\ufffd" in outline.text


def test_bars_have_room_beside_long_names():
    drawn = plots.bars(["x" * 400, "one\ntwo\x1b"], {"pictures": [1, 2]}, "pictures")
    assert "x" * 47 + "…" in drawn
    assert "x" * 48 not in drawn
    assert r"one\ntwo\x1b" in drawn


def test_pictures_without_a_group_are_not_stated(tmp_path, portrait):
    (tmp_path / "a.jpg").write_bytes(portrait.read_bytes())
    (tmp_path / "faces.csv").write_text("file,label,light\na.jpg,woman,\n")
    _, outline = explored(f"table:{tmp_path}/faces.csv", tmp_path / "out")
    assert outline.text.count("not stated") == 3  # the licence, a drawing and its table


def test_a_column_of_names_is_no_division_into_groups(tmp_path):
    columns = {"note": range(200), "light": ["dim"] * 200, "many": [n % 50 for n in range(200)]}
    samples = [
        Sample(tmp_path / str(row), 0, groups={name: str(v[row]) for name, v in columns.items()})
        for row in range(200)
    ]
    groups = report(samples).groups
    assert groups["note"] is None
    assert groups["light"]["dim"]["woman"] == 200
    assert [*groups["many"]] == [str(n) for n in range(50)]


@pytest.mark.parametrize(
    ("labels", "text"),
    [([1, 1], "No picture is labelled woman."), ([None], "No picture is labelled man.")],
)
def test_a_missing_class_is_named(tmp_path, labels, text):
    samples = [Sample(tmp_path / str(n), label) for n, label in enumerate(labels)]
    numbers = report(samples)
    assert problem(numbers, text)
    assert numbers.imbalance is None
    assert Exploration.decode(numbers.encode(), "it") == numbers


def test_values_beyond_the_bins_are_in_the_outermost(tmp_path):
    scores = [1e300, -1e300, 19.9, float("nan")]
    numbers = report(Sample(tmp_path / str(n), 0, face_score=s) for n, s in enumerate(scores))
    held = numbers.measures["face_score"]
    assert (held.n, held.missing) == (3, 1)
    assert (held.edges[0], held.edges[-1]) == (-10, 20)
    assert (held.counts["woman"][0], held.counts["woman"][-1]) == (1, 2)


def test_large_boxes_have_bins_of_their_own(tmp_path):
    numbers = report([Sample(tmp_path / "a.jpg", 0, box=Box(0, 0, 5_000, 4_000))])
    assert numbers.measures["box_side_px"].edges == (5_000, 5_008)


def test_a_persons_share_is_of_the_pictures_with_an_identity(tmp_path):
    named = ["Ann"] * 300 + [f"person {n}" for n in range(20)] + [None] * 680
    numbers = report(
        [Sample(tmp_path / f"{n}.jpg", n % 2, identity=name) for n, name in enumerate(named)]
    )
    problem(numbers, "One person has 93.8% of the pictures with an identity, 20 times")


def test_refuses_an_empty_data_set():
    with pytest.raises(DatasetError, match="d:x holds no pictures in 'all'"):
        report([])


def test_the_command_names_the_missing_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = invoke("folder:anywhere", "--out", tmp_path)
    assert isinstance(result.exception, MissingExtra)
    assert installation("eval") in str(result.exception)


def test_a_broken_table_leaves_nothing_behind(tmp_path):
    pytest.importorskip("matplotlib", reason="needs the eval extra")
    (tmp_path / "imdb.mat").write_text("not a table")
    result = invoke(f"imdb:{tmp_path}", "--out", tmp_path / "out")
    assert isinstance(result.exception, DatasetError)
    assert not [*tmp_path.glob("out/*")]


def test_importing_it_is_cheap():
    code = (
        "import sys, genderscope.reporting.exploration, genderscope.cli.explore;"
        "print({'sklearn', 'scipy', 'matplotlib', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
