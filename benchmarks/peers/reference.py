"""The reference's mini-Xception, for timing only: random weights, since time does not depend on
them.

The layers are those of oarriaga/face_classification (Arriaga et al. 2017, arXiv:1710.07557) for a
grey crop of 64 x 64 pixels and two classes, reimplemented in torch. Pooling pads both sides of the
maps here, and one side there: the maps and the number of operations are the same.
"""

from pathlib import Path
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor, nn

SIZE = 64
STEM = 8
BLOCKS = (16, 32, 64, 128)


def separable(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Block(nn.Module):
    """Two separable convolutions and pooling, with a strided 1x1 convolution as the shortcut, and
    no ReLU after the sum.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            separable(inputs, outputs),
            nn.ReLU(),
            separable(outputs, outputs),
            nn.MaxPool2d(3, 2, padding=1),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs)
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.body(maps) + self.shortcut(maps)


def create() -> nn.Module:
    """The network, from (n, 1, 64, 64) to (n, 2) probabilities."""
    return nn.Sequential(
        nn.Conv2d(1, STEM, 3, bias=False),
        nn.BatchNorm2d(STEM),
        nn.ReLU(),
        nn.Conv2d(STEM, STEM, 3, bias=False),
        nn.BatchNorm2d(STEM),
        nn.ReLU(),
        *map(Block, (STEM, *BLOCKS), BLOCKS),
        nn.Conv2d(BLOCKS[-1], 2, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Softmax(1),
    ).eval()


def export(network: nn.Module, file: Path, size: int = SIZE) -> None:
    with catch_warnings(), torch.no_grad():
        simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(2, 1, size, size),),
            file,
            input_names=["faces"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
