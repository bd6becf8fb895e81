"""CelebA: attributes, parts and identities in three tables."""

import pytest

from genderscope.core.errors import DatasetError
from genderscope.data.datasets import celeba

ATTRIBUTES = """\
3
Eyeglasses Male Wearing_Hat
000001.jpg -1 -1  1
000002.jpg  1  1 -1
000003.jpg -1  1 -1
"""
PARTS = "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n"
PERSONS = "000001.jpg 2880\n000002.jpg 2937\n000003.jpg 2880\n"


def make(root, attributes=ATTRIBUTES, parts=PARTS, persons=PERSONS, folders=("", "", "")):
    annotations, evaluation, pictures = (root / folder for folder in folders)
    for folder in (annotations, evaluation, pictures / "img_align_celeba"):
        folder.mkdir(parents=True, exist_ok=True)
    tables = {
        annotations / "list_attr_celeba.txt": attributes,
        evaluation / "list_eval_partition.txt": parts,
        annotations / "identity_CelebA.txt": persons,
    }
    for file, text in tables.items():
        if text is not None:
            file.write_text(text)


@pytest.mark.parametrize("folders", [("", "", ""), ("Anno", "Eval", "Img")])
def test_rows(tmp_path, folders):
    make(tmp_path, folders=folders)
    first, second, third = celeba.read(tmp_path, "all")
    assert first.file == tmp_path / folders[2] / "img_align_celeba" / "000001.jpg"
    assert [sample.label for sample in (first, second, third)] == [0, 1, 1]
    assert [sample.identity for sample in (first, second, third)] == ["2880", "2937", "2880"]
    assert first.groups == {"Eyeglasses": "no", "Wearing_Hat": "yes"}
    assert second.groups == {"Eyeglasses": "yes", "Wearing_Hat": "no"}


@pytest.mark.parametrize(
    ("split", "name"), [("train", "000001.jpg"), ("val", "000002.jpg"), ("test", "000003.jpg")]
)
def test_parts(tmp_path, split, name):
    make(tmp_path)
    assert [sample.file.name for sample in celeba.read(tmp_path, split)] == [name]


def test_identities_and_parts_may_be_absent(tmp_path):
    make(tmp_path, parts=None, persons=None)
    assert [sample.identity for sample in celeba.read(tmp_path, "all")] == [None] * 3
    with pytest.raises(DatasetError, match=r"list_eval_partition\.txt does not exist"):
        list(celeba.read(tmp_path, "train"))


@pytest.mark.parametrize(
    ("tables", "split", "message"),
    [
        (
            {"attributes": None},
            "all",
            r"list_attr_celeba\.txt does not exist, nor in Anno, Eval, Img",
        ),
        ({"attributes": "1\nSmiling\n1.jpg 1\n"}, "all", "line 2: there is no attribute Male"),
        ({"attributes": ""}, "all", "line 2: there is no attribute Male"),
        ({"attributes": ATTRIBUTES + "4.jpg 1 1\n"}, "all", "line 6: not a name and 3 of -1, 1"),
        ({"attributes": ATTRIBUTES + "4.jpg 1 0 1\n"}, "all", "line 6: not a name and 3 of -1, 1"),
        ({"attributes": ATTRIBUTES + "\n"}, "all", "line 6: not a name"),
        ({"attributes": "9" + ATTRIBUTES}, "all", "has 3 of the 93 rows that its first line"),
        (
            {"attributes": ATTRIBUTES + "000001.jpg -1 1 1\n"},
            "all",
            r"line 6: .*000001\.jpg has another label in line 3",
        ),
        ({"attributes": ATTRIBUTES + "a/../../4.jpg 1 1 1\n"}, "all", "line 6: .* leads out of"),
        (
            {"parts": PARTS + "000004.jpg\n"},
            "val",
            r"partition\.txt, line 4: not a picture and one",
        ),
        ({"parts": PARTS[:-13]}, "val", r"partition\.txt lacks 000003\.jpg: download it again"),
        ({"parts": ""}, "val", r"partition\.txt lacks 000001\.jpg"),
        ({"persons": PERSONS[:16]}, "all", r"identity_CelebA\.txt lacks 000002\.jpg"),
        ({}, "fold", "no split 'fold'; it has: all, train, val, test"),
    ],
)
def test_says_what_is_wrong(tmp_path, tables, split, message):
    make(tmp_path, **tables)
    with pytest.raises(DatasetError, match=message):
        list(celeba.read(tmp_path, split))
