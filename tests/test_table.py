"""A table of pictures."""

import pytest

from genderscope.contracts import DatasetError
from genderscope.datasets import table


def write(root, text, encoding="utf-8"):
    file = root / "faces.csv"
    file.write_bytes(text.encode(encoding))
    return file


def test_columns_become_groups_and_files_are_relative_to_the_table(tmp_path):
    elsewhere = tmp_path / "elsewhere" / "3.jpg"
    file = write(
        tmp_path,
        "\ufefffile,light,label,site\r\n"
        'a/1.jpg,dim,woman,"Lyon, north"\r\n'
        "2.jpg,bright,,Ulm\r\n"
        f"{elsewhere},,man,\r\n",
    )
    first, second, third = table.read(file, "all")
    assert first.file == tmp_path / "a" / "1.jpg"
    assert first.groups == {"light": "dim", "site": "Lyon, north"}
    assert (first.label, second.label, third.label) == (0, None, 1)
    assert third.file == elsewhere


@pytest.mark.parametrize(
    ("word", "label"),
    [("woman", 0), ("Female", 0), ("F", 0), ("man", 1), ("MALE", 1), (" m ", 1), ("", None)],
)
def test_labels(tmp_path, word, label):
    assert next(table.read(write(tmp_path, f"file,label\n1.jpg,{word}\n"), "all")).label == label


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\n1.jpg,man\n", "lacks the columns file"),
        ("", "lacks the columns file, label"),
        ("file,label\n1.jpg,man\n2.jpg,boy\n", "line 3: label 'boy' is unknown; there are: woman"),
        ("file,label\n1.jpg\n", "line 2: not as many fields"),
        ("file,label\n1.jpg,man,more\n", "line 2: not as many fields"),
        ("file,label\n,man\n", "line 2: no file"),
    ],
)
def test_says_what_is_wrong(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message):
        list(table.read(write(tmp_path, text), "all"))


def test_refuses_another_encoding_a_folder_and_a_split(tmp_path):
    file = write(tmp_path, "file,label\né.jpg,man\n", "latin-1")
    with pytest.raises(DatasetError, match="not a CSV in UTF-8"):
        list(table.read(file, "all"))
    with pytest.raises(DatasetError, match="is not a file"):
        list(table.read(tmp_path, "all"))
    with pytest.raises(DatasetError, match="no split 'val'"):
        list(table.read(file, "val"))
