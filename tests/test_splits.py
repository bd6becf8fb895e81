"""Parts that share no person, and the tables of them."""

import csv
import hashlib
import subprocess
import sys

import numpy as np
import pytest

from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.results import Provenance
from genderscope.core.types import Sample
from genderscope.data import datasets, splits

model_selection = pytest.importorskip("sklearn.model_selection", reason="needs the extra [eval]")
SHARES = {"test": 0.1, "validation": 0.2}
SEEDED = Provenance(command="", versions={}, seed=0)
COMMAND = [sys.executable, "-c", "from genderscope.cli import main; main()", "split"]


def crowd(count=20_000, people=3_000, strangers=0.1):
    """Persons with few and with many pictures, a third of them men, some labelled both ways."""
    draw = np.random.default_rng(0)
    who = (people * draw.random(count) ** 3).astype(int)
    labels = ((who % 3 == 0) ^ (draw.random(count) < 0.02)).astype(np.int8)
    labels[draw.random(count) < 0.05] = -1
    known = draw.random(count) >= strangers
    return labels, [f"person {n}" if k else None for n, k in zip(who, known, strict=True)]


def test_without_identities_a_seed_means_what_it_meant_for_models_already_trained():
    labels = crowd(2_000)[0]
    rest, held = splits.hold_out(labels, [None] * 2_000, 0.075, 3)
    known = np.flatnonzero(labels >= 0)
    shuffled = model_selection.StratifiedShuffleSplit(1, test_size=0.075, random_state=3)
    expected_rest, expected_held = next(shuffled.split(known, labels[known]))
    np.testing.assert_array_equal(rest, np.sort(known[expected_rest]))
    np.testing.assert_array_equal(held, np.sort(known[expected_held]))


@pytest.mark.parametrize("strangers", [0, 0.1, 0.9, 1])
def test_parts_share_no_person_and_have_every_class_in_its_share(strangers):
    labels, identities = crowd(strangers=strangers)
    parts = splits.split(labels, identities, SHARES, 0)
    assert list(parts) == ["train", "test", "validation"]
    together = np.concatenate(list(parts.values()))
    np.testing.assert_array_equal(np.sort(together), np.flatnonzero(labels >= 0))
    people = [{identities[row] for row in part} - {None} for part in parts.values()]
    assert not people[0] & people[1] | people[0] & people[2] | people[1] & people[2]
    for label in (0, 1):
        of_class = (labels == label).sum()
        for name, share in SHARES.items():
            assert (labels[parts[name]] == label).sum() == pytest.approx(share * of_class, rel=0.01)


@pytest.mark.parametrize("strangers", [0.1, 1])
def test_the_seed_decides(strangers):
    labels, identities = crowd(2_000, strangers=strangers)
    first, again, other = (splits.split(labels, identities, SHARES, seed) for seed in (5, 5, 6))
    for name, indices in first.items():
        np.testing.assert_array_equal(indices, again[name])
        assert not np.array_equal(indices, other[name])


def test_one_with_very_many_pictures_does_not_crowd_out_the_others():
    identities = ["everywhere"] * 900 + [f"person {number}" for number in range(100)]
    for seed in range(5):
        _, held = splits.hold_out(np.zeros(1_000, np.int8), identities, 0.05, seed)
        assert len(held) == 50


@pytest.mark.parametrize(
    ("labels", "identities"),
    [([0, 0, 0, 0], ["a"] * 4), ([0], ["a"]), ([0, 1], [None, None]), ([-1, -1], [None, None])],
)
def test_too_few(labels, identities):
    with pytest.raises(DatasetError, match="too few to hold out 50% of"):
        splits.hold_out(np.array(labels), identities, 0.5, 0)


def test_a_person_is_one_however_the_name_is_written():
    identities = [(f"Ann Lee {n}", f"ann_lee {n}", f"ANN  LEE {n} ") for n in range(20)]
    names = [name for person in identities for name in person]
    labels = np.repeat(np.arange(20) % 2, 3)
    for indices in splits.split(labels, names, SHARES, 0).values():
        numbers = (indices // 3).tolist()
        assert all(numbers.count(number) == 3 for number in numbers)


@pytest.mark.parametrize(
    ("labels", "identities", "message"),
    [
        (
            [0] * 100 + [1] * 100,
            [f"woman {n // 25}" for n in range(100)] + [f"man {n}" for n in range(100)],
            "the part test has no picture of a woman",
        ),
        ([0] * 100 + [1, 1], [None] * 102, "the part (test|validation) has no picture of a man"),
        ([0, 0, 1] + [1] * 90, ["a", "b", *range(91)], "the part train has no picture of a woman"),
    ],
)
def test_a_part_without_a_class_is_refused(labels, identities, message):
    names = [name if name is None else str(name) for name in identities]
    with pytest.raises(DatasetError, match=message):
        splits.split(np.array(labels), names, SHARES, 0)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0.2), (0.1, float("nan"))])
def test_shares_that_leave_nothing(shares):
    labels, identities = crowd(100)
    with pytest.raises(UsageError, match="leave pictures for train"):
        splits.split(labels, identities, dict(zip(SHARES, shares, strict=True)), 0)


def samples(root, count=60):
    """Two pictures of each person, every seventh without a label; the first is listed twice."""
    made = [
        Sample(
            root / "faces" / f"{number}, a.jpg",
            None if number % 7 == 6 else number // 2 % 2,
            identity=f"Ann {number // 2}" if number % 5 else None,
            groups={"light": "dim"} if number % 2 else {"site": 'Lyon, "north"'},
        )
        for number in range(count)
    ]
    return [*made, Sample(root / "faces" / "x" / ".." / made[0].file.name, made[0].label)]


def test_the_tables_are_data_sets_and_the_record_is_of_them(tmp_path):
    listed = samples(tmp_path)
    real = tmp_path / "deep" / "down"
    real.mkdir(parents=True)
    out = tmp_path / "out"
    out.symlink_to(real)
    record = splits.write(listed, SHARES, "folder:faces", out, SEEDED)
    assert splits.Splits.load(out / "splits.json") == record
    assert {file.name for file in real.iterdir()} == {
        *("train.csv", "validation.csv", "test.csv", "splits.json")
    }
    assert record.source == "folder:faces"
    assert (record.pictures, record.unlabelled, record.provenance.seed) == (60, 8, 0)
    by_file = {sample.file: sample for sample in listed[:-1]}
    read_back = []
    for name, part in record.parts.items():
        content = (out / f"{name}.csv").read_bytes()
        assert part.sha256 == hashlib.sha256(content).hexdigest()
        place = f"table:{out}/{name}.csv?identity=identity"
        assert part.source == f"table:{name}.csv?identity=identity"
        of_part = list(datasets.read(place, "all"))
        assert part.pictures == len(of_part) == part.labels["woman"] + part.labels["man"]
        assert part.labels["man"] == sum(sample.label for sample in of_part)
        assert part.identities == len({one.identity for one in of_part} - {None})
        read_back += of_part
    assert len(read_back) == 52
    for sample in read_back:
        original = by_file[(out / sample.file).resolve()]
        assert (sample.label, sample.identity) == (original.label, original.identity)
        assert {k: v for k, v in sample.groups.items() if v} == original.groups


def test_splits_are_not_written_over(tmp_path):
    splits.write(samples(tmp_path), SHARES, "folder:faces", tmp_path / "out", SEEDED)
    with pytest.raises(UsageError, match="holds splits already"):
        splits.write(samples(tmp_path), SHARES, "folder:faces", tmp_path / "out", SEEDED)


def test_parts_of_earlier_splits_do_not_stay(tmp_path):
    out = tmp_path / "out"
    kept = splits.write(samples(tmp_path), SHARES, "folder:faces", out, SEEDED)
    name = next(name for name in kept.parts if name != "train")
    splits.write(samples(tmp_path), SHARES | {name: 0}, "folder:faces", out, SEEDED, overwrite=True)
    assert not (out / f"{name}.csv").exists()


def test_a_group_with_the_name_of_a_column_is_refused_and_nothing_written(tmp_path):
    listed = [Sample(tmp_path / f"{n}.jpg", n % 2, groups={"identity": "x"}) for n in range(40)]
    with pytest.raises(DatasetError, match=r"group identity of table:x .* add identity=identity"):
        splits.write(listed, SHARES, "table:x", tmp_path / "out", SEEDED)
    assert not (tmp_path / "out").exists()


def test_a_picture_in_a_linked_folder_is_taken_once(tmp_path):
    (tmp_path / "f").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "f")
    listed = [Sample(tmp_path / f / f"{n}.jpg", n % 2) for f in ("f", "link") for n in range(40)]
    record = splits.write(listed, SHARES, "table:x", tmp_path / "out", SEEDED)
    assert record.pictures == sum(part.pictures for part in record.parts.values()) == 40


def test_ages_stay_known(tmp_path):
    """Beside a group called age, as UTKFace's."""
    listed = [
        Sample(tmp_path / f"{n}.jpg", n % 2, age=n / 4 if n else None, groups={"age": "any"})
        for n in range(40)
    ]
    record = splits.write(listed, SHARES, "table:x", tmp_path / "out", SEEDED)
    found = {}
    for part in record.parts.values():
        assert part.source.endswith(".csv?identity=identity&age=age_years")
        for sample in datasets.read(part.source.replace(":", f":{tmp_path / 'out'}/"), "all"):
            found[sample.file.name] = sample.age
            assert sample.groups == {"age": "any"}
    assert found == {sample.file.name: sample.age for sample in listed}


def test_a_name_beyond_utf8_does_not_make_a_table_unreadable(tmp_path):
    listed = [Sample(tmp_path / f"caf\udce9 {n}.jpg", n % 2) for n in range(40)]
    splits.write(listed, SHARES, "table:x", tmp_path / "out", SEEDED)
    found = [
        sample.file.name
        for part in ("train", "test", "validation")
        for sample in datasets.read(f"table:{tmp_path}/out/{part}.csv?identity=identity", "all")
    ]
    assert sorted(found) == sorted(rf"caf\xe9 {n}.jpg" for n in range(40))


def lfw(root):
    for person in range(30):
        folder = root / "lfw" / f"Person_{person}"
        folder.mkdir(parents=True)
        for number in (1, 2):
            (folder / f"Person_{person}_000{number}.jpg").touch()
    for name, remainder in (("female_names.txt", 0), ("male_names.txt", 1)):
        pictures = [
            f"Person_{n}_000{k}.jpg" for n in range(30) if n % 2 == remainder for k in (1, 2)
        ]
        (root / name).write_text("\n".join(pictures))


def test_the_command(tmp_path):
    lfw(tmp_path)
    arguments = [*COMMAND, "lfw:.", "--out", "parts", "--test", "0.2", "--validation", "0"]

    def run(*more):
        return subprocess.run(
            [*arguments, *more], capture_output=True, text=True, cwd=tmp_path, check=False
        )

    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert "identities" in done.stdout
    people = []
    for part, pictures in (("train", 48), ("test", 12)):
        with (tmp_path / "parts" / f"{part}.csv").open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert len(rows) == pictures
        assert sum(row["label"] == "woman" for row in rows) == pictures / 2
        assert all((tmp_path / "parts" / row["file"]).is_file() for row in rows)
        people.append({row["identity"] for row in rows})
    assert not people[0] & people[1]

    assert run().returncode == 2
    refused = run("--out", "other", "--test", "1")
    assert refused.returncode == 2
    assert "leave pictures for train" in refused.stderr
