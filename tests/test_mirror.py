"""A face and its mirror image, answered together."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [lab]")
onnx = pytest.importorskip("onnx", reason="needs the extra [lab]")

from genderscope.core import plugins  # noqa: E402
from genderscope.imaging.preprocess import PRESETS, to_input  # noqa: E402
from genderscope.inference.classifier import Classifier  # noqa: E402
from genderscope.inference.explainer import Explainer, guided_file  # noqa: E402
from genderscope.training.captum import explain  # noqa: E402
from genderscope.training.export import export  # noqa: E402
from genderscope.training.guided_graph import with_gradients  # noqa: E402
from genderscope.training.mirror import Mirrored  # noqa: E402

METADATA = {"name": "x", "temperature": 2.0, "bias": 0.3, "abstention": {"min_confidence": 0.5}}
SPEC = PRESETS["aligned-colour"]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return plugins.load("training.models", "mini_xception").create(3).eval()


@pytest.fixture(scope="module")
def crops():
    return np.random.default_rng(0).integers(0, 256, (5, *SPEC.crop_shape), np.uint8)


@pytest.fixture(scope="module")
def model(network, crops, tmp_path_factory):
    file = tmp_path_factory.mktemp("mirrored") / "x.onnx"
    export(network, SPEC, crops, METADATA, file, mirrored=True)  # compares the maps with Captum's
    return file


def test_the_answer_is_the_mean_of_both_views(network, crops, model):
    both = np.stack([crops, crops[:, :, ::-1]])
    with torch.no_grad():
        upright, mirrored = (network(torch.from_numpy(to_input(part, SPEC))) for part in both)
    classifier = Classifier.load(model)
    np.testing.assert_allclose(classifier.logits(crops), (upright + mirrored) / 2, atol=2e-5)
    np.testing.assert_allclose(classifier(both[0]), classifier(both[1]), atol=1e-5)
    assert not np.allclose(upright, mirrored, atol=1e-4)


def test_the_map_of_a_mirrored_face_is_mirrored(crops, model):
    explainer = Explainer.open(guided_file(model))
    scores, maps = explainer(crops)
    np.testing.assert_allclose(scores, Classifier.load(model)(crops), atol=1e-5)
    _, mirrored = explainer(crops[:, :, ::-1])
    np.testing.assert_allclose(mirrored[:, :, ::-1], maps, atol=1e-4 * abs(maps).max())


@pytest.mark.parametrize("method", ["saliency", "grad-cam"])
def test_other_methods_explain_both_views(network, crops, model, method, tmp_path):
    onnx.save(with_gradients(onnx.load(model), method), tmp_path / "x.guided.onnx")
    classes = np.arange(len(crops)) % 2
    _, maps = Explainer.open(tmp_path / "x.guided.onnx")(crops, classes)
    inputs = torch.from_numpy(to_input(crops, SPEC)).float()
    if method == "saliency":
        expected = explain(method, Mirrored(network), inputs, torch.from_numpy(classes))
    else:
        views = [
            explain(method, network, of, torch.from_numpy(classes))
            for of in (inputs, inputs.flip(3))
        ]
        expected = (views[0] + views[1].flip(3)) / 2
    expected = expected.permute(0, 2, 3, 1).numpy().reshape(maps.shape)
    np.testing.assert_allclose(maps, expected, atol=1e-3 * abs(expected).max())
