"""The commands ``genderscope counterfactuals`` and ``prepare --counterfactual``."""

import json
import os

import cv2
import numpy as np
import pytest

from console import run
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation.counterfactuals import Counterfactuals

pytest.importorskip("scipy", reason="needs the extra [eval]")
pytest.importorskip("pyarrow", reason="needs the extra [eval]")


@pytest.fixture
def faces(tmp_path, portrait):
    folder = tmp_path / "faces" / "woman"
    folder.mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(portrait.read_bytes())
    return f"folder:{tmp_path / 'faces'}"


@pytest.fixture
def yunet(shared, monkeypatch):
    """The detector's weights, where commands look for them."""
    weights = next(shared.glob("models/*yunet*.onnx"))
    monkeypatch.setitem(os.environ, "GENDERSCOPE_YUNET", str(weights))


def test_measures_writes_and_draws(faces, yunet, model, tmp_path):
    report, sheet, out = (tmp_path / name for name in ("new/r.json", "new/s.jpg", "pictures"))
    (tmp_path / "faces" / "woman" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    done = run(
        *("counterfactuals", "-q", "--dataset", faces),
        *("--conditions", "clear glasses,surgical mask"),
        *("--json", report, "--sheet", sheet, "--pictures-out", out, "--seed", 3),
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr == "skipped: 1: the picture cannot be read\n"
    assert "surgical mask" in done.stdout
    results = Counterfactuals.load(report)
    assert (results.model, results.n, results.sheet) == (model, 2, "s.jpg")
    assert (results.provenance.seed, results.detector) == (3, "yunet")
    assert [one.name for one in results.conditions] == ["clear glasses", "surgical mask"]
    assert results.provenance.command.startswith("genderscope counterfactuals --dataset folder:")
    assert cv2.imread(str(sheet)).shape[0] > 300
    assert len(list(out.glob("*/*.png"))) == 6

    again = run("counterfactuals", "--dataset", faces, "--limit", 1, "--conditions", "blur")
    assert again.returncode == 0, again.stderr
    assert not list(tmp_path.glob("**/blur"))


def test_results_name_only_a_sheet_beside_them(faces, yunet, tmp_path):
    report, sheet = tmp_path / "a" / "r.json", tmp_path / "b" / "s.jpg"
    options = ("--limit", 1, "--conditions", "blur", "--json", report, "--sheet", sheet)
    done = run("counterfactuals", "--dataset", faces, *options)
    assert done.returncode == 0, done.stderr
    assert (
        f"{sheet} is not beside {report}: audit --counterfactuals will not show it" in done.stderr
    )
    assert sheet.is_file()
    assert Counterfactuals.load(report).sheet is None


def test_anybodys_answers_are_measured(tmp_path):
    rows = ["file,label,face,condition,prediction,race,gender"]
    for face in range(40):
        for condition, said in (("original", "woman"), ("hat", "man" if face < 8 else "woman")):
            rows.append(f"{condition}/{face}.png,woman,{face},{condition},{said},White,fluid")
    (tmp_path / "theirs.csv").write_text("\n".join(rows))
    report = tmp_path / "r.json"
    done = run("counterfactuals", "--predictions", tmp_path / "theirs.csv", "--json", report)
    assert done.returncode == 0, done.stderr
    assert "the data set's column 'gender' is left out" in done.stderr
    [hat] = Counterfactuals.load(report).conditions
    assert (hat.flip_rate.n, hat.flip_rate.value) == (40, 0.2)
    assert (hat.to_man, hat.accuracy.value) == (0.2, 0.8)
    assert hat.by_group["race"]["White"].value == 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give either a --dataset or the --predictions"),
        (["--conditions", "monocle"], "no condition 'monocle'; there are: all, head scarf, hat"),
        (["--sheet", "s.pdf"], "s.pdf should end in one of .jpg, .jpeg, .png"),
        (["--detector", "haar"], "no landmarks; 'genderscope models pull yunet' gets one"),
        (["--score-is", "confidence"], "--score-is requires --predictions"),
        (["--predictions", "nowhere.csv"], "give either a --dataset or the --predictions"),
    ],
)
def test_refusals_are_one_line(faces, model, options, message):
    named = ["--dataset", faces] if options else []
    done = run("counterfactuals", *named, *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_prepare_cuts_altered_faces(faces, yunet, tmp_path):
    plain, masked, mixed = (tmp_path / name for name in ("plain", "masked", "mixed"))
    for out, options in (
        (plain, ()),
        (masked, ("--counterfactual", "surgical mask")),
        (mixed, ("--counterfactual", "random", "--seed", 1)),
    ):
        done = run("prepare", faces, "--out", out, "--jobs", 1, *options)
        assert done.returncode == 0, done.stderr
    every = np.arange(2)
    before, after = (Crops(out).exact(every).astype(int) for out in (plain, masked))
    assert abs(after - before)[:, 40:56, 20:44].mean() > 20  # nose, mouth and chin
    assert abs(after - before)[:, :24].max() <= 2  # eyes and above
    assert Crops(plain).manifest.counterfactual is None
    assert Crops(mixed).manifest.counterfactual == "random, seed 1"
    assert Crops(masked).located.all()

    # One made before there was such a thing is one without.
    plan = json.loads((plain / "plan.json").read_text())
    del plan["counterfactual"]
    (plain / "plan.json").write_text(json.dumps(plan))
    assert run("prepare", faces, "--out", plain, "--jobs", 1).returncode == 0
    other = run("prepare", faces, "--out", plain, "--jobs", 1, "--counterfactual", "hat")
    assert other.returncode == 2
    assert "counterfactual was None and is 'hat, seed 0'" in other.stderr
    unknown = run("prepare", faces, "--out", tmp_path / "new", "--counterfactual", "monocle")
    assert unknown.returncode == 2
    assert "no condition 'monocle'" in unknown.stderr
    assert not (tmp_path / "new").exists()
