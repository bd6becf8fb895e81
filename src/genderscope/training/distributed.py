"""Distributed training: the processes that ``torchrun`` started, or one.

Every process draws the same random views of the whole batch and trains on its share of them; batch
normalisation is over the whole batch. So several processes train as one does.
"""

import os

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


def count() -> int:
    """The number of processes on all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def here() -> int:
    """The number of processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def first() -> bool:
    """Whether this process is the one that writes."""
    return os.environ.get("RANK", "0") == "0"


def share() -> slice:
    """This process's rows of a batch."""
    return slice(int(os.environ.get("RANK", "0")), None, count())


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation over all processes' equal shares, on any device, unlike torch's own."""

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise maps, (n, channels, height, width)."""
        if not self.training or count() == 1:
            return super().forward(maps)
        axes = (0, 2, 3)
        values = maps.float()
        moments = torch.stack([values.mean(axes), values.square().mean(axes)])
        mean, square = all_reduce(moments) / count()  # type: ignore[no-untyped-call]
        variance = (square - mean.square()).clamp(min=0)
        with torch.no_grad():
            total = count() * values.numel() / values.shape[1]
            assert self.running_mean is not None
            assert self.running_var is not None
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum or 0.0)
            self.running_var.lerp_(variance * total / (total - 1), self.momentum or 0.0)
        scale = self.weight * (variance + self.eps).rsqrt()
        shift = self.bias - mean * scale
        normal: Tensor = values * scale[:, None, None] + shift[:, None, None]
        return normal.to(maps.dtype)


def join(network: nn.Module) -> None:
    """Make a network normalise over all processes. Parameters and their names do not change."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = BatchNorm
