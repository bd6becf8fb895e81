"""The FairFace reader on its real layout."""

import tarfile
from collections import Counter

import pytest

from genderscope.core.errors import DatasetError
from genderscope.data.datasets import fairface

HEADER = "file,age,gender,race,service_test"


def write(root, *rows, header=HEADER, split="val"):
    (root / f"fairface_label_{split}.csv").write_text("\n".join([header, *rows]) + "\n")


def test_reads_rows_in_order(tmp_path):
    write(
        tmp_path,
        "val/2.jpg,50-59,Female,East Asian,TRUE",
        "val/1.jpg,more than 70,Male,Latino_Hispanic,FALSE",
    )
    first, second = fairface.read(tmp_path, "val")
    assert first.file == tmp_path / "val" / "2.jpg"
    assert (first.label, second.label) == (0, 1)
    assert first.groups == {"race": "East Asian", "age": "50-59", "adult": "20-59"}
    assert second.groups == {"race": "Latino_Hispanic", "age": "more than 70", "adult": "other"}


@pytest.mark.parametrize(
    ("written", "meant"),
    [("03-Sep", "3-9"), ("3-Sep", "3-9"), ("Oct-19", "10-19"), ("19-Oct", "10-19"), ("0-2", "0-2")],
)
def test_mends_ages_that_a_spreadsheet_made_dates(tmp_path, written, meant):
    write(tmp_path, f"val/1.jpg,{written},Male,Black,TRUE")
    assert next(fairface.read(tmp_path, "val")).groups["age"] == meant


def test_reads_a_table_with_a_byte_order_mark(tmp_path):
    write(tmp_path, "val/1.jpg,0-2,Male,Black,TRUE", header="\ufeff" + HEADER)
    assert next(fairface.read(tmp_path, "val")).file == tmp_path / "val" / "1.jpg"


@pytest.mark.parametrize(
    ("header", "row", "split", "message"),
    [
        (HEADER, "val/1.jpg,0-2,male,Black,TRUE", "val", "line 2: gender 'male' is unknown"),
        (HEADER, "../1.jpg,0-2,Male,Black,TRUE", "val", r"csv, line 2: \.\./1\.jpg leads out of"),
        (HEADER, "val/1.jpg,0-2", "val", "line 2: the row and the header differ in length"),
        ("file,age,sex,race", "val/1.jpg,0-2,Male,Black", "val", "lacks the columns gender"),
        (HEADER, "val/1.jpg,0-2,Male,Black,TRUE", "train", "the splits are train, val"),
        (HEADER, "val/1.jpg,0-2,Male,Black,TRUE", "test", "the splits are train, val"),
    ],
)
def test_says_what_is_wrong(tmp_path, header, row, split, message):
    write(tmp_path, row, header=header)
    with pytest.raises(DatasetError, match=message):
        list(fairface.read(tmp_path, split))


def test_refuses_two_labels_for_one_picture(tmp_path):
    named = [("1", "Male"), ("2", "Male"), ("1", "Female")]
    write(tmp_path, *(f"val/{name}.jpg,0-2,{gender},Black,TRUE" for name, gender in named))
    with pytest.raises(
        DatasetError, match=r"val\.csv, line 4: .*1\.jpg has another label in line 2"
    ):
        list(fairface.read(tmp_path, "val"))


def test_the_published_validation_table(shared, tmp_path):
    with tarfile.open(shared / "data" / "fairface_val.tar") as archive:
        archive.extract("fairface/fairface_label_val.csv", tmp_path, filter="data")
        pictures = {name for name in archive.getnames() if name.endswith(".jpg")}
    samples = list(fairface.read(tmp_path / "fairface", "val"))
    assert len(samples) == 5000
    assert {sample.file.relative_to(tmp_path).as_posix() for sample in samples} == pictures
    assert len(Counter(sample.groups["race"] for sample in samples)) == 7
    assert len(Counter(sample.groups["age"] for sample in samples)) == 9
