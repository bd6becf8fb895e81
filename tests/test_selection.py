"""Selection: each condition, and the counts against an independent computation."""

from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from genderscope.core.errors import UsageError
from genderscope.core.types import Sample
from genderscope.data.datasets import imdb
from genderscope.data.selection import REFERENCE, Selected, Selection
from imdb_mat import table, write

ANYTHING = {"gender_known": False, "present": False}


def keeps(selection, **fields):
    sample = Sample(**({"file": None, "label": 1} | fields))
    return list(Selected([sample], selection)) == [sample]


@pytest.mark.parametrize(
    ("condition", "kept", "removed"),
    [
        ({"gender_known": True}, [{"label": 0}, {"label": 1}], [{"label": None}]),
        (
            {"min_face_score": 1.0},
            [{"face_score": 1.1}],
            [{"face_score": 1.0}, {"face_score": -inf}, {"face_score": None}],
        ),
        (
            {"max_second_face_score": None},
            [{"second_face_score": None}],
            [{"second_face_score": -5.0}],
        ),
        (
            {"max_second_face_score": 2.0},
            [{"second_face_score": None}, {"second_face_score": 1.9}],
            [{"second_face_score": 2.0}],
        ),
        (
            {"without": frozenset({"train/1.jpg"})},
            [{"file": Path("x/val/1.jpg")}, {"file": Path("x/train/2.jpg")}],
            [{"file": Path("x/train/1.jpg")}, {"file": Path("/y/train/1.jpg")}],
        ),
        ({"min_age": 18}, [{"age": 18.0}], [{"age": 17.9}, {"age": None}]),
        ({"max_age": 60}, [{"age": 60.0}, {"age": 0.0}], [{"age": 60.1}, {"age": None}]),
        ({}, [{"label": None, "second_face_score": 9.0, "face_score": -inf}], []),
    ],
)
def test_conditions(condition, kept, removed):
    selection = Selection(**(ANYTHING | condition))
    assert all(keeps(selection, **fields) for fields in kept)
    assert not any(keeps(selection, **fields) for fields in removed)


def test_a_listed_picture_is_not_taken_for_one_of_its_name_in_another_data_set(tmp_path):
    a, b, copy = (tmp_path / name / "images" for name in ("a", "b", "copy"))
    for folder in (a, b, copy):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    without = frozenset({str(a / "1.png"), str(b / "2.png")})
    selection = Selection(without=without, **ANYTHING)
    linked = tmp_path / "link" / "images"
    assert all(keeps(selection, file=file) for file in (a / "2.png", b / "1.png"))
    assert not any(
        keeps(selection, file=file)
        for file in (a / "1.png", b / "2.png", linked / "1.png", copy / "1.png", copy / "2.png")
    )


def test_pictures(tmp_path, portrait):
    samples = [Sample(file, 1) for file in (portrait, tmp_path / "none.jpg", tmp_path)]
    present = Selected(samples, Selection())
    assert [sample.file for sample in present] == [portrait]
    assert present.removed == {"gender known": 0, "picture present": 2}


def test_streams_and_counts_as_it_goes():
    def samples():
        yield Sample(None, None)
        yield Sample(None, 1)
        raise RuntimeError("the second was asked for first")

    selected = Selected(samples(), Selection(present=False))
    assert next(iter(selected)).label == 1
    assert (selected.seen, selected.removed) == (2, {"gender known": 1})


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"min_age": 30, "max_age": 20}, "no age is at least 30 and at most 20"),
        ({"min_face_score": nan}, "not NaN"),
    ],
)
def test_bounds_are_validated(bounds, message):
    with pytest.raises(UsageError, match=message):
        Selection(**bounds)


def test_counts_on_imdb_equal_those_of_numpy(tmp_path):
    pytest.importorskip("scipy", reason="needs the eval extra")
    columns = table(rows=5_000, seed=3)
    write(tmp_path / "imdb.mat", columns)
    there = np.arange(5_000) % 7 != 0
    for name in np.array(columns["full_path"])[there]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    birth = [
        np.datetime64("0000-01-01") + int(day) - 1 if day == day else np.datetime64("NaT")
        for day in columns["dob"]
    ]
    middle_of_year = [np.datetime64(f"{int(year)}-07-01") for year in columns["photo_taken"]]
    days = (np.array(middle_of_year) - np.array(birth)).astype("timedelta64[D]")
    years = np.where(np.isnat(days), np.nan, days.astype(float)) / 365.2425
    age_known = (years > 0) & (years < 123)
    conditions = {
        "gender known": np.isin(columns["gender"], [0, 1]),
        "face score above 3": columns["face_score"] > 3,
        "no second face": np.isnan(columns["second_face_score"]),
        "age at least 18": age_known & (years >= 18),
        "age at most 60": age_known & (years < 61),
        "picture present": there,
    }
    left = np.ones(5_000, bool)
    removed = {}
    for name, holds in conditions.items():
        removed[name] = int((left & ~holds).sum())
        left &= holds

    selection = Selection(
        min_face_score=REFERENCE.min_face_score,
        max_second_face_score=REFERENCE.max_second_face_score,
        min_age=18,
        max_age=60,
    )
    selected = Selected(imdb.read(tmp_path, "all"), selection)
    kept = [str(sample.file.relative_to(tmp_path)) for sample in selected]
    assert kept == np.array(columns["full_path"])[left].tolist()
    assert selected.removed == removed
    assert min(removed.values()) > 0
    assert (selected.seen, sum(selected.removed.values())) == (5_000, (~left).sum())
