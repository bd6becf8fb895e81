"""The randomisation test of explanations: its cascade and its measures."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [lab]")
pytest.importorskip("captum", reason="needs the extra [lab]")

from experiments import cascade  # noqa: E402
from genderscope.core import plugins  # noqa: E402

torch.set_num_threads(1)


def trained(name):
    """A network as if trained: its normalisation does something."""
    torch.manual_seed(3)
    network = plugins.load("training.models", name).create().eval().requires_grad_(False)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.3, 1)
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.uniform_(layer.bias, -0.3, 0.3)
    *_, last = (layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d))
    last.weight.data[0] += 0.05  # so that Grad-CAM is positive for a class
    return network


@pytest.fixture(scope="module")
def inputs(portrait):
    """Eight crops of a portrait, each lit otherwise."""
    picture = torch.from_numpy(cv2.imread(str(portrait), cv2.IMREAD_GRAYSCALE)).float()
    faces = [picture[80 + 2 * n : 208 + 2 * n : 2, 190:318:2] ** (0.8 + n / 20) for n in range(8)]
    return torch.stack([(face - face.mean()) / face.std() for face in faces])[:, None]


@pytest.mark.parametrize("method", cascade.METHODS.values())
def test_maps_change_when_all_weights_are_random(inputs, method):
    network = trained("mini_xception")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    classes = torch.arange(8) % 2
    result = cascade.examine(network, inputs, classes, method, range(2))
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())
    parts = [name for name, part in network.named_children() if list(part.parameters())]
    assert [stage.part for stage in result.cascade] == parts[::-1]
    estimates = [stage.spearman for stage in result.cascade]
    # Grad-CAM of random weights may be zero everywhere.
    for estimate in (estimate for estimate in estimates if estimate.n):
        low, high = estimate.interval
        assert -1 <= low <= estimate.value <= high <= 1
    *_, last = (estimate.value for estimate in estimates if estimate.n)
    assert last < 0.5
    if method != "grad-cam":
        assert result.other_class.ssim.n == 8


def test_what_shows_the_picture_alone_fails_the_test(inputs, monkeypatch):
    edges = cascade.edges(inputs)
    monkeypatch.setattr(cascade, "magnitudes", lambda *_: edges)
    result = cascade.examine(trained("mini_xception"), inputs, torch.zeros(8).long(), "x", range(1))
    for stage in [*result.cascade, result.edges, result.other_class]:
        assert stage.spearman.value == pytest.approx(1)
        assert stage.ssim.value == pytest.approx(1)


def test_the_cascade_goes_from_the_last_part_to_the_first(inputs):
    network = trained("standard_cnn")
    now = dict(network.named_children())
    changed = []
    for name, random in cascade.randomised(network, inputs, 0):
        changed.append(name)
        for other, part in random.named_children():
            pairs = zip(part.parameters(), now[other].parameters(), strict=True)
            same = all(torch.equal(one, two) for one, two in pairs)
            assert same == (other not in changed or not list(part.parameters()))
    assert changed == [str(number) for number in range(8, -1, -1)]


def test_similarity_of_maps():
    draw = np.random.default_rng(0)
    one, other = draw.random((2, 4, 64, 64)).astype(np.float32)
    assert cascade.similarity(one, one**3).spearman == pytest.approx(1)
    assert cascade.similarity(one, 1 - one).spearman == pytest.approx(-1)
    assert abs(cascade.similarity(one, other).spearman).max() < 0.1
    assert cascade.similarity(one, other).ssim.max() < 0.1
    assert cascade.similarity(one, 7 * one).ssim == pytest.approx(1)
    flat = cascade.similarity(one, np.zeros_like(one))
    assert np.isnan(flat).all()
