"""The UTKFace reader: everything lies in the names."""

import os
import tarfile

import pytest

from genderscope.core.errors import DatasetError
from genderscope.data.datasets import fairface, utkface

DATE = "20170109142408075.jpg.chip.jpg"


@pytest.mark.parametrize(
    ("name", "label", "age", "groups"),
    [
        (f"26_1_0_{DATE}", 0, 26, {"race": "White", "age": "20-29", "adult": "18 and older"}),
        (f"2_0_4_{DATE}", 1, 2, {"race": "Others", "age": "0-2", "adult": "younger"}),
        (f"3_0_1_{DATE}", 1, 3, {"race": "Black", "age": "3-9", "adult": "younger"}),
        (f"69_0_2_{DATE}", 1, 69, {"race": "Asian", "age": "60-69", "adult": "18 and older"}),
        (
            f"116_1_3_{DATE}",
            0,
            116,
            {"race": "Indian", "age": "more than 70", "adult": "18 and older"},
        ),
        (f"61_1_{DATE}", None, None, {}),  # the published set has such names
        (f"61_3_{DATE}", None, None, {}),
        (f"24_0_7_{DATE}", None, None, {}),
        ("portrait.jpg", None, None, {}),
    ],
)
def test_names(tmp_path, name, label, age, groups):
    (tmp_path / name).touch()
    (sample,) = utkface.read(tmp_path, "all")
    assert sample.file == tmp_path / name
    assert (sample.label, sample.age, sample.groups) == (label, age, groups)


def test_order_is_that_of_the_paths_and_folders_are_searched(tmp_path):
    names = [f"9_0_0_{DATE}", f"part1/1_0_0_{DATE}", f"10_1_0_{DATE}"]
    (tmp_path / "part1").mkdir()
    for name in names:
        (tmp_path / name).touch()
    samples = utkface.read(tmp_path, "all")
    read = [sample.file.relative_to(tmp_path).as_posix() for sample in samples]
    assert read == [names[2], names[0], names[1]]


@pytest.mark.skipif(os.name != "posix" or os.geteuid(), reason="needs another user")
def test_a_folder_that_cannot_be_read_is_no_smaller_data_set(tmp_path):
    locked = tmp_path / "part2"
    locked.mkdir()
    for file in (tmp_path / f"9_0_0_{DATE}", locked / f"1_0_0_{DATE}", tmp_path / "._9.jpg"):
        file.touch()
    assert len(list(utkface.read(tmp_path, "all"))) == 2
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    locked.chmod(0)
    os.seteuid(65534)
    try:
        with pytest.raises(DatasetError, match="part2 "):
            list(utkface.read(tmp_path, "all"))
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(("split", "message"), [("val", "no split 'val'"), ("all", "no .jpg")])
def test_says_what_is_wrong(tmp_path, split, message):
    with pytest.raises(DatasetError, match=message):
        list(utkface.read(tmp_path, split))


def test_the_published_names(shared, tmp_path):
    with tarfile.open(shared / "data" / "utkface_crop_part1.tar") as archive:
        for member in archive.getmembers():
            if member.isfile():
                (tmp_path / member.name.rpartition("/")[2]).touch()
    samples = list(utkface.read(tmp_path, "all"))
    assert len(samples) == 9780
    unlabelled = [sample.file.name for sample in samples if sample.label is None]
    assert unlabelled == [f"61_1_{DATE}", "61_3_20170109150557335.jpg.chip.jpg"]


def test_age_groups_are_those_of_fairface(shared, tmp_path):
    with tarfile.open(shared / "data" / "fairface_val.tar") as archive:
        archive.extract("fairface/fairface_label_val.csv", tmp_path, filter="data")
    ages = {sample.groups["age"] for sample in fairface.read(tmp_path / "fairface", "val")}
    assert ages == set(utkface.AGES.values())
