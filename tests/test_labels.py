"""Every label that the package can print is woman, man or uncertain: it predicts nothing else."""

import ast
import csv
import json
from pathlib import Path

import numpy as np
import pytest

import genderscope
from console import run
from genderscope.core.types import LABELS, UNCERTAIN, Prediction
from genderscope.evaluation import predictions
from genderscope.inference import classifier

OUTCOMES = {"woman", "man", "uncertain"}
NEVER = {
    *("angry", "anger", "disgust", "disgusted", "fear", "fearful", "happy", "happiness"),
    *("sad", "sadness", "surprise", "surprised", "contempt"),
}
"""Words for emotions, which the reference project also predicted."""


def test_the_labels_are_three():
    assert {*LABELS, UNCERTAIN} == set(predictions.OUTCOMES) == OUTCOMES
    for man in np.linspace(0, 1, 101):
        for min_confidence in (0.5, 0.9, 1):
            assert Prediction((1 - man, man), min_confidence).label in OUTCOMES


@pytest.mark.parametrize("name", classifier.shipped())
def test_a_shipped_network_has_two_outputs(name):
    network = classifier.Classifier.load(name)
    shape = (3, *network.spec.crop_shape)
    assert tuple(network.metadata.labels) == LABELS
    assert network(np.zeros(shape, np.uint8)).shape == (3, len(LABELS))


def test_what_classify_prints(tmp_path, portrait, model):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(portrait.read_bytes())
    said = set()
    for min_confidence in (0, 1):
        out = [tmp_path / f"{min_confidence}.{kind}" for kind in ("jsonl", "csv", "said.csv")]
        done = run(
            "classify", tmp_path / "in", "--model", model, "--crops-are-faces",
            "--min-confidence", min_confidence, "--jsonl", out[0], "--csv", out[1],
            "--predictions", out[2],
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        records = [json.loads(line) for line in out[0].read_text().splitlines()]
        with out[1].open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        said |= {row["label"] for row in rows}
        assert all(row[label] for row in rows for label in LABELS)
        faces = [face for record in records for face in record["faces"]]
        assert faces
        said |= {face["label"] for face in faces}
        assert all(set(face["scores"]) == set(LABELS) for face in faces)
        with out[2].open(newline="") as lines:
            said |= {row["prediction"] for row in csv.DictReader(lines)}
    assert said <= OUTCOMES
    assert UNCERTAIN in said
    table = run("classify", tmp_path / "in", "--model", model, "--crops-are-faces").stdout
    assert sum(word in table.split() for word in OUTCOMES) == 1


def test_what_an_audit_says_of_faces(tmp_path):
    pytest.importorskip("scipy", reason="needs the eval extra")
    from audits import predicted
    from genderscope.core.results import Provenance
    from genderscope.evaluation import audit

    given = predicted(emotion=("happy", "sad") * 1000)  # somebody's column divides, no more
    made = Provenance(command="", versions={})
    results = audit.report(given, ["race", "emotion"], provenance=made)
    for part in results.divisions:
        for group in part.groups:
            assert set(group.answers) - {"no answer"} == OUTCOMES
            assert set(group.labels) == set(LABELS)
    predictions.write(tmp_path / "said.csv", given)
    with (tmp_path / "said.csv").open(newline="") as lines:
        assert {row["prediction"] for row in csv.DictReader(lines)} == OUTCOMES


def test_no_emotion_is_spelled_anywhere_in_the_code():
    files = sorted(Path(genderscope.__file__).parent.rglob("*.py"))
    assert len(files) > 50
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value.strip().lower() not in NEVER, f"{file}, line {node.lineno}"
