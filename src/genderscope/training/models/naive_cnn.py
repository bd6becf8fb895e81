"""The naive network behind mini-Xception's 80-fold reduction: five million parameters.

Arriaga, Valdenegro-Toro and Ploeger 2017, arXiv:1710.07557, give no layers; this is the usual
alternation of convolution and pooling, for comparison only and not shipped. It reads only crops of
64 x 64 pixels.
"""

from torch import nn

from genderscope.core.types import LABELS
from genderscope.training.models import standard_cnn

SOURCE = "after Arriaga et al. 2017, arXiv:1710.07557"
SIZE = 64
MAPS = (32, 64, 128)  # of each convolution; a max pooling halves the side after each
HIDDEN = 600
DROPPED = 0.5


def convolution(inputs: int, outputs: int) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU, max pooling."""
    return nn.Sequential(*standard_cnn.convolution(inputs, outputs), nn.MaxPool2d(2))


def create(channels: int = 1) -> nn.Module:
    side = SIZE // 2 ** len(MAPS)
    return nn.Sequential(
        *map(convolution, (channels, *MAPS), MAPS),
        nn.Flatten(),
        nn.Linear(MAPS[-1] * side**2, HIDDEN),
        nn.ReLU(),
        nn.Dropout(DROPPED),
        nn.Linear(HIDDEN, len(LABELS)),
    )
