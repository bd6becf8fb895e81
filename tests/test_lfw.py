"""Labeled Faces in the Wild: folders of persons, and two lists of pictures."""

import pytest

from genderscope.core.errors import DatasetError
from genderscope.data.datasets import lfw

ANN, BO = "Ann_Lee_0001.jpg", "Bo_Van_Dam_0012.jpg"


def make(root, female=(ANN,), male=(BO,), pictures=(ANN, BO), folder="lfw"):
    (root / "female_names.txt").write_text("\n".join([*female, ""]))
    (root / "male_names.txt").write_text("\r\n".join([*male, ""]))
    for picture in pictures:
        place = root / folder / picture[:-9]
        place.mkdir(parents=True, exist_ok=True)
        (place / picture).touch()


@pytest.mark.parametrize("folder", ["lfw", "lfw_funneled", "lfw-deepfunneled", "."])
def test_pictures_labels_and_persons(tmp_path, folder):
    make(tmp_path, folder=folder)
    first, second = lfw.read(tmp_path, "all")
    assert first.file == tmp_path / folder / "Ann_Lee" / ANN
    assert (first.label, first.identity) == (0, "Ann Lee")
    assert (second.label, second.identity) == (1, "Bo Van Dam")
    assert second.file.is_file()


def test_unlisted_and_missing_pictures(tmp_path):
    make(tmp_path, male=["Cy_Orr_0001.jpg"])
    ann, bo, cy = lfw.read(tmp_path, "all")
    assert [sample.label for sample in (ann, bo, cy)] == [0, None, 1]
    assert [sample.file.is_file() for sample in (ann, bo, cy)] == [True, True, False]


@pytest.mark.parametrize(
    ("changes", "split", "message"),
    [
        ({}, "train", "no split 'train'"),
        ({"pictures": ()}, "all", "holds no folders with pictures"),
        (
            {"male": [BO, ANN]},
            "all",
            "line 2 of male_names.txt: Ann_Lee_0001.jpg has another label in line 1 of female",
        ),
        ({"male": [BO, "../../x_1.jpg"]}, "all", r"line 2: ../../x_1.jpg leads out of"),
        ({"male": ["/etc/y_1.jpg"]}, "all", "line 1: /etc/y_1.jpg leads out of"),
    ],
)
def test_says_what_is_wrong(tmp_path, changes, split, message):
    make(tmp_path, **changes)
    with pytest.raises(DatasetError, match=message):
        list(lfw.read(tmp_path, split))


def test_says_which_list_is_missing(tmp_path):
    make(tmp_path)
    (tmp_path / "male_names.txt").unlink()
    with pytest.raises(DatasetError, match=r"male_names\.txt does not exist"):
        list(lfw.read(tmp_path, "all"))
