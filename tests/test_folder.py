"""A folder for each class."""

import pytest

from genderscope.core.errors import DatasetError
from genderscope.data.datasets import folder


def make(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def read(root, split="all"):
    samples = folder.read(root, split)
    return {sample.file.relative_to(root).as_posix(): sample.label for sample in samples}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("woman/a.jpg", 0),
        ("Women/a.jpg", 0),
        ("FEMALE/deep/er/a.PNG", 0),
        ("man/a.jpg", 1),
        ("men/a.webp", 1),
        ("val/Male/a.jpeg", 1),
        ("woman/man/a.jpg", 1),
    ],
)
def test_labels(tmp_path, name, label):
    make(tmp_path, name)
    assert read(tmp_path) == {name: label}


def test_order_strays_and_other_files(tmp_path):
    make(tmp_path, "woman/2.jpg", "woman/10.jpg", "man/1.jpg", "stray.jpg", "man/notes.txt")
    assert list(read(tmp_path).items()) == [
        ("stray.jpg", None),
        ("man/1.jpg", 1),
        ("woman/10.jpg", 0),
        ("woman/2.jpg", 0),
    ]


def test_a_split_is_a_sub_folder(tmp_path):
    make(tmp_path, "train/man/1.jpg", "val/man/2.jpg", "val/woman/3.jpg")
    assert read(tmp_path, "val") == {"val/man/2.jpg": 1, "val/woman/3.jpg": 0}
    assert len(read(tmp_path)) == 3


def test_names_above_the_root_mean_nothing(tmp_path):
    make(tmp_path, "woman/set/man/1.jpg")
    assert read(tmp_path / "woman") == {"set/man/1.jpg": 1}
    with pytest.raises(DatasetError):
        read(tmp_path / "woman" / "set" / "man")


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("woman/1.jpg", "test", "is not a folder"),
        ("cats/1.jpg", "all", "holds no pictures in folders named woman"),
        ("woman/1.txt", "all", "holds no pictures"),
    ],
)
def test_says_what_is_wrong(tmp_path, name, split, message):
    make(tmp_path, name)
    with pytest.raises(DatasetError, match=message):
        list(folder.read(tmp_path, split))
