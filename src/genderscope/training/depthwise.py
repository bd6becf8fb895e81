"""Depthwise convolutions with faster gradients in bfloat16 on CPUs.

oneDNN computes some of those gradients with reference code, 20 to 50 times slower than the
convolution itself. Here they are put in terms of convolutions that it has kernels for.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FASTEST_KERNEL = 3  # the largest one whose gradient by weights is fast


class Depthwise(nn.Conv2d):
    """A depthwise convolution with square kernels; in evaluation mode exactly torch's own."""

    def forward(self, maps: Tensor) -> Tensor:
        """Filter maps, (n, channels, height, width)."""
        if not (self.training and torch.is_autocast_enabled("cpu") and maps.device.type == "cpu"):
            return super().forward(maps)
        half = torch.get_autocast_dtype("cpu")
        filtered: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
            maps.to(half), self.weight.to(half), self.stride[0], int(self.padding[0])
        )
        return filtered if self.bias is None else filtered + self.bias[:, None, None].to(half)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(maps, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        maps, weight = ctx.saved_tensors
        by_maps = _by_maps(gradient, maps, weight, ctx.stride, ctx.padding)
        by_weight = _by_weight(gradient, maps, weight, ctx.stride, ctx.padding)
        return by_maps, by_weight, None, None


def _by_maps(gradient: Tensor, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """A convolution with the turned kernel, of a gradient spread by the stride."""
    count, channels, *sides = maps.shape
    kernel = weight.shape[-1]
    if stride > 1:
        sides = [side + 2 * padding - kernel + 1 for side in sides]
        spread = gradient.new_zeros((count, *sides, channels)).permute(0, 3, 1, 2)
        spread[:, :, ::stride, ::stride] = gradient
        gradient = spread
    return F.conv2d(gradient, weight.flip(2, 3), None, 1, kernel - 1 - padding, 1, channels)


def _by_weight(gradient: Tensor, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Larger kernels in parts: the top left 3x3, the top right, and so on; they may overlap."""
    kernel = weight.shape[-1]
    if kernel <= FASTEST_KERNEL:
        return _gradient(gradient, maps, weight, stride, padding)
    padded = F.pad(maps, [padding] * 4)
    result = torch.empty_like(weight)
    height, width = ((side - 1) * stride + FASTEST_KERNEL for side in gradient.shape[2:])
    starts = (*range(0, kernel - FASTEST_KERNEL, FASTEST_KERNEL), kernel - FASTEST_KERNEL)
    for top in starts:
        for left in starts:
            part = padded[:, :, top : top + height, left : left + width]
            place = (..., slice(top, top + FASTEST_KERNEL), slice(left, left + FASTEST_KERNEL))
            part = part.contiguous(memory_format=torch.channels_last)
            result[place] = _gradient(gradient, part, weight[place].contiguous(), stride, 0)
    return result


def _gradient(gradient: Tensor, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    along = [stride] * 2, [padding] * 2, [1, 1]  # the last is the dilation
    wanted = [False, True, False]  # the gradient by the weight alone
    by_weight: Tensor = torch.ops.aten.convolution_backward(
        gradient, maps, weight, None, *along, False, [0, 0], len(weight), wanted
    )[1]
    return by_weight


def speed_up(network: nn.Module) -> None:
    """Use ``Depthwise`` in a network. Parameters and their names do not change."""
    for module in network.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels > 1:
            square = len({*module.kernel_size}) == len({*module.stride}) == 1
            plain = module.dilation == (1, 1) and module.padding_mode == "zeros"
            if square and plain and module.out_channels == module.groups:
                module.__class__ = Depthwise
