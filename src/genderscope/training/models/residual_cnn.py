"""A residual network for accuracy: six blocks of two ordinary convolutions.

He et al. 2016 (arXiv:1512.03385), small and without a dense layer: the last convolution outputs a
map for each class, whose mean is its logit. The smaller networks learn from its scores.
"""

from torch import Tensor, nn

from genderscope.core.types import LABELS
from genderscope.training.models.standard_cnn import convolution

SOURCE = "He et al. 2016, arXiv:1512.03385"
STEM = 32
BLOCKS = ((32, 1), (64, 2), (128, 2), (128, 1), (256, 2), (256, 1))  # (maps, stride) of each block


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


class Block(Residual):
    """Two convolutions, added to their input or to a strided 1x1 convolution of it."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        body = nn.Sequential(
            *convolution(inputs, outputs, stride),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = (inputs, stride) == (outputs, 1)
        super().__init__(body, nn.Identity() if same else projection(inputs, outputs, stride))


def create(channels: int = 1) -> nn.Module:
    maps, strides = zip(*BLOCKS, strict=True)
    return nn.Sequential(
        *convolution(channels, STEM, 2),
        *map(Block, (STEM, *maps), maps, strides),
        nn.Conv2d(maps[-1], len(LABELS), 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
