"""Distributed training: the processes that ``torchrun`` started; one without it.

Each batch is the one of a single process. Every process makes all of its views, from the same
random numbers, and learns from its own share of them; batch normalisation is over the whole batch.
So several processes learn the same as one, up to rounding.
"""

import os

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


def count() -> int:
    """Processes in all, on every machine."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def here() -> int:
    """Processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def first() -> bool:
    """Whether this process is the one that writes."""
    return os.environ.get("RANK", "0") == "0"


def share() -> slice:
    """This process's rows of a batch."""
    return slice(int(os.environ.get("RANK", "0")), None, count())


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the shares of all processes, which are of equal size.

    Works on any device, unlike torch's own; plain in a single process and in evaluation mode.
    """

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
    """Normalise over all processes from now on. Parameters and their names stay."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = BatchNorm
