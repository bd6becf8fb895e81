"""``genderscope audit`` as people run it: in a process of its own."""

import csv
import os

import pytest

from audits import FLIPS, LOOKS, SHEET, predicted
from console import run
from genderscope.evaluation import predictions
from genderscope.evaluation.audit.results import Audit
from html_outline import assert_self_contained

pytest.importorskip("scipy", reason="needs the eval extra")


@pytest.fixture
def table(tmp_path):
    """Anybody's predictions."""
    file = tmp_path / "vendor.csv"
    predictions.write(file, predicted())
    return file


def test_writes_one_report_three_times_and_the_same_each_time(table, tmp_path):
    FLIPS.save(tmp_path / "flips.json")
    (tmp_path / "sheet.jpg").write_bytes(SHEET)
    LOOKS.save(tmp_path / "looks.json")
    options = ["audit", "--predictions", table, "--by", "race, gender", "--seed", 3]
    options += ["--counterfactuals", tmp_path / "flips.json", "--regions", tmp_path / "looks.json"]
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        done = run(*options, "--out", folder)
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert done.stdout.splitlines()[-1] == f"The page is {folder / 'audit.html'}"
    names = ["audit.html", "audit.json", "audit.md", "sheet.jpg"]
    assert sorted(file.name for file in folders[0].iterdir()) == names
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    results = Audit.load(folders[0] / "audit.json")
    assert results.counterfactuals == FLIPS
    assert results.provenance.command.endswith("--out DIR")
    outline = assert_self_contained((folders[0] / "audit.html").read_text())
    assert len(outline.named("img")) == 1  # the sheet
    assert "Of 100 Black women, about" in outline.text


def test_rows_of_one_picture_are_mentioned(tmp_path):
    file = tmp_path / "two_methods.csv"
    file.write_text("file,label,score,by\na.jpg,man,1,A\na.jpg,man,1,B\nb.jpg,man,1,A\n")
    done = run("audit", "--predictions", file, "--by", "by", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("1 rows are of a picture in another row")


def test_the_page_is_made_again_from_the_numbers(table, tmp_path):
    FLIPS.save(tmp_path / "flips.json")
    (tmp_path / "sheet.jpg").write_bytes(SHEET)
    first, again = tmp_path / "first", tmp_path / "again"
    table = table.rename(tmp_path / os.fsdecode(b"caf\xe9.csv"))
    options = ["--by", "race", "--counterfactuals", tmp_path / "flips.json"]
    made = run("audit", "--predictions", table, *options, "--out", first)
    done = run("audit", "--from", first / "audit.json", "--out", again)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:-1] == made.stdout.splitlines()[:-1]
    for file in first.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()
    assert "caf\N{REPLACEMENT CHARACTER}" in (first / "audit.html").read_text("utf-8")


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
    assert "unreadable pictures, counted as errors: 1" in done.stderr
    with (out / "predictions.csv").open(newline="") as lines:
        said = {row["file"].split("/")[-1]: row["prediction"] for row in csv.DictReader(lines)}
    assert said.pop("broken.jpg") == ""
    assert set(said) == {"a.jpg", "b.jpg", "c.jpg", "d.jpg"}
    results = Audit.load(out / "audit.json")
    assert (results.n, results.unlabelled, results.no_answer) == (4, 1, 1)
    again = ("audit", "--predictions", out / "predictions.csv", "--by", "gender", "--out", out)
    kept = run(*again)
    assert (kept.returncode, kept.stderr) == (
        *(2, f"genderscope: {out / 'audit.json'} exists: add --overwrite to replace it\n"),
    )
    assert run(*again, "--overwrite").returncode == 0
    assert Audit.load(out / "audit.json").overall == results.overall


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
    assert Audit.load(tmp_path / "out" / "audit.json").persons == 1
    # An audit of what evaluate saved knows them too.
    said = tmp_path / "said.csv"
    done = run(
        "evaluate", "--dataset", source, "--model", model, "--detector", "haar",
        "--save-predictions", said,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = run("audit", "--predictions", said, "--by", "gender", "--out", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    assert Audit.load(tmp_path / "again" / "audit.json").persons == 1


def test_the_report_of_a_folder_whose_name_is_not_utf8_is_utf8(tmp_path, portrait, model):
    faces = tmp_path / os.fsdecode(b"caf\xe9") / "woman"
    faces.mkdir(parents=True)
    (faces / "a.jpg").write_bytes(portrait.read_bytes())
    done = run(
        "audit", "--dataset", f"folder:{faces.parent}", "--model", model, "--detector", "haar",
        "--by", "gender", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for name in ("audit.html", "audit.md"):
        assert "caf\ufffd" in (tmp_path / "out" / name).read_text("utf-8")


def test_a_column_that_cannot_divide_is_refused_before_the_model_runs(tmp_path):
    table = tmp_path / "t.csv"  # its pictures are absent, an error if they were read
    rows = (f"{row}.jpg,man,0.5,{row}\n" for row in range(201))
    table.write_text("file,label,score,name\n" + "".join(rows))
    source = f"table:{table}"
    for by, message in (
        ("rase", f"{source} has no column 'rase'; there are: name, gender"),
        ("score", f"{source} has no column 'score'; there are: name, gender"),
        ("name", "the column 'name' has 201 values; groups are at most 200"),
    ):
        done = run("audit", "--dataset", source, "--by", by, "--out", tmp_path / "out")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"genderscope: {message}\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give one of --dataset, --predictions and --from"),
        (
            ["--predictions", "TABLE", "--dataset", "folder:x"],
            "give one of --dataset, --predictions",
        ),
        (["--predictions", "TABLE", "--by", "race,rage"], "has no column 'rage'; there are: race"),
        (["--predictions", "TABLE", "--by", ","], "to divide by: add --by race,age,gender"),
        (["--predictions", "TABLE", "--limit", "9"], "--limit requires --dataset"),
        (["--predictions", "TABLE", "--model", "fast"], "--model requires --dataset"),
        (["--predictions", "none.csv"], "none.csv is not a file"),
        (["--dataset", "folder:x", "--score-is", "confidence"], "--score-is requires --pred"),
        (["--dataset", "fairface"], "a data set is written NAME:PATH"),
        (["--predictions", "TABLE", "--regions", "none.json"], "none.json cannot be read"),
        (["--predictions", "TABLE", "--regions", "TABLE"], "vendor.csv is not a result file"),
        (["--predictions", "TABLE", "--counterfactuals", "NOSHEET"], "names a sheet that cannot"),
        (["--predictions", "TABLE", "--counterfactuals", "TABLE"], "is not a result file"),
        (["--from", "TABLE", "--by", "race"], "--from renders an existing audit"),
        (["--from", "TABLE", "--depth", "3"], "--from renders an existing audit"),
        (["--from", "NOSHEET"], "a file of kind 'counterfactuals', not 'audit'"),
    ],
)
def test_refusals_leave_nothing_behind(table, tmp_path, options, message):
    FLIPS.save(tmp_path / "flips.json")
    places = {"TABLE": str(table), "NOSHEET": str(tmp_path / "flips.json")}
    out = tmp_path / "out"
    by = [] if {"--by", "--from"} & {*options} else ["--by", "race"]
    done = run("audit", *(places.get(word, word) for word in options), *by, "--out", out)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()
