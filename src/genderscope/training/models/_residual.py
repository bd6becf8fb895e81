"""What the residual networks share."""

from torch import Tensor, nn


class Residual(nn.Module):
    """The activated sum of a body and a shortcut (He et al. 2016)."""

    def __init__(self, body: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut, self.activation = body, shortcut, nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        activated: Tensor = self.activation(self.body(maps) + self.shortcut(maps))
        return activated


def projection(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """A shortcut to other sizes: a strided 1x1 convolution."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
