"""``genderscope audit`` as people run it: in a process of its own."""

import csv
import json

import pytest

from console import run
from genderscope.evaluation import predictions
from html_outline import assert_self_contained
from test_audit import FLIPS, LOOKS, SHEET, predicted

pytest.importorskip("fairlearn", reason="needs the eval extra")


@pytest.fixture
def table(tmp_path):
    """Anybody's predictions."""
    file = tmp_path / "vendor.csv"
    predictions.write(file, predicted())
    return file


def test_writes_one_report_three_times_and_the_same_each_time(table, tmp_path):
    (tmp_path / "flips.json").write_text(json.dumps(FLIPS))
    (tmp_path / "sheet.jpg").write_bytes(SHEET)
    (tmp_path / "looks.json").write_text(json.dumps(LOOKS))
    options = ["audit", "--predictions", table, "--by", "race, gender", "--seed", 3]
    options += ["--counterfactuals", tmp_path / "flips.json", "--regions", tmp_path / "looks.json"]
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        done = run(*options, "--out", folder)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert done.stdout.splitlines()[-1] == f"The page lies in {folder / 'audit.html'}"
    names = ["audit.html", "audit.json", "audit.md"]
    assert sorted(file.name for file in folders[0].iterdir()) == names
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    numbers = json.loads((folders[0] / "audit.json").read_text())
    assert numbers["counterfactuals"] == FLIPS
    assert numbers["command"].startswith("genderscope audit --by race,gender --out DIR --depth 2")
    outline = assert_self_contained((folders[0] / "audit.html").read_text())
    assert len(outline.named("img")) == 1  # the sheet
    assert "Of 100 Black women, about" in outline.text


def test_runs_a_model_on_a_data_set_and_keeps_what_it_said(tmp_path, portrait, model):
    faces = tmp_path / "faces"
    for name in ("woman/a.jpg", "woman/b.jpg", "man/c.jpg", "d.jpg"):
        (faces / name).parent.mkdir(parents=True, exist_ok=True)
        (faces / name).write_bytes(portrait.read_bytes())
    (faces / "man" / "broken.jpg").write_bytes(portrait.read_bytes()[:3000])
    out = tmp_path / "out"
    done = run(
        "audit", "--dataset", f"folder:{faces}", "--model", model, "--detector", "haar",
        "--by", "gender", "--out", out,
    )  # fmt: skip
    assert done.returncode == 1
    assert "unreadable" in done.stderr
    assert "1 pictures could not be read, and count as errors" in done.stderr
    with (out / "predictions.csv").open(newline="") as lines:
        said = {row["file"].split("/")[-1]: row["prediction"] for row in csv.DictReader(lines)}
    assert said.pop("broken.jpg") == ""
    assert set(said) == {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}
    numbers = json.loads((out / "audit.json").read_text())
    assert (numbers["n"], numbers["unlabelled"], numbers["no_answer"]) == (4, 1, 1)
    again = run("audit", "--predictions", out / "predictions.csv", "--by", "gender", "--out", out)
    assert again.returncode == 0
    assert json.loads((out / "audit.json").read_text())["overall"] == numbers["overall"]


def test_persons_of_a_data_set_are_known(tmp_path, portrait, model):
    (tmp_path / "a.jpg").write_bytes(portrait.read_bytes())
    (tmp_path / "b.jpg").write_bytes(portrait.read_bytes())
    (tmp_path / "t.csv").write_text("file,label,who\na.jpg,woman,eve\nb.jpg,woman,eve\n")
    source = f"table:{tmp_path / 't.csv'}?identity=who"
    done = run(
        "audit", "--dataset", source, "--model", model, "--detector", "haar",
        "--by", "gender", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out" / "audit.json").read_text())["persons"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name a --dataset to run a model on, or the --predictions of one"),
        (["--predictions", "TABLE", "--dataset", "folder:x"], "name a --dataset to run a model on"),
        (["--predictions", "TABLE", "--by", "race,rage"], "has no column 'rage'; there are: race"),
        (["--predictions", "TABLE", "--by", ","], "no column is named to divide by"),
        (["--predictions", "TABLE", "--limit", "9"], "--limit goes with --dataset, not with --pr"),
        (["--predictions", "none.csv"], "none.csv is not a file"),
        (["--dataset", "fairface"], "a data set is written NAME:PATH"),
        (["--predictions", "TABLE", "--regions", "none.json"], "none.json cannot be read as JSON"),
        (["--predictions", "TABLE", "--regions", "TABLE"], "vendor.csv cannot be read as JSON"),
        (["--predictions", "TABLE", "--counterfactuals", "NOSHEET"], "names a sheet that cannot"),
    ],
)
def test_refusals_leave_nothing_behind(table, tmp_path, options, message):
    (tmp_path / "flips.json").write_text(json.dumps(FLIPS))
    places = {"TABLE": str(table), "NOSHEET": str(tmp_path / "flips.json")}
    out = tmp_path / "out"
    by = [] if "--by" in options else ["--by", "race"]
    done = run("audit", *(places.get(word, word) for word in options), *by, "--out", out)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()
