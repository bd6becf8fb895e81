"""The paper's standard fully convolutional network: nine convolutions and no dense layer.

Arriaga, Valdenegro-Toro and Ploeger 2017, arXiv:1710.07557, section III: convolutions with batch
normalisation and ReLU; the last outputs a map for each class, whose mean is its logit.
The softmax belongs to the loss and to ``classifier``.
"""

from torch import nn

from genderscope.core.types import LABELS

SOURCE = "Arriaga et al. 2017, arXiv:1710.07557"
# (maps, stride) of each of the first eight; the ninth has a map for each class.
LAYERS = ((32, 2), (32, 1), (64, 2), (64, 1), (112, 2), (112, 1), (144, 1), (144, 1))


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def create(channels: int = 1) -> nn.Module:
    maps, strides = zip(*LAYERS, strict=True)
    return nn.Sequential(
        *map(convolution, (channels, *maps), maps, strides),
        convolution(maps[-1], len(LABELS)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
