"""mini-Xception: four residual blocks of depthwise-separable convolutions.

Arriaga, Valdenegro-Toro and Ploeger 2017, arXiv:1710.07557, figure 4, after Chollet 2017
(arXiv:1610.02357). A block's two separable convolutions are added to a strided 1x1 convolution of
its input; the last convolution outputs a map for each class, whose mean is its logit.
"""

from torch import nn

from genderscope.core.types import LABELS
from genderscope.training.models.residual_cnn import Residual, projection
from genderscope.training.models.standard_cnn import convolution

SOURCE = "Arriaga et al. 2017, arXiv:1710.07557; Chollet 2017, arXiv:1610.02357"
STEM = 16
# (maps, stride) of each block. The paper's stem keeps the full resolution, which costs most
# of its time; here it halves it, which pays for wider blocks. The paper's last convolution is 3x3;
# a 1x1 one is as accurate in a tenth less time.
BLOCKS = ((32, 2), (48, 2), (72, 1), (112, 1))


class SeparableConvolution(nn.Sequential):
    """A 3x3 depthwise convolution, then a 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )


class Block(Residual):
    """Two separable convolutions and a max pooling beside a strided 1x1 convolution."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        body = nn.Sequential(
            SeparableConvolution(inputs, outputs),
            nn.ReLU(),
            SeparableConvolution(outputs, outputs),
            nn.MaxPool2d(3, stride, padding=1) if stride > 1 else nn.Identity(),
        )
        super().__init__(body, projection(inputs, outputs, stride))


def create(channels: int = 1) -> nn.Module:
    maps, strides = zip(*BLOCKS, strict=True)
    return nn.Sequential(
        *convolution(channels, STEM, 2),
        *convolution(STEM, STEM),
        *map(Block, (STEM, *maps), maps, strides),
        nn.Conv2d(maps[-1], len(LABELS), 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
