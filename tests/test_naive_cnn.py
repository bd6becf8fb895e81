"""The network with dense layers that the others are measured against."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [lab]")
pytest.importorskip("onnx", reason="needs the extra [lab]")

from torch import nn  # noqa: E402

from genderscope.core import plugins  # noqa: E402
from genderscope.imaging.preprocess import PRESETS  # noqa: E402
from genderscope.inference.classifier import Classifier, shipped  # noqa: E402
from genderscope.training.export import export  # noqa: E402

METADATA = {"name": "x", "temperature": 1.0, "bias": 0.0, "abstention": {"min_confidence": 0.5}}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return plugins.load("training.models", "naive_cnn").create()


def test_its_dense_layers_hold_most_of_five_million_parameters(network):
    parameters = sum(weight.numel() for weight in network.parameters())
    dense = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    assert 4_800_000 <= parameters <= 5_200_000
    assert len(dense) == 2
    assert sum(layer.weight.numel() for layer in dense) > 0.9 * parameters
    smallest = Classifier.load("mini_xception").metadata.parameters
    assert parameters / smallest > 80


def test_it_is_trained_like_the_others_and_not_shipped(network):
    assert "naive_cnn" in plugins.names("training.models")
    assert "naive_cnn" not in shipped()
    relus = [layer for layer in network.modules() if isinstance(layer, nn.ReLU)]
    called = []
    hooks = [layer.register_forward_hook(lambda layer, *_: called.append(layer)) for layer in relus]
    network.eval()(torch.rand(2, 1, 64, 64))
    for hook in hooks:
        hook.remove()
    assert len(called) == len(set(called)) == len(relus) == 4


def test_the_exported_file_equals_the_network(network, tmp_path):
    spec = PRESETS["aligned"]
    faces = np.random.default_rng(0).integers(0, 256, (3, 64, 64), np.uint8)
    export(network, spec, faces, METADATA, tmp_path / "x.onnx")
    model = Classifier.load(tmp_path / "x.onnx")
    assert model.logits(faces).shape == (3, 2)
    assert model.metadata.parameters == sum(weight.numel() for weight in network.parameters())
