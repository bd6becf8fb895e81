"""Evaluations and audits of frames, as in notebooks."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import audits
import genderscope
from fakes import BrightnessClassifier, CountingDetector
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.results import Document
from genderscope.evaluation import predictions

pandas = pytest.importorskip("pandas", reason="needs the extra [dev]")
polars = pytest.importorskip("polars", reason="needs the extra [dev]")

FRAMES = pytest.mark.parametrize("read", [pandas.read_csv, polars.read_csv])


@pytest.fixture(scope="module")
def scope() -> genderscope.Scope:
    return genderscope.Scope(BrightnessClassifier(), CountingDetector())


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighty pictures, in which the bright ones are labelled man, and one without a label."""
    folder = tmp_path_factory.mktemp("pictures")
    lines = ["file,label,light"]
    for number in range(81):
        image = np.full((8, 8, 3), 220 if number > 42 else 30, np.uint8)
        image[0, 0] = 0  # no face is found: the whole picture is classified
        file = folder / f"{number}.png"
        cv2.imwrite(str(file), image)
        label = "" if number == 80 else "man" if number > 42 else "woman"
        lines.append(f"{file},{label},{'bright' if number % 2 else 'dim'}")
    path = folder / "table.csv"
    path.write_text("\n".join(lines))
    return path


def same(result: Document) -> dict[str, Any]:
    """What does not depend on where the pictures were listed."""
    origin = ("provenance", "dataset", "split", "name")
    return {name: value for name, value in result.to_dict().items() if name not in origin}


@FRAMES
def test_a_frame_is_evaluated_as_a_table_is(read: Any, table: Path, scope: Any) -> None:
    result = genderscope.evaluate(read(table), scope)
    assert (result.n, result.dataset, len(result.unlabelled)) == (80, "frame", 1)
    assert result.rates.accuracy.value == 1
    assert same(result) == same(genderscope.evaluate(f"table:{table}", scope))
    assert "<td>accuracy, light dim</td><td>40</td><td>100.0% (91.2 to 100.0)" in (
        result._repr_html_()
    )
    few = genderscope.evaluate(read(table), scope, limit=np.int64(70), batch_size=np.uint8(9))
    assert few.n == 70
    with pytest.raises(DatasetError, match="frame lacks the columns label; it has: file, light"):
        genderscope.evaluate(read(table)[["file", "light"]], scope)
    with pytest.raises(UsageError, match="a pandas or Polars frame, or its name, not list"):
        genderscope.evaluate([table], scope)


@FRAMES
def test_a_frame_is_audited_as_a_table_is(read: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    predictions.write(file, audits.predicted(n=400))
    result = genderscope.audit(read(file), ["race"])
    assert same(result) == same(genderscope.audit(file, ["race"]))
    assert (result.name, result.unlabelled) == ("frame", 8)
    shown = result._repr_html_()
    for group in ("all", "race Black", "race White"):
        assert f"<td>{group}</td>" in shown
    for every in (None, ()):
        assert genderscope.audit(read(file), every).by == ("gender", "race", "age")
    with pytest.raises(UsageError, match="no column 'height'"):
        genderscope.audit(read(file), ["height"])


def test_a_lazy_frame_is_refused() -> None:
    with pytest.raises(UsageError, match="a pandas or Polars frame, or its name, not LazyFrame"):
        genderscope.audit(polars.LazyFrame({"file": ["a"], "label": ["man"], "score": [1.0]}))


@FRAMES
def test_the_score_of_a_frame_may_be_the_confidence(read: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    lines = [f"{number}.jpg,man,man,0.9" for number in range(40)]
    file.write_text("\n".join(["file,label,prediction,score", *lines, "x.jpg,woman,woman,0.8"]))
    result = genderscope.audit(read(file), ["gender"], score_is="confidence")
    assert same(result) == same(genderscope.audit(file, ["gender"], score_is="confidence"))
    assert result.overall.answers["woman"] == 1
    with pytest.raises(DatasetError, match="lacks the columns prediction; it has: file, label"):
        genderscope.audit(read(file)[["file", "label", "score"]], score_is="confidence")
    with pytest.raises(DatasetError, match="lacks the columns prediction or score; it has: file"):
        genderscope.audit(read(file)[["file", "label"]])
    file.write_text("\n".join(["file,label,prediction", *["1.jpg,man,man"] * 2]))
    with pytest.raises(DatasetError, match="frame, row 2: repeats row 1"):
        genderscope.audit(read(file))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, not 0"),
        ({"limit": -1}, "limit must be a whole number of at least 1, not -1"),
        ({"limit": 1.5}, "limit must be a whole number of at least 1, not 1.5"),
        ({"limit": True}, "limit must be a whole number of at least 1, not True"),
        ({"split": "val"}, "a frame has no splits"),
    ],
)
def test_evaluate_refuses_what_cannot_work(
    scope: genderscope.Scope, table: Path, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        genderscope.evaluate(pandas.read_csv(table), scope, **options)


def test_evaluate_needs_a_scope(table: Path) -> None:
    with pytest.raises(UsageError, match=r"scope must be what load\(\) returns, not 'fast'"):
        genderscope.evaluate(pandas.read_csv(table), "fast")  # type: ignore[arg-type]


def test_evaluate_needs_the_name_of_a_split(scope: genderscope.Scope, table: Path) -> None:
    with pytest.raises(UsageError, match="split must be a name, not 5"):
        genderscope.evaluate(f"folder:{table.parent}", scope, split=5)  # type: ignore[arg-type]


def test_evaluate_says_how_a_table_is_named(scope: genderscope.Scope) -> None:
    with pytest.raises(UsageError, match=r"such as table:labels\.csv, not 'labels\.csv'"):
        genderscope.evaluate("labels.csv", scope)


def test_audit_refuses_a_depth_of_0(table: Path) -> None:
    with pytest.raises(UsageError, match="depth must be a whole number of at least 1, not 0"):
        genderscope.audit(table, depth=0)


def test_audit_refuses_an_unknown_meaning_of_scores(table: Path) -> None:
    with pytest.raises(UsageError, match="score_is must be one of man, confidence, not 'woman'"):
        genderscope.audit(table, score_is="woman")  # type: ignore[arg-type]
