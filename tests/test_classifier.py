"""The network in ONNX Runtime: what it says, and what it refuses to open."""

import json

import numpy as np
import pytest

from genderscope.core.errors import ModelError, UsageError
from genderscope.core.types import LABELS
from genderscope.inference import classifier
from genderscope.inference.classifier import Classifier, calibrated, shipped


@pytest.fixture(params=shipped())
def shipped_model(request):
    return Classifier.load(request.param)


def test_the_networks_are_shipped_within_their_budgets():
    sizes = {name: Classifier.load(name).metadata.parameters for name in shipped()}
    assert sizes["mini_xception"] <= 60_000
    assert 550_000 <= sizes["standard_cnn"] <= 650_000


@pytest.mark.parametrize(("alias", "name"), classifier.ALIASES.items())
def test_an_alias_is_another_name(alias, name):
    assert classifier.find(alias) == classifier.find(name)


def test_a_model_carries_where_it_comes_from(shipped_model):
    metadata = shipped_model.metadata
    assert metadata.labels == LABELS
    assert metadata.data.name == "fairface"
    assert metadata.data.licence == "CC BY 4.0"
    assert metadata.training.commit
    assert 0.5 < shipped_model.min_confidence < 1
    assert "uncertain" in metadata.abstention.meaning


def test_scores_are_probabilities_and_do_not_depend_on_the_batch(shipped_model):
    shape = (9, *shipped_model.spec.crop_shape)
    crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    together = shipped_model(crops)
    assert together.shape == (9, 2)
    assert together.sum(1) == pytest.approx(1)
    for number in range(9):
        np.testing.assert_allclose(
            shipped_model(crops[number : number + 1])[0], together[number], atol=1e-5
        )


def test_threads_share_a_batch_and_change_nothing(shipped_model):
    shape = (3 * classifier.AT_ONCE + 1, *shipped_model.spec.crop_shape)
    crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    alone, shared = (Classifier.load(shipped_model.name, threads).logits for threads in (1, 3))
    np.testing.assert_array_equal(alone(crops), shared(crops))
    assert alone(crops[:0]).shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda crops: crops / 255, r"\(2, 64, 64\) of float64"),
        (lambda crops: crops[0], r"\(64, 64\) of uint8"),
        (lambda crops: crops[:, 1:], r"\(2, 63, 64\) of uint8"),
        (lambda crops: None, r"\(\) of NoneType"),
    ],
)
def test_other_arrays_than_crops_are_refused(change, says):
    crops = np.zeros((2, 64, 64), np.uint8)
    with pytest.raises(UsageError, match=rf"an array \(n, 64, 64\) of uint8, not {says}"):
        Classifier.load("fast")(change(crops))


def test_the_temperature_divides_the_logits(shipped_model):
    crops = np.zeros((1, *shipped_model.spec.crop_shape), np.uint8)
    woman, man = shipped_model.logits(crops)[0] / shipped_model.metadata.temperature
    odds = np.exp(man + shipped_model.metadata.bias - woman)
    np.testing.assert_allclose(shipped_model(crops), [[1 / (1 + odds), odds / (1 + odds)]])


def test_softmax_survives_large_logits():
    logits = np.array([[1e4, 0.0], [0.0, 0.0]])
    np.testing.assert_allclose(calibrated(logits, 1, 0), [[1, 0], [0.5, 0.5]])


def test_what_is_absent_or_no_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no model 'giant': .* mini_xception"):
        Classifier.load("giant")
    text = tmp_path / "text.onnx"
    text.write_text("not a model")
    with pytest.raises(ModelError, match=r"text\.onnx cannot be opened"):
        Classifier.load(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda metadata: None, "lacks genderscope's metadata"),
        (
            lambda metadata: metadata.pop("spec"),
            "not valid: .* missing required field `spec`",
        ),
        (lambda metadata: metadata["spec"].update(sharpen=1), "does not know sharpen"),
        (lambda metadata: metadata.update(labels=["man", "woman"]), "has the labels"),
    ],
)
def test_a_model_with_other_metadata_is_refused(tmp_path, change, says):
    onnx = pytest.importorskip("onnx", reason="needs the extra [lab]")
    model = onnx.load(classifier.WEIGHTS / "mini_xception.onnx")
    metadata = json.loads(model.metadata_props[0].value)
    del model.metadata_props[:]
    if change(metadata) is not None or "lacks" not in says:
        onnx.helper.set_model_props(model, {classifier.METADATA_KEY: json.dumps(metadata)})
    file = tmp_path / "other.onnx"
    onnx.save(model, file)
    with pytest.raises(ModelError, match=says):
        Classifier.load(file)
