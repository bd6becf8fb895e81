"""The folder of a training run: its files, and the network of a finished one."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from genderscope.core import plugins
from genderscope.core.errors import UsageError

WEIGHTS = "weights.pt"
RECORD = "record.json"
CHECKPOINT = "last.ckpt"
GREY = (0.114, 0.587, 0.299)  # weights of blue, green and red, as in OpenCV


def load(run: Path) -> nn.Module:
    """The trained network of a run, in evaluation mode and without gradients; ``UsageError`` if the
    run is not finished, its file broken, or its network of another version.
    """
    if not is_finished(run):
        raise UsageError(f"{run} holds no finished run: {WEIGHTS} is missing")
    saved = read(run / WEIGHTS)
    network: nn.Module = plugins.load("training.models", saved["model"]).create(saved["channels"])
    fill(network, saved["state"], run)
    return network.eval().requires_grad_(False)


def read(file: Path) -> dict[str, Any]:  # torch's own type
    """A run's file, read without executing code in it; ``UsageError`` if broken."""
    try:
        return dict(torch.load(file, map_location="cpu", weights_only=True))
    except Exception as error:  # what torch raises on hostile bytes has no common root
        raise UsageError(f"{file} is not a file of a training run, or is broken") from error


def is_finished(run: Path) -> bool:
    return (run / WEIGHTS).is_file()


def fill(network: nn.Module, state: Mapping[str, Tensor], run: Path) -> None:
    """Load the weights of a run into a network; ``UsageError`` if they do not fit. A network in
    colour may take those of a grey one: its first layer then converts the picture to grey.
    """
    first, weight = next(iter(network.state_dict().items()))
    if first in state and weight.shape[1:2] == (3,) and state[first].shape[1] == 1:
        state = {**state, first: state[first] * torch.tensor(GREY).view(1, 3, 1, 1)}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UsageError(
            f"the weights in {run} are of another network, or of an older version of it"
        ) from error


def teacher(runs: Sequence[Path]) -> Callable[[Tensor], Tensor]:
    """The mean scores of some runs' networks: views in, (n, 2) probabilities out.

    A function, so that its networks are not submodules of the module that learns.
    """
    networks = list(map(load, runs))

    def scores(views: Tensor) -> Tensor:
        with torch.no_grad():
            parts = [n.to(views.device)(views).float().softmax(1) for n in networks]
            return torch.stack(parts).mean(0)

    return scores
