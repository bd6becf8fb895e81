"""Two methods' predictions of the same pictures, from the tables to the report and the sheet."""

import os
import sys
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
import typer
from typer.testing import CliRunner

from genderscope.cli.compare import compare as command
from genderscope.core.errors import DatasetError, MissingExtra, ModelError, UsageError
from genderscope.core.results import Estimate, Provenance, versions
from genderscope.core.types import Sample
from genderscope.evaluation import compare, metrics
from genderscope.evaluation.metrics.paired import McNemar
from genderscope.evaluation.predictions import Predictions
from genderscope.reporting import sheets

pytest.importorskip("sklearn", reason="needs the eval extra")

NAN = np.nan
PROVENANCE = Provenance(command="genderscope compare", versions=versions(), seed=0)


def said(
    name: str, files: list[str], truth: list[int], score: list[float], min_confidence=0.5, **columns
) -> Predictions:
    scores = np.array(score, np.float64)
    sure = np.maximum(scores, 1 - scores) >= min_confidence
    answer = np.where(np.isnan(scores), -1, np.where(sure, scores > 0.5, 2))
    given = {column: tuple(values) for column, values in columns.items()}
    return Predictions(name, tuple(files), np.array(truth), scores, answer, given)


def invoke(*arguments: object):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.mark.parametrize(
    ("a", "b", "joined_by", "joined", "only_a", "only_b"),
    [
        (["x/1.jpg"], ["x/1.jpg"], "path", ["x/1.jpg"], [], []),
        # The order is A's, and what is on one side alone is named.
        (["2", "1", "3"], ["1", "4", "2"], "path", ["2", "1"], ["3"], ["4"]),
        # The same data set in two places, in which names alone are not enough.
        (
            ["/a/val/1.jpg", "/a/train/1.jpg", "/a/train/2.jpg"],
            ["b/train/1.jpg", "b/val/1.jpg"],
            "folder and name",
            ["/a/val/1.jpg", "/a/train/1.jpg"],
            ["/a/train/2.jpg"],
            [],
        ),
        (
            ["/a/val/1.jpg", "/a/val/2.jpg"],
            ["2.jpg"],
            "name",
            ["/a/val/2.jpg"],
            ["/a/val/1.jpg"],
            [],
        ),
        # One table was named by its absolute path, and folders and names are not enough.
        (
            ["1/cam/a.jpg", "2/cam/a.jpg"],
            [os.path.abspath("2/cam/a.jpg"), os.path.abspath("1/cam/a.jpg")],
            "path",
            ["1/cam/a.jpg", "2/cam/a.jpg"],
            [],
            [],
        ),
        # One path that is the same by chance decides less than all the names.
        (["b/2.jpg", "a/1.jpg"], ["b/2.jpg", "c/1.jpg"], "name", ["b/2.jpg", "a/1.jpg"], [], []),
    ],
)
def test_pictures_are_joined(a, b, joined_by, joined, only_a, only_b):
    first = said("a", a, [-1] * len(a), [0.1] * len(a))
    second = said("b", b, [-1] * len(b), list(np.linspace(0.2, 0.9, len(b))))
    pair = compare.join(first, second)
    assert pair.joined_by == joined_by
    assert pair.a.files == tuple(joined)
    assert [Path(file).name for file in pair.b.files] == [Path(file).name for file in joined]
    assert (pair.only_a, pair.only_b) == (tuple(only_a), tuple(only_b))
    of_file = dict(zip(second.files, second.score, strict=True))
    assert pair.b.score.tolist() == [of_file[file] for file in pair.b.files]


def test_labels_and_columns_come_from_either_side():
    a = said("a", ["1", "2", "3"], [0, -1, -1], [0.1] * 3, light=["dim", "dim", ""])
    b = said("b", ["1", "2", "3"], [0, 1, -1], [0.1] * 3, light="xyz", age=["3", "4", "5"])
    pair = compare.join(a, b)
    for side in (pair.a, pair.b):
        assert side.truth.tolist() == [0, 1, -1]
        assert side.columns == {"light": ("dim", "dim", ""), "age": ("3", "4", "5")}


@pytest.mark.parametrize(
    ("files", "truth", "message"),
    [
        (["1", "2"], [0, 0], "2 is labelled man in a and woman in b"),
        (["1", "1"], [0, 0], "1 occurs twice in b"),
        (["8", "9"], [0, 0], "a and b have no picture in common.* first of each: 1, 8"),
        ([], [], "a and b have no picture in common"),
    ],
)
def test_refuses_tables_that_do_not_fit(files, truth, message):
    a = said("a", ["1", "2"], [0, 1], [0.1, 0.9])
    with pytest.raises(DatasetError, match=message):
        compare.join(a, said("b", files, truth, [0.1] * len(files)))


def test_the_same_samples_may_come_twice():
    """As a data set lists them, and as both models then answer."""
    a, b = (said(name, ["1", "1"], [0, 0], score) for name, score in (("a", [0, 1]), ("b", [1, 1])))
    assert compare.join(a, b).b.score.tolist() == [1, 1]


@pytest.fixture
def pair() -> compare.Pair:
    """100 pictures: 40 that both have right, 30 that A alone has, 10 that B alone has, 15 that
    neither has (5 of them without an answer of B), and 5 of unknown truth.
    """
    truth = [1] * 95 + [-1] * 5
    a = [0.9] * 40 + [0.6] * 30 + [0.2] * 10 + [0.3] * 15 + [0.9] * 5
    b = [0.8] * 40 + [0.1] * 30 + [0.7] * 10 + [0.1] * 10 + [NAN] * 5 + [0.1] * 5
    files = [f"{row}.jpg" for row in range(100)]
    light = ["dim"] * 75 + ["bright"] * 25
    return compare.join(
        said("mine", files, truth, a, 0.7, light=light), said("theirs", files, truth, b, 0.75)
    )


def test_report_by_hand(pair):
    found = compare.compare(pair, PROVENANCE)
    assert compare.Comparison.decode(found.encode(), "here") == found
    assert (found.a, found.b) == ("mine", "theirs")
    assert (found.n_pictures, found.n_unlabelled) == (100, 5)

    forced = found.without_abstention
    assert forced.n_no_answer == {"a": 0, "b": 5}
    accuracies = forced.accuracies
    assert accuracies.a.n == 95
    assert accuracies.a.value == pytest.approx(70 / 95)
    assert accuracies.b.interval == metrics.wilson(50, 95)
    assert accuracies.difference.value == pytest.approx(20 / 95)
    low, high = accuracies.difference.interval
    assert 0 < low < 20 / 95 < high
    assert (accuracies.both_right, accuracies.neither_right) == (40, 15)
    assert (accuracies.mcnemar.a_only, accuracies.mcnemar.b_only) == (30, 10)
    assert accuracies.mcnemar.p == pytest.approx(0.00222, rel=0.01)
    assert forced.agreement.share.n == 100
    assert forced.agreement.share.value == 0.5

    given = found.as_given
    assert given.a.accuracy.n == 65  # 0.6 lies below its threshold
    assert given.a.accuracy.value == pytest.approx(40 / 65)
    assert given.b.coverage.value == pytest.approx(80 / 95)  # 10 are uncertain, 5 not answered
    both = given.both_answered
    assert both.a.n == 50
    assert both.mcnemar == McNemar(a_only=0, b_only=0, p=1)
    assert given.agreement.share.value == 0.5

    groups = found.by_group["light"]
    assert list(groups) == ["bright", "dim"]
    assert groups["dim"].difference.n == 75
    assert groups["dim"].difference.value == pytest.approx(25 / 75)
    assert groups["bright"].a == Estimate(n=20, value=None, interval=None)
    assert groups["bright"].difference == Estimate(n=20, value=None, interval=None)
    assert compare.compare(pair, PROVENANCE) == found  # seeded


def test_without_labels_only_the_agreement_is_left():
    files = [f"{row}.jpg" for row in range(40)]
    a, b = (said(name, files, [-1] * 40, [0.9] * 40) for name in "ab")
    found = compare.compare(compare.join(a, b), PROVENANCE)
    assert compare.Comparison.decode(found.encode(), "here") == found
    assert found.without_abstention.accuracies.a == Estimate(n=0, value=None, interval=None)
    assert found.without_abstention.agreement.share.value == 1


def test_no_answer_is_not_answered_and_agrees_with_nothing():
    files = [f"{row}.jpg" for row in range(100)]
    a, b = (said(name, files, [1] * 100, [0.9] * 50 + [NAN] * 50) for name in "ab")
    found = compare.compare(compare.join(a, b), PROVENANCE)
    assert found.as_given.a.coverage.value == 0.5
    assert found.as_given.a.accuracy == Estimate(n=50, value=1, interval=metrics.wilson(50, 50))
    assert found.as_given.both_answered.a.n == 50
    for one in (found.as_given, found.without_abstention):
        assert (one.agreement.share.n, one.agreement.share.value) == (50, 1)


def test_the_farthest_apart_come_first(pair):
    rows = sheets.disagreements(pair)
    assert len(rows) == 50
    apart = abs(pair.a.score - pair.b.score)[rows]
    assert apart[0] == pytest.approx(0.8)
    known = apart[~np.isnan(apart)]
    assert list(known) == sorted(known, reverse=True)
    assert np.isnan(apart[-5:]).all()


def test_the_sheet_shows_the_pictures(tmp_path):
    files = [str(tmp_path / f"{colour}.png") for colour in ("red", "green", "gone")]
    for file, colour in zip(files, ((0, 0, 255), (0, 255, 0)), strict=False):
        cv2.imwrite(file, np.full((60, 90, 3), colour, np.uint8))
    bare = [Path(file).name for file in files]  # in a table far from the pictures
    for of_a, of_b in ((files, files), (files, bare), (bare, files)):
        a = said("a", of_a, [1, 0, -1], [0.9, 0.1, 0.6], 0.7)
        b = said("b", of_b, [1, 0, -1], [0.1, 0.2, NAN])
        pixels = np.asarray(sheets.of_disagreements(compare.join(a, b)))
        shown = {tuple(colour) for colour in pixels.reshape(-1, 3)}
        assert (0, 0, 255) in shown
        assert sheets.GREY in shown  # cannot be read
        assert (0, 255, 0) not in shown  # they agree on it


def table(file: Path, rows: list[str], header: str = "file,label,score") -> Path:
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def test_the_command_compares_tables(tmp_path):
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 60)
    names = [("woman", "man")[label] for label in truth]
    good = [f"{n}.jpg,{names[n]},{abs(truth[n] - 0.1):.2f}" for n in range(60)]
    bad = [f"{n}.jpg,{('man', 'uncertain')[n % 2]}" for n in range(59, 1, -1)]
    a = table(tmp_path / "good.csv", good)
    b = table(tmp_path / "bad.csv", [*bad, "other.jpg,man"], "file,prediction")
    out = tmp_path / "out" / "found.json"
    result = invoke(a, b, "--json", out)
    assert result.exit_code == 1, result.output  # three are on one side alone
    found = compare.Comparison.load(out)
    assert (found.a, found.b, found.n_pictures) == ("good", "bad", 58)
    assert found.without_abstention.accuracies.a.value == 1
    assert found.without_abstention.n_no_answer["b"] == 29
    assert found.as_given.b.coverage.value == 0.5
    assert [Path(file).name for file in found.only_a] == ["0.jpg", "1.jpg"]
    assert len(found.failed) == 3
    assert result.stderr.count("only in good: ") == 2
    assert "other.jpg" in result.stderr
    assert "58 pictures in both" in " ".join(result.stdout.split())


def test_a_group_without_a_name_is_called_not_stated(tmp_path):
    rows = [f"{n}.jpg,man,man,{('', 'dim')[n % 2]}" for n in range(60)]
    names = "file,label,prediction,light"
    a = table(tmp_path / "a.csv", rows, names)
    b = table(
        tmp_path / "b.tsv", [row.replace(",", "\t") for row in rows], names.replace(",", "\t")
    )
    result = invoke(a, b)
    assert [line.split()[:3] for line in result.stdout.splitlines() if " 30 " in line] == [
        ["not", "stated", "30"],
        ["dim", "30", "100.0"],
    ]


def test_the_command_takes_labels_from_a_data_set(tmp_path):
    for name in ("woman/a.png", "man/b.png", "man/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), np.zeros((9, 9, 3), np.uint8))
    rows = ["a.png,woman", "b.png,man", "elsewhere.png,man"]
    a = table(tmp_path / "a.csv", rows, "file,prediction")
    b = table(tmp_path / "b.csv", rows[:2], "file,prediction")
    out = tmp_path / "found.json"
    result = invoke(a, b, "--dataset", f"folder:{tmp_path}", "--json", out)
    assert result.exit_code == 1
    found = compare.Comparison.load(out)
    assert (found.without_abstention.accuracies.a.n, found.split) == (2, "all")
    assert found.without_abstention.accuracies.both_right == 2
    assert found.failed == (f"not in the data set: {tmp_path}/elsewhere.png",)


def test_the_command_runs_models(tmp_path, model, portrait):
    for name in ("woman/a.jpg", "woman/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(portrait.read_bytes())
    a = table(tmp_path / "mine.csv", ["a.jpg,woman,0.99", "b.jpg,woman,0.01"])
    out, sheet = tmp_path / "found.json", tmp_path / "apart.png"
    asked = ("--dataset", f"folder:{tmp_path}", "--detector", "haar", "--json", out)
    result = invoke(a, model, *asked, "--sheet", sheet)
    assert result.exit_code == 0, result.output
    found = compare.Comparison.load(out)
    assert (found.a, found.b) == ("mine", model)
    assert found.without_abstention.accuracies.mcnemar == McNemar(a_only=0, b_only=1, p=1)
    with PIL.Image.open(sheet) as picture:
        assert picture.format == "PNG"

    same = invoke(model, model, *asked, "--overwrite")
    assert same.exit_code == 0, same.output
    assert compare.Comparison.load(out).without_abstention.agreement.share.value == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("mini_xception", "standard_cnn"), UsageError, "'mini_xception' needs a --dataset"),
        (("none.csv", "none.csv"), DatasetError, "none.csv is not a file"),
        (("none.onnx", "x", "--dataset", "folder:."), ModelError, "no model 'none.onnx'"),
        (
            ("a.csv", "b.csv", "--sheet", "s.jpg"),
            UsageError,
            "--sheet writes a .png file, not s.jpg",
        ),
        (("a.csv", "b.csv", "--limit", "5"), UsageError, "--limit requires --dataset"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, error, message):
    result = invoke(*arguments)
    assert isinstance(result.exception, error)
    assert message in str(result.exception)


def test_the_command_names_the_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert isinstance(invoke("a.csv", "b.csv").exception, MissingExtra)


def test_a_data_set_says_nothing():
    empty = compare.truths([Sample(Path("a.jpg"), 1, groups={"light": "dim"})], "set")
    assert (empty.truth.tolist(), empty.labels.tolist()) == ([1], [-1])
    assert empty.columns == {"light": ("dim",)}
