"""Evaluation from pictures on disk to the report, with a real network whose answers are known."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner

import console
from genderscope import detection
from genderscope.cli.evaluate import evaluate as command
from genderscope.core.errors import DatasetError, MissingExtra, UsageError
from genderscope.core.extras import installation
from genderscope.core.results import Exclusions, Provenance, versions
from genderscope.core.types import LABELS, Prediction, Sample
from genderscope.data.datasets import fairface, folder, table
from genderscope.evaluation import compare, evaluate, predictions
from genderscope.imaging.preprocess import PreprocessSpec
from genderscope.inference import classifier
from genderscope.reporting import plots

pytest.importorskip("sklearn", reason="needs the eval extra")
pytest.importorskip("matplotlib", reason="needs the eval extra")

SPEC = PreprocessSpec("test", margin_ratio=0.25, padding="edge", dtype="float32")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """One convolution over the whole crop: a bright upper half is a woman, a bright lower a man."""
    onnx = pytest.importorskip("onnx", reason="needs the lab extra")
    helper = onnx.helper
    weight = np.full((2, 1, SPEC.size, SPEC.size), 2 / SPEC.size**2, np.float32)
    weight[0, :, SPEC.size // 2 :] *= -1
    weight[1] = -weight[0]
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["faces", "weight"], ["maps"]),
            helper.make_node("Flatten", ["maps"], ["logits"]),
        ],
        "halves",
        [helper.make_tensor_value_info("faces", 1, ["n", 1, SPEC.size, SPEC.size])],
        [helper.make_tensor_value_info("logits", 1, ["n", 2])],
        [onnx.numpy_helper.from_array(weight, "weight")],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    metadata = {
        "name": "halves",
        "labels": ["woman", "man"],
        "spec": asdict(SPEC),
        "temperature": 1.0,
        "bias": 0.0,
        "abstention": {"min_confidence": 0.9},
        "parameters": 2 * SPEC.size**2,
        "multiply_adds": 2 * SPEC.size**2,
    }
    helper.set_model_props(network, {classifier.METADATA_KEY: json.dumps(metadata)})
    file = tmp_path_factory.mktemp("model") / "halves.onnx"
    onnx.save(network, file)
    return file


def halves(upper: int, lower: int) -> np.ndarray:
    """A picture without a face, 60 x 80, whose halves differ."""
    picture = np.full((80, 60, 3), upper, np.uint8)
    picture[40:] = lower
    return picture


@pytest.fixture
def pictures(tmp_path, portrait) -> Path:
    """Six labelled pictures and a stray: one has a face, one cannot be read, one misleads."""
    astronaut = cv2.imread(str(portrait))[:300, 50:350]
    for name, picture in {
        "woman/astronaut.png": astronaut,
        "woman/bright_top.png": halves(200, 50),
        "woman/misleading.png": halves(50, 200),
        "man/bright_bottom.png": halves(50, 200),
        "man/grey.png": halves(120, 121),
        "stray.png": halves(0, 255),
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), picture)
    (tmp_path / "man" / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    return tmp_path


def invoke(*arguments: object):
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.mark.parametrize("batch_size", [2, 100])
def test_answers_come_in_order_with_their_failures(pictures, model, batch_size):
    answers = list(
        evaluate.answers(
            folder.read(pictures, "all"),
            detection.create("haar"),
            classifier.Classifier.load(model),
            batch_size,
        )
    )
    by_name = {answer.sample.file.name: answer for answer in answers}
    assert list(by_name) == [
        *("stray.png", "bright_bottom.png", "grey.png", "torn.jpg"),
        *("astronaut.png", "bright_top.png", "misleading.png"),
    ]
    assert [name for name, answer in by_name.items() if answer.detected] == ["astronaut.png"]
    assert [name for name, answer in by_name.items() if answer.error] == ["torn.jpg"]
    assert by_name["torn.jpg"].prediction is None
    labels = {name: a.prediction.label for name, a in by_name.items() if a.prediction}
    assert labels["bright_top.png"] == "woman"
    assert labels["bright_bottom.png"] == labels["misleading.png"] == labels["stray.png"] == "man"


def test_the_command_writes_everything(pictures, model, tmp_path):
    out = tmp_path / "out"
    plotted = ("confusion.png", "face-size.png", "reliability.png", "risk-coverage.png")
    files = {name: out / name for name in ("report.json", "said.csv", "matrix.png", *plotted)}
    result = invoke(
        *("--dataset", f"folder:{pictures}", "--model", model, "--detector", "haar"),
        *("--json", files["report.json"], "--save-predictions", files["said.csv"]),
        *("--confusion", files["matrix.png"], "--plots", out),
        *("--face-sizes", "50,10", "--min-face-px", 20, "--min-score", 0.5),
    )
    assert result.exit_code == 1, result.output  # one could not be read
    report = evaluate.Evaluation.load(files["report.json"])
    assert (report.model, report.detector, report.split) == ("halves", "haar", "all")
    assert report.n == 6
    assert report.n_by_label == {"woman": 3, "man": 3}
    assert report.not_detected == 4
    assert [Path(item.file).name for item in report.unreadable] == ["torn.jpg"]
    assert [Path(name).name for name in report.unlabelled] == ["stray.png"]
    rows = csv.DictReader(files["said.csv"].read_text().splitlines())
    said = {Path(row["file"]).name: row for row in rows}
    right = sum(
        row["label"] == ("man" if float(row["score"]) > 0.5 else "woman")
        for row in said.values()
        if row["label"] and row["score"]
    )
    assert report.rates.accuracy.value == pytest.approx(right / 6)
    assert np.sum(report.confusion.counts) == 5
    assert said["torn.jpg"]["prediction"] == said["torn.jpg"]["score"] == ""
    assert said["grey.png"]["prediction"] == "uncertain"
    assert said["stray.png"]["label"] == ""
    sizes = report.face_size.curve
    assert [(row.face_px, row.accuracy.n) for row in sizes] == [(10, 6), (50, 6)]
    assert "the classifier alone" in report.face_size.faces_are
    assert report.provenance.versions["genderscope"]
    assert report.provenance.exclusions is None
    for name in ("matrix.png", *plotted):
        with PIL.Image.open(files[name]) as picture:
            assert picture.format == "PNG"

    assert "prior" in result.stdout
    assert "6 labelled pictures: 4 without a detected face" in " ".join(result.stdout.split())
    assert result.stderr.count("unreadable: ") == 1
    assert result.stderr.count("without a label: ") == 1

    # What it wrote is a table that it reads.
    again = {sample.file.name: sample.label for sample in table.read(files["said.csv"], "all")}
    assert again["bright_top.png"] == 0
    assert again["stray.png"] is None


def test_names_beyond_utf8_come_back_and_are_drawn(pictures, model, tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(pictures / "man", odd / "man", ignore=shutil.ignore_patterns("torn.jpg"))
    (odd / "man" / "grey.png").rename(odd / "man" / os.fsdecode(b"gr\xe9y.png"))
    asked = ("--dataset", f"folder:{odd}", "--model", model, "--detector", "haar")
    said, out = tmp_path / "said.csv", tmp_path / "out"
    result = invoke(*asked, "--save-predictions", said, "--plots", out)
    assert result.exit_code == 0, result.output
    assert (out / "confusion.png").is_file()
    assert "/caf�/man/gr�y.png,man," in said.read_text("utf-8")
    kept, samples = predictions.read(said), folder.read(odd, "all")
    pair = compare.join(kept, compare.truths(samples, "set"))
    assert (len(pair.a), pair.joined_by, pair.only_a, pair.only_b) == (2, "path", (), ())


def test_persons_with_several_pictures_are_mentioned(pictures, model):
    said = pictures / "said.csv"
    rows = ("file,label,prediction,identity", "man/grey.png,man,man,one", "man/torn.jpg,man,man,")
    for other in ("one", "two"):
        said.write_text("\n".join((*rows, f"stray.png,man,man,{other}")))
        asked = ("--dataset", f"table:{said}?identity=identity", "--detector", "haar")
        evaluated = invoke(*asked, "--model", model)
        assert evaluated.exit_code == 1, evaluated.output  # one cannot be read
        compared = console.run("compare", said, said)
        assert compared.returncode == 0, compared.stderr
        for result in (evaluated, compared):
            warned = "Some pictures show the same person but count as independent" in result.stdout
            assert warned == (other == "one")


def test_the_command_takes_the_first_pictures_only(pictures, model):
    result = invoke("--dataset", f"folder:{pictures}", "--model", model, "--limit", 3)
    assert "2 labelled pictures" in " ".join(result.stdout.split())


@pytest.mark.parametrize("source", ["fairfax:DIR", "fairface", "fairface:"])
def test_the_command_refuses_an_unknown_data_set(source):
    result = invoke("--dataset", source)
    assert isinstance(result.exception, UsageError)


def test_the_command_names_the_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    result = invoke("--dataset", "folder:anywhere")
    assert isinstance(result.exception, MissingExtra)
    assert installation("eval") in str(result.exception)


@pytest.mark.parametrize("redetect", [False, True])
def test_answers_of_smaller_faces(pictures, model, redetect):
    asked = [sample for sample in folder.read(pictures, "all") if sample.file.stem != "torn"]
    network, sizes = classifier.Classifier.load(model), [12, 30, 4000]
    given = evaluate.answers(asked, detection.create("haar"), network, 2, sizes, redetect=redetect)
    for answer in given:
        assert list(answer.smaller) == [12, 30]  # none is as wide as 4,000 pixels
        for said in answer.smaller.values():
            # Halves are halves at any size; of the one face, the detector sees none so small.
            if not (redetect and answer.detected):
                assert said.scores == pytest.approx(answer.prediction.scores, abs=0.1)


def test_the_detector_options_reach_the_detector(pictures, model):
    asked = ("--dataset", f"folder:{pictures}", "--model", model, "--detector", "haar")
    for options, missed in (((), 4), (("--min-face-px", 290), 5)):
        result = invoke(*asked, *options)
        assert f"{missed} without a detected face" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--face-sizes", "10,many"), "--face-sizes takes pixels such as 10,20,30, not '10,many'"),
        (("--face-sizes", "0"), "--face-sizes takes pixels"),
        (("--redetect",), "--redetect needs --face-sizes"),
    ],
)
def test_the_command_refuses_sizes_that_cannot_be_meant(options, message):
    result = invoke("--dataset", "folder:anywhere", *options)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


def answer(label: int | None, man: float | None, found: bool = True, **groups: str):
    sample = Sample(Path("a.jpg"), label, groups=groups)
    if man is None:
        return evaluate.Answer(sample, error="a.jpg is empty")
    return evaluate.Answer(sample, Prediction((1 - man, man), 0.8), found)


def measure(answers):
    return evaluate.measure(
        answers,
        dataset="d:x",
        split="all",
        model="m",
        detector="haar",
        min_confidence=0.8,
        provenance=Provenance(command="genderscope evaluate", versions=versions(), seed=0),
    )


def test_report_by_hand():
    given = [
        *[answer(0, 0.1, light="dim")] * 30,
        *[answer(0, 0.7, light="dim")] * 10,
        *[answer(1, 0.9, found=False, light="bright")] * 50,
        *[answer(1, None, light="bright")] * 10,
        answer(None, 0.9, light="bright"),
    ]
    measured = measure(given)
    assert evaluate.Evaluation.decode(measured.encode(), "here") == measured
    rates = measured.rates
    assert measured.n == 100
    assert rates.accuracy.value == 0.8
    assert rates.accuracy.interval == pytest.approx([0.7112, 0.8666], abs=1e-4)
    recall = {label: estimate.value for label, estimate in rates.recall.items()}
    assert recall == pytest.approx({"woman": 0.75, "man": 5 / 6})
    assert rates.balanced_accuracy.value == pytest.approx((0.75 + 5 / 6) / 2)
    assert rates.recall_gap.value == pytest.approx(5 / 6 - 0.75)
    precision = {label: estimate.value for label, estimate in rates.precision.items()}
    assert precision == pytest.approx({"woman": 1, "man": 5 / 6})
    assert measured.confusion.counts == ((30, 10), (0, 50))
    np.testing.assert_allclose(measured.confusion.shares, [[0.75, 0.25], [0, 5 / 6]])
    assert measured.selective.coverage.value == 0.8
    assert measured.selective.accuracy.value == 1
    assert measured.trivial["always_man"].accuracy == 0.6
    assert measured.trivial["always_man"].precision == {"woman": None, "man": 0.6}
    assert measured.trivial["always_man"].f1["man"] == pytest.approx(0.75)
    assert [(row.accuracy.n, row.accuracy.value) for row in measured.calibration.bins] == [
        (10, None),
        (80, 1),
    ]
    assert measured.calibration.ece.n == 90
    at = {row.coverage: row.error for row in measured.risk_coverage.at}
    assert at[1].value == pytest.approx(0.2)
    assert (at[0.8].value, at[0.8].n) == (0, 80)
    bright = measured.by_group["light"]["bright"]
    assert bright.accuracy.n == 60
    assert bright.accuracy.value == pytest.approx(5 / 6)
    assert bright.selective.coverage.value == pytest.approx(5 / 6)
    assert bright.ece.value == pytest.approx(0.1)
    assert bright.aurc.value == pytest.approx(10 / 60 * 10 / 60)
    assert measured.face_size is None
    assert measured.not_detected == 50
    assert len(measured.unreadable) == 10
    assert measured.unlabelled == ("a.jpg",)
    for estimate in (rates.balanced_accuracy, rates.recall_gap, rates.macro_f1, measured.roc_auc):
        low, high = estimate.interval
        assert low <= estimate.value <= high
    for estimate in rates.recall.values():
        low, high = estimate.interval
        assert low < estimate.value < high
    assert measure(given) == measured  # seeded


@pytest.mark.parametrize("man", [0.9, None])
def test_report_of_one_class_leaves_the_undefined_open(man):
    measured = measure([answer(1, man)] * 3)
    assert evaluate.Evaluation.decode(measured.encode(), "here") == measured
    assert measured.rates.accuracy.value == (0 if man is None else 1)
    assert measured.rates.recall["woman"].value is None
    assert measured.rates.recall_gap.interval is None
    assert measured.roc_auc.value is None


def test_what_was_excluded_is_in_the_name_of_the_data():
    measured = measure([answer(1, 0.9)])
    assert measured.data == "d all"
    exclusions = Exclusions(file="leakage.json", sha256="0", pictures=7)
    provenance = replace(measured.provenance, exclusions=exclusions)
    assert replace(measured, provenance=provenance).data == "d all, no leaks"


def test_report_refuses_to_measure_without_labels():
    with pytest.raises(DatasetError, match="no labelled picture"):
        measure([answer(None, 0.9)])


def test_the_command_refuses_a_data_set_without_labels_before_the_model_runs(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("file,label\nabsent.jpg,\n")
    result = invoke("--dataset", f"table:{table}", "--model", tmp_path / "absent.onnx")
    assert "has no labelled picture" in str(result.exception)


def test_the_drawn_matrix_is_dark_where_the_shares_are(tmp_path):
    shares = {"right": [[0.9, 0.1], [0.1, 0.9]], "wrong": [[0.1, 0.9], [0.9, 0.1]]}
    drawn = {}
    for name, normalised in shares.items():
        file = tmp_path / f"{name}.png"
        confusion = evaluate.Confusion(
            labels=LABELS, counts=((90, 10), (10, 90)), shares=normalised
        )
        plots.confusion_matrix(confusion, name, file)
        drawn[name] = cv2.imread(str(file), cv2.IMREAD_GRAYSCALE).astype(int)
    height, width = drawn["right"].shape
    # Away from the texts, inside the upper left cell of the left matrix.
    difference = (drawn["wrong"] - drawn["right"])[
        height // 4 : height // 3, width // 7 : width // 5
    ]
    assert np.median(difference) > 50


def test_importing_it_is_cheap():
    code = (
        "import sys, genderscope.evaluation.evaluate, genderscope.reporting.plots;"
        "import genderscope.cli.evaluate;"
        "print({'sklearn', 'scipy', 'matplotlib', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", classifier.shipped())
def test_a_shipped_model_is_better_than_the_trivial_ones(name, shared, tmp_path):
    with tarfile.open(shared / "data" / "fairface_val.tar") as archive:
        archive.extract("fairface/fairface_label_val.csv", tmp_path, filter="data")
        samples = list(fairface.read(tmp_path / "fairface", "val"))[:100]
        for sample in samples:
            archive.extract(sample.file.relative_to(tmp_path).as_posix(), tmp_path, filter="data")
    network = classifier.Classifier.load(name)
    measured = measure(list(evaluate.answers(samples, detection.create("haar"), network)))
    assert measured.unreadable == ()
    assert measured.rates.accuracy.interval[0] > measured.trivial["always_man"].accuracy


@pytest.mark.parametrize("name", classifier.shipped())
def test_shipped_evaluations_state_their_exclusions(name):
    found = evaluate.beside(classifier.find(name))
    assert [one.data for one in found] == [
        *("fairface val, no leaks", "fairface val", "fairface val", "utkface all")
    ]
    assert found[0].provenance.exclusions.pictures == found[1].n - found[0].n == 47
