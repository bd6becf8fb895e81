"""Muon: orthogonal steps for the matrices that mix maps, Adam for all else."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [lab]")

from torch import nn  # noqa: E402

from genderscope.core import plugins  # noqa: E402
from genderscope.training import optimizers  # noqa: E402
from genderscope.training.optimizers import Muon, is_orthogonal, orthogonal  # noqa: E402


@pytest.mark.parametrize("shape", [(24, 72), (72, 24), (32, 32)])
def test_singular_values_come_near_one(shape):
    torch.manual_seed(0)
    left, _, right = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    matrix = left @ torch.diag(torch.linspace(0.05, 3, min(shape))) @ right
    found = torch.linalg.svdvals(orthogonal(matrix))
    assert found.min() > 0.5
    assert found.max() < 1.3
    # The directions stay: what is left of the SVD is nearly diagonal.
    turned = left.T @ orthogonal(matrix) @ right.T
    assert (turned - turned.diag().diag()).abs().max() < 0.05


def test_what_mixes_maps_is_turned_and_nothing_else():
    network = plugins.load("training.models", "mini_xception").create()
    turned = {name for name, p in network.named_parameters() if is_orthogonal(p)}
    modules = dict(network.named_modules())
    for name, weights in network.named_parameters():
        module = modules[name.rpartition(".")[0]]
        mixes = isinstance(module, nn.Conv2d) and module.groups == 1 and module.in_channels > 1
        assert (name in turned) == (mixes and module.out_channels > 2), (name, weights.shape)


def test_all_else_moves_as_by_adam():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8))
    twin = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8))
    twin.load_state_dict(network.state_dict())
    muon = optimizers.optimizer(network, 0.1, 1e-2, muon_rate=0.05)
    alone = torch.optim.AdamW(optimizers.optimizer(twin, 0.1, 1e-2).param_groups, 1e-2)
    assert isinstance(muon, Muon)
    start = network[1].weight.detach().clone()
    for _ in range(2):
        for model, optimizer in ((network, muon), (twin, alone)):

            def closure(model=model, optimizer=optimizer):
                optimizer.zero_grad()
                assert all(parameter.grad is None for parameter in model.parameters())
                for parameter in model.parameters():
                    parameter.grad = torch.full_like(parameter, 0.3)
                return 1.5

            assert optimizer.step(closure) == 1.5
    assert len(muon.param_groups) == 3
    for name, parameter in network.named_parameters():
        equal = torch.equal(parameter, twin.get_parameter(name))
        assert equal == (name != "1.weight"), name
    # Two steps of one direction, each of spectral norm near the rate times sqrt(8 / 36 -> 1).
    moved = (network[1].weight.detach() - start * (1 - 0.05 * 0.1) ** 2).flatten(1)
    assert torch.linalg.svdvals(moved)[0] == pytest.approx(2 * 0.05, rel=0.35)
