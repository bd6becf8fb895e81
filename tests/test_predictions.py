"""Predictions as arrays and as tables, and back."""

from pathlib import Path

import numpy as np
import pytest

from genderscope.core.errors import DatasetError
from genderscope.core.types import Prediction, Sample
from genderscope.data.datasets import table
from genderscope.evaluation import predictions

NAN = np.nan


def answer(file: str, label: int | None, man: float | None, **groups: str) -> predictions.Answer:
    sample = Sample(Path(file), label, groups=groups)
    if man is None:
        return predictions.Answer(sample, error=f"{file} is empty")
    return predictions.Answer(sample, Prediction((1 - man, man), 0.8), True)


def write(folder: Path, text: str) -> Path:
    file = folder / "vendor.csv"
    file.write_text(text)
    return file


def test_answers_become_arrays():
    given = predictions.of(
        [
            answer("a.jpg", 0, 0.1, light="dim", score="theirs"),
            answer("b.jpg", None, 0.7, light="bright"),
            answer("c.jpg", 1, None),
        ],
        "mine",
    )
    assert (given.name, len(given)) == ("mine", 3)
    assert given.files == ("a.jpg", "b.jpg", "c.jpg")
    assert given.truth.tolist() == [0, -1, 1]
    np.testing.assert_array_equal(given.score, [0.1, 0.7, NAN])
    assert given.labels.tolist() == [0, 2, -1]
    assert given.forced.tolist() == [0, 1, -1]
    # A group that is named like one of the table's own columns would hide it.
    assert given.columns == {"light": ("dim", "bright", "")}


def test_persons_are_a_column_but_no_groups():
    samples = [Sample(Path("a.jpg"), 0, identity="Ann"), Sample(Path("b.jpg"), 1)]
    given = predictions.of((predictions.Answer(one, error="torn") for one in samples), "mine")
    assert given.columns == {"identity": ("Ann", "")}
    assert given.groups == {}


def test_what_is_written_is_read_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = predictions.of(
        [
            answer("faces/a.jpg", 0, 0.123456, light="dim, or not"),
            answer("faces/b.jpg", None, 0.7, light=""),
            answer(str(tmp_path / "c.jpg"), 1, None, light="bright"),
        ],
        "mine",
    )
    file = tmp_path / "out" / "mine.csv"
    file.parent.mkdir()
    predictions.write(file, given)
    assert file.read_text().splitlines()[:2] == [
        "file,label,prediction,score,light",
        '../faces/a.jpg,woman,woman,0.123456,"dim, or not"',
    ]
    again = predictions.read(Path("out/mine.csv"))
    assert again.name == "mine"
    assert again.files == given.files
    for name in ("truth", "score", "labels", "forced"):
        np.testing.assert_array_equal(getattr(again, name), getattr(given, name), err_msg=name)
    assert again.columns == given.columns
    # It is a data set as well, of the same pictures.
    assert [sample.label for sample in table.read(file, "all")] == [0, None, 1]
    assert not list(file.parent.glob("*.part"))


@pytest.mark.parametrize(
    ("text", "score", "labels", "forced"),
    [
        ("file,label,score\n1.jpg,man,0.6\n", 0.6, 1, 1),
        ("file,score\n1.jpg,0.5\n", 0.5, 0, 0),
        ("file,score\n1.jpg,\n", NAN, -1, -1),
        ("file,prediction\n1.jpg,Female\n", NAN, 0, 0),
        ("file,prediction\n1.jpg,uncertain\n", NAN, 2, -1),
        ("file,prediction,score\n1.jpg,UNCERTAIN,0.6\n", 0.6, 2, 1),
        ("file,prediction,score\n1.jpg,,0.6\n", 0.6, 1, 1),
        ("file,prediction,score\n1.jpg,man,0.5\n", 0.5, 1, 1),
    ],
)
def test_what_is_absent_comes_from_the_rest(tmp_path, text, score, labels, forced):
    read = predictions.read(write(tmp_path, text))
    np.testing.assert_array_equal(read.score, [score])
    assert (read.labels.tolist(), read.forced.tolist()) == ([labels], [forced])
    assert read.files == (str(tmp_path / "1.jpg"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,score\n1.jpg,0.5\n", "lacks the columns file; it has: name, score"),
        (
            "file,label,P\n1.jpg,man,1\n",
            r"lacks the columns prediction or score; it has: file, label, P; .*csv\?score=P'",
        ),
        ("file,score\n", "has no rows"),
        ("file,score\n,0.5\n", "line 2: the file name is empty"),
        ("file,score\n1.jpg,high\n", "line 2: score 'high' is not a number"),
        ("file,score\n1.jpg,87\n", "line 2: score 87 is not between 0 and 1"),
        ("file,score\n1.jpg,inf\n", "line 2: score inf is not between 0 and 1"),
        ("file,prediction\n1.jpg,boy\n", "line 2: prediction 'boy' is unknown; there are: woman"),
        ("file,label,score\n1.jpg,girl,0\n", "line 2: label 'girl' is unknown"),
        ("file,label,score\n1.jpg,uncertain,0\n", r"label 'uncertain' is unknown; .* f, m$"),
        (
            "file,label,score\n1.jpg,woman,0\n./1.jpg,man,1\n",
            "vendor.csv, line 3: .*1.jpg has another label in line 2",
        ),
        (
            "file,prediction,score\n1.jpg,man,0.9\n2.jpg,woman,0.9\n",
            "line 3: prediction 'woman' with a score of 0.9; the score is the probability of man",
        ),
        ("path,score\n1.jpg,0.5\n", r"lacks the columns file; .*'.*vendor.csv\?file=path'"),
        (
            "path,guess\n1.jpg,man\n",
            r"lacks the columns file, prediction or score; it has: path, guess; name them: "
            r"'.*vendor.csv\?file=path&prediction=COLUMN&score=COLUMN'",
        ),
    ],
)
def test_says_what_is_wrong_with_a_table(tmp_path, text, message):
    with pytest.raises(DatasetError, match=message) as refused:
        predictions.read(write(tmp_path, text))
    assert "vendor.csv" in str(refused.value)


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match=r"none\.csv is not a file"):
        predictions.read(tmp_path / "none.csv")


def test_reads_parquet(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs the eval extra")
    import pyarrow.parquet

    columns = {"file": ["1.jpg", "2.jpg"], "label": ["man", None], "score": [0.25, None]}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "said.parquet")
    read = predictions.read(tmp_path / "said.parquet")
    assert (read.labels.tolist(), read.truth.tolist()) == ([0, -1], [1, -1])


def test_groups_are_columns_of_few_values():
    n = 60
    columns = {"light": ("dim",) * n, "person": tuple(map(str, range(n)))}
    given = predictions.Predictions(
        "mine", ("a",) * n, np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.int64), columns
    )
    assert list(given.groups) == ["light"]


def test_refuses_arrays_of_different_lengths():
    with pytest.raises(ValueError, match="as many values"):
        predictions.Predictions("mine", ("a",), np.zeros(1), np.zeros(2), np.zeros(1))


def test_a_score_may_be_the_confidence_and_columns_have_any_name(tmp_path):
    text = "path;pred;p\na.jpg;woman;0.9\nb.jpg;man;0.8\nc.jpg;uncertain;0.5\n"
    file = write(tmp_path, text)
    source = Path(f"{file}?file=path&prediction=pred&score=p")
    read = predictions.read(source, "confidence")
    np.testing.assert_allclose(read.score, [0.1, 0.8, np.nan])
    assert read.labels.tolist() == [0, 1, 2]
    with pytest.raises(DatasetError, match="add --score-is confidence, in Python score_is="):
        predictions.read(source)
    with pytest.raises(DatasetError, match=r"csv\?file=path&prediction=pred&score=p'"):
        predictions.read(file)
    with pytest.raises(DatasetError, match=r"lacks the columns prediction; .*&prediction=pred'"):
        predictions.read(Path(f"{file}?file=path&score=p"), "confidence")
    same = Path(f"{write(tmp_path, text)}?file=path&prediction=pred&label=pred&score=p")
    with pytest.raises(DatasetError, match="line 4: label 'uncertain' is unknown"):
        predictions.read(same, "confidence")
    low = write(tmp_path, "file,prediction,score\na.jpg,man,0.2\n")
    with pytest.raises(DatasetError, match=r"below 0\.5"):
        predictions.read(low, "confidence")
