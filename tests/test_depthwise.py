"""Depthwise convolutions in bfloat16: the gradients of torch's own."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [lab]")

from torch import nn  # noqa: E402

from genderscope.core import plugins  # noqa: E402
from genderscope.training import depthwise  # noqa: E402


def gradients(layer: nn.Conv2d, maps, precision):
    maps = maps.clone().requires_grad_()
    layer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        filtered = layer(maps)
    (
        filtered.float() * torch.arange(filtered.numel()).view_as(filtered).sin().abs()
    ).sum().backward()
    return [filtered.float(), maps.grad, *(weights.grad for weights in layer.parameters())]


@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, "same"), (2, 0), (2, 1), (3, 0)])
def test_results_and_gradients_are_torchs(kernel, stride, padding):
    torch.manual_seed(kernel)
    padding = kernel // 2 if padding == "same" else min(padding, kernel // 2)
    layer = nn.Conv2d(6, 6, kernel, stride, padding, groups=6)
    maps = torch.randn(3, 6, 13, 17)
    expected = gradients(layer, maps, "float32")
    network = nn.Sequential(layer)
    depthwise.speed_up(network)
    assert type(layer) is depthwise.Depthwise
    for ours, theirs in zip(gradients(layer, maps, "bfloat16"), expected, strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).norm() < 0.01 * theirs.norm()
    for ours, theirs in zip(gradients(layer, maps, "float32"), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_other_convolutions_stay():
    network = nn.Sequential(
        nn.Conv2d(4, 4, 3),
        nn.Conv2d(4, 8, 3, groups=4),
        nn.Conv2d(4, 4, (1, 3), groups=4),
        nn.Conv2d(4, 4, 3, dilation=2, groups=4),
        nn.Conv2d(4, 4, 3, padding_mode="reflect", groups=4),
        *(nn.Conv2d(4, 4, 3, padding=padding, groups=4) for padding in ((1, 0), 3, "same")),
    )
    depthwise.speed_up(network)
    assert {type(module) for module in network} == {nn.Conv2d}


@pytest.mark.parametrize("name", ["mini_xception", "efficientnet_lite0"])
def test_a_network_learns_the_same(name):
    torch.manual_seed(0)
    network = plugins.load("training.models", name).create(3).train()
    views, labels = torch.randn(8, 3, 64, 64), torch.randint(0, 2, (8,))

    def loss():
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(views)
        return nn.functional.cross_entropy(logits.float(), labels)

    state = {name: value.clone() for name, value in network.state_dict().items()}
    expected = loss().item()
    depthwise.speed_up(network)
    network.load_state_dict(state)
    assert loss().item() == pytest.approx(expected, rel=0.02)
    assert any(isinstance(module, depthwise.Depthwise) for module in network.modules())
