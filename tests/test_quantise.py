"""A shipped network in integers: what it carries, how near it stays, and what is refused."""

import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from genderscope.cli import app
from genderscope.core.errors import ModelError, UsageError
from genderscope.core.types import Sample
from genderscope.inference import classifier
from genderscope.inference.classifier import INT8, METADATA_KEY, WEIGHTS, Classifier

onnx = pytest.importorskip("onnx", reason="needs the extra [lab]")
pytest.importorskip("torch", reason="needs the extra [lab]")

from genderscope.data.prepare import prepare  # noqa: E402
from genderscope.data.prepare.crops import Crops  # noqa: E402
from genderscope.data.prepare.shards import Recipe  # noqa: E402
from genderscope.training import quantise as quantisation  # noqa: E402
from genderscope.training.calibration import Views, cut_of_crops, views  # noqa: E402
from genderscope.training.guided_graph import METHODS, with_gradients  # noqa: E402
from genderscope.training.quantise import quantise  # noqa: E402

MODEL = "mini_xception"
HELD_OUT = 0.4


@pytest.fixture(scope="module")
def crops(tmp_path_factory, portrait):
    """Sixty views of a portrait, with labels that no network can tell apart."""
    folder = tmp_path_factory.mktemp("pictures")
    picture = cv2.imread(str(portrait))
    draw = np.random.default_rng(0)
    samples = []
    for number, label in enumerate(draw.integers(0, 2, 60)):
        file = folder / f"{number:02d}.png"
        bright, more = draw.uniform(0.6, 1.2), draw.uniform(0, 30)
        cv2.imwrite(str(file), cv2.convertScaleAbs(picture, alpha=bright, beta=more))
        samples.append(Sample(file, int(label)))
    out = folder / "cache"
    recipe = Recipe(Classifier.load(MODEL).spec, "haar")
    list(prepare(samples, recipe, out, sources=["folder"], jobs=1))
    return Crops(out)


@pytest.fixture(scope="module")
def model(tmp_path_factory, crops):
    """The shipped network, as if it had been trained on those crops."""
    graph = onnx.load(WEIGHTS / f"{MODEL}.onnx")
    metadata = json.loads({prop.key: prop.value for prop in graph.metadata_props}[METADATA_KEY])
    metadata["data"]["fingerprint"] = crops.manifest.fingerprint
    metadata["training"]["settings"]["validation_ratio"] = HELD_OUT
    onnx.helper.set_model_props(graph, {METADATA_KEY: json.dumps(metadata)})
    file = tmp_path_factory.mktemp("model") / f"{MODEL}.onnx"
    onnx.save(graph, file)
    return file


@pytest.fixture(scope="module")
def quantised(model, crops):
    result = CliRunner().invoke(app, ["export", str(model), "--cache", str(crops.folder), "--int8"])
    file = model.with_suffix(INT8)
    assert result.exit_code == 0, result.output
    assert result.output == f"{file}\n"
    return file


def test_the_file_carries_what_the_model_carried_and_its_own_confidence(model, quantised):
    before, after = Classifier.load(model), Classifier.load(quantised)
    assert after.name == f"{MODEL}.int8"
    assert after.spec == before.spec
    for key in ("labels", "source", "data", "training", "parameters", "multiply_adds"):
        assert getattr(after.metadata, key) == getattr(before.metadata, key)
    assert after.metadata.parity is None
    found = after.metadata.quantisation
    assert after.metadata.abstention.n == found.accuracy_difference.n == 60 * HELD_OUT
    assert after.temperature != before.temperature
    assert found.ranges in found.logits_away_rms
    assert quantised.stat().st_size < model.stat().st_size / 2


@pytest.mark.parametrize("second_look", ["none", "uncertain"])
def test_the_bias_serves_the_worst_group_where_the_original_does(
    model, crops, tmp_path, second_look
):
    graph = onnx.load(model)
    metadata = json.loads({prop.key: prop.value for prop in graph.metadata_props}[METADATA_KEY])
    metadata["training"]["settings"]["worst_group_bias"] = True
    metadata["second_look"] = second_look
    onnx.helper.set_model_props(graph, {METADATA_KEY: json.dumps(metadata)})
    file = tmp_path / f"{MODEL}.onnx"
    onnx.save(graph, file)
    after = Classifier.load(quantise(file, crops))

    def seen(some):
        found = views(after.first_look, crops, some, after.metadata.second_look_deg)
        return found if second_look != "none" else Views(*[found.faces] * 3)

    cut = cut_of_crops(crops, seen)
    assert -after.metadata.bias * after.temperature == pytest.approx(cut)


def test_all_convolutions_but_the_first_are_in_integers_by_output_map(quantised):
    graph = onnx.load(quantised).graph
    weights = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    kinds = [node.op_type for node in graph.node if node.op_type.endswith("Conv")]
    assert kinds.count("Conv") == kinds.index("QLinearConv") == 1
    for node in graph.node:
        if node.op_type == "QLinearConv":
            maps, scales = weights[node.input[3]], weights[node.input[4]]
            assert maps.dtype == np.int8
            assert len(maps) == len(scales)


def test_logits_stay_near(model, quantised, crops):
    faces = crops.exact(np.arange(len(crops)))
    before, after = Classifier.load(model).logits(faces), Classifier.load(quantised).logits(faces)
    away = np.sqrt(((after - before) ** 2).mean())
    assert 0 < away < 0.15 * abs(before[:, 1] - before[:, 0]).mean()


def test_what_was_not_trained_on_the_crops_is_refused(crops, quantised):
    with pytest.raises(UsageError, match=r"mini_xception\.onnx was not trained on the crops in"):
        quantise(WEIGHTS / f"{MODEL}.onnx", crops)
    with pytest.raises(UsageError, match="is quantised already"):
        quantise(quantised, crops)


def test_a_model_that_loses_too_much_leaves_nothing_behind(model, crops, tmp_path, monkeypatch):
    copy = tmp_path / model.name
    copy.write_bytes(model.read_bytes())
    monkeypatch.setattr(quantisation, "LARGEST_LOSS", -2)
    with pytest.raises(
        ModelError, match=r"of accuracy on 24 validation faces, more than the allowed"
    ):
        quantise(copy, crops)
    assert list(tmp_path.iterdir()) == [copy]


def test_a_run_cannot_be_exported_in_integers_without_its_crops(model):
    result = CliRunner().invoke(app, ["export", str(model), "--int8"])
    assert result.exit_code == 2
    assert "give the crops that it was trained on with --cache" in " ".join(result.output.split())


def test_faces_that_do_not_fill_the_last_batch_are_left_out(model, crops, tmp_path, monkeypatch):
    """ONNX Runtime's calibration fails on batches of different sizes."""
    monkeypatch.setattr(quantisation, "BATCH", 25)
    copy = tmp_path / model.name
    copy.write_bytes(model.read_bytes())
    assert Classifier.load(quantise(copy, crops)).metadata.quantisation.faces == 25


def test_a_quantised_model_has_no_gradients(quantised):
    for method in METHODS:
        with pytest.raises(ModelError, match=f"no gradients: explain {MODEL} instead"):
            with_gradients(onnx.load(quantised), method)


def test_those_in_the_package_have_names_and_are_no_models_of_their_own():
    assert classifier.quantised()
    for name in classifier.quantised():
        assert name not in classifier.shipped()
        model, original = Classifier.load(name), Classifier.load(name.removesuffix(".int8"))
        assert model.name == name
        assert model.metadata.training == original.metadata.training
    listed = CliRunner().invoke(app, ["models"]).output
    assert f"{MODEL}.int8: in integers; " in " ".join(listed.split())
