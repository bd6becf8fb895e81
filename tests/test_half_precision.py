"""Weights in 16 bits, and a guided graph that reads those of the model beside it."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [lab]")
onnx = pytest.importorskip("onnx", reason="needs the extra [lab]")

from genderscope.inference.classifier import Classifier, find  # noqa: E402
from genderscope.inference.explainer import Explainer, guided_file  # noqa: E402
from genderscope.training.half_precision import halve, share, widen  # noqa: E402

MODEL = find("standard_cnn")


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 64, 64), np.uint8)


@pytest.fixture
def halved(tmp_path: Path) -> Path:
    model = onnx.load(MODEL)
    halve(model)
    onnx.save(model, tmp_path / "half.onnx")
    return tmp_path / "half.onnx"


def test_half_the_size_and_nearly_the_same_logits(halved, crops):
    assert halved.stat().st_size < 0.55 * MODEL.stat().st_size
    expected = Classifier.load(MODEL).logits(crops)
    np.testing.assert_allclose(Classifier.open(halved).logits(crops), expected, atol=0.02)


def test_widening_gives_the_graph_back(halved, crops, tmp_path):
    model = onnx.load(halved)
    widen(model)
    assert [node.op_type for node in model.graph.node] == [
        node.op_type for node in onnx.load(MODEL).graph.node
    ]
    onnx.save(model, tmp_path / "wide.onnx")
    logits = Classifier.open(tmp_path / "wide.onnx").logits(crops)
    np.testing.assert_allclose(logits, Classifier.open(halved).logits(crops), atol=1e-5)


def test_a_guided_graph_reads_the_weights_beside_it(halved, crops, tmp_path):
    guided = onnx.load(guided_file(MODEL))
    halve(guided)
    share(guided, halved, halved.name)
    (tmp_path / "half.guided.onnx").write_bytes(guided.SerializeToString())
    assert (tmp_path / "half.guided.onnx").stat().st_size < 0.1 * halved.stat().st_size
    scores, maps = Explainer.open(tmp_path / "half.guided.onnx")(crops)
    np.testing.assert_allclose(scores, Classifier.open(halved)(crops), atol=1e-4)
    assert np.isfinite(maps).all()
    assert maps.any()
