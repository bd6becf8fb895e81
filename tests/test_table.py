"""A table of pictures."""

import math

import pytest

import hostile
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.types import Sample
from genderscope.data import datasets
from genderscope.data.datasets import table


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


def test_blank_lines_before_the_header_are_skipped(tmp_path):
    file = write(tmp_path, "\n  \n\nfile;label\n1.jpg;boy\n")
    with pytest.raises(DatasetError, match="line 5: label 'boy' is unknown"):
        next(table.read(file, "all"))


@pytest.mark.parametrize(
    ("word", "label"),
    [("woman", 0), ("Female", 0), ("F", 0), ("man", 1), ("MALE", 1), (" m ", 1), ("", None)],
)
def test_labels(tmp_path, word, label):
    assert next(table.read(write(tmp_path, f"file,label\n1.jpg,{word}\n"), "all")).label == label


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name,gender\n1.jpg,man\n",
            r"lacks the columns file, label; it has: name, gender; name them: "
            r"'table:.*csv\?file=name&label=gender'",
        ),
        ("", "is empty; a table begins with the names of its columns"),
        ("a,b\n1,2\n", r"lacks the columns file, label; .*\?file=COLUMN&label=COLUMN'"),
        ("file,label,label\n1.jpg,man,man\n", "has the column 'label' twice"),
        ("file,label\n1.jpg,man\n2.jpg,man\n1.jpg,man\n", "line 4: repeats line 2"),
        ("file,label\n1.jpg,man\n2.jpg,boy\n", "line 3: label 'boy' is unknown; there are: woman"),
        ("file,label\n1.jpg\n", "line 2: the row and the header differ in length"),
        ("file,label\n1.jpg,man,more\n", "line 2: the row and the header differ in length"),
        ("file,label\n,man\n", "line 2: the file name is empty"),
        ("file,label\na\0.jpg,man\n", r"line 2: the file name 'a\\x00.jpg' has a NUL character"),
        (
            'file,label,light\n1.jpg,man,"dim\n2.jpg,man,dim\n',
            "is not a CSV: unexpected end of data",
        ),
        (
            "file,label\na.jpg,man\nb.jpg,man\nx/../a.jpg,woman\n",
            r"line 4: .*a\.jpg has another label in line 2",
        ),
    ],
)
def test_says_what_is_wrong(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message):
        list(table.read(write(tmp_path, text), "all"))


def test_a_file_may_come_twice_with_one_label(tmp_path):
    file = write(tmp_path, "file,label\n1.jpg,man\n1.jpg,\n1.jpg,M\n")
    assert [sample.label for sample in table.read(file, "all")] == [1, None, 1]


TEXT = "path,sex,who,years,light\n1.jpg,f,Ann,31.5,dim\n2.jpg,m,,,bright\n"
NAMED = "file=path&label=sex&identity=who&age=years"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_are_named_in_the_source(tmp_path, kind):
    file = write(tmp_path, TEXT)
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="needs the eval extra")
        from pyarrow import csv, parquet

        file = tmp_path / "faces.parquet"
        parquet.write_table(csv.read_csv(tmp_path / "faces.csv"), file)
    first, second = datasets.read(f"table:{file}?{NAMED}", "all")
    assert first == Sample(tmp_path / "1.jpg", 0, identity="Ann", age=31.5, groups={"light": "dim"})
    assert second == Sample(tmp_path / "2.jpg", 1, groups={"light": "bright"})


def test_a_place_of_an_unknown_user_does_not_exist():
    with pytest.raises(DatasetError, match="~nobody-here/faces does not exist"):
        datasets.read("folder:~nobody-here/faces", "all")


def test_a_place_may_hold_a_question_mark(tmp_path):
    file = write(tmp_path, "file,label\n1.jpg,man\n").rename(tmp_path / "which?one.csv")
    assert len(list(datasets.read(f"table:{file}", "all"))) == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            "file=path&label=gender",
            DatasetError,
            "lacks the columns gender; it has: path, sex, who, years",
        ),
        (
            "file=path&label=sex&identity=who&age=nope",
            DatasetError,
            rf"name them: 'table:.*csv\?{NAMED}'",
        ),
        ("colour=red", UsageError, "no option colour; it has: split, file, label, identity, age"),
        ("label", UsageError, "options are written option=value"),
        ("file=path&label=sex&age=who", DatasetError, "line 2: age 'Ann' is not a number"),
    ],
)
def test_says_what_is_wrong_with_the_names(tmp_path, options, error, message):
    file = write(tmp_path, TEXT)
    with pytest.raises(error, match=message):
        list(datasets.read(f"table:{file}?{options}", "all"))


@pytest.mark.parametrize("age", ["nan", "inf", "1e999"])
def test_an_age_is_finite(tmp_path, age):
    file = write(tmp_path, f"file,label,years\n1.jpg,man,{age}\n")
    with pytest.raises(DatasetError, match=f"line 2: age '{age}' is not a number"):
        list(datasets.read(f"table:{file}?age=years"))


def test_parquet_values_errors_and_truncation(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs the eval extra")
    from pyarrow import parquet

    def read(**columns):
        parquet.write_table(pa.table(columns), tmp_path / "faces.parquet")
        return list(table.read(tmp_path / "faces.parquet", "all"))

    (sample,) = read(file=["1.jpg"], label=pa.array([None], pa.string()), zone=[7])
    assert sample == Sample(tmp_path / "1.jpg", None, groups={"zone": "7"})
    with pytest.raises(DatasetError, match="lacks the columns label; it has: file, sex"):
        read(file=["1.jpg"], sex=["man"])
    with pytest.raises(DatasetError, match="row 2: label 'boy' is unknown"):
        read(file=["1.jpg", "2.jpg"], label=["man", "boy"])
    with pytest.raises(DatasetError, match=r"row 2: .* has another label in row 1"):
        read(file=["1.jpg", "1.jpg"], label=["man", "woman"])
    read(file=["1.jpg"], label=["man"])
    people = {"file": ["a.jpg", "b.jpg"], "label": ["man", "man"], "person": [7.0, math.nan]}
    parquet.write_table(pa.table(people), tmp_path / "people.parquet")
    read = table.read(tmp_path / "people.parquet", "all", identity="person")
    assert [sample.identity for sample in read] == ["7.0", None]
    whole = (tmp_path / "faces.parquet").read_bytes()
    bomb = hostile.parquet_with_false_footer(tmp_path / "bomb.parquet")
    with pytest.raises(DatasetError, match="its column image grows from"):
        list(table.read(bomb, "all", file="image", label="image"))
    for data in (b"", whole[:-20], b"file,label\n1.jpg,man\n"):
        (tmp_path / "faces.parquet").write_bytes(data)
        with pytest.raises(DatasetError, match="is not a complete Parquet file"):
            list(table.read(tmp_path / "faces.parquet", "all"))


def test_refuses_another_encoding_a_folder_and_a_split(tmp_path):
    file = write(tmp_path, "file,label\né.jpg,man\n", "latin-1")
    with pytest.raises(DatasetError, match="is not UTF-8 but probably"):
        list(table.read(file, "all"))
    with pytest.raises(DatasetError, match="is not a file"):
        list(table.read(tmp_path, "all"))
    with pytest.raises(DatasetError, match="no split 'val'"):
        list(table.read(file, "val"))


@pytest.mark.parametrize("mark", [";", "\t"])
def test_tables_of_spreadsheets_and_of_windows(tmp_path, mark):
    file = write(tmp_path, "file,label,light\nfaces\\1.jpg,man,dim\n".replace(",", mark))
    [sample] = table.read(file, "all")
    assert (sample.file, sample.groups) == (tmp_path / "faces" / "1.jpg", {"light": "dim"})


@pytest.mark.parametrize(
    ("encoding", "name"), [("latin-1", "Latin-1 or Windows-1252"), ("utf-16", "UTF-16")]
)
def test_names_another_encoding(tmp_path, encoding, name):
    (tmp_path / "a.csv").write_text("file,label\nJosé.jpg,man\n", encoding=encoding)
    with pytest.raises(DatasetError, match=f"probably {name}: save it as CSV in UTF-8") as error:
        list(table.read(tmp_path / "a.csv", "all"))
    assert "\n" not in str(error.value)
