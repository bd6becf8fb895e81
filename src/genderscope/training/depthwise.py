"""Depthwise convolutions with faster gradients in bfloat16 on CPUs.

oneDNN computes some of those gradients with reference code, 20 to 50 times slower than the
convolution itself. Here they are computed by convolutions for which it has fast kernels.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FAST_KERNEL = 3  # the largest one whose weight gradient is fast


class Depthwise(nn.Conv2d):
    """A depthwise convolution with square kernels; in evaluation mode exactly torch's own."""

    def forward(self, maps: Tensor) -> Tensor:
        """Filter maps, (n, channels, height, width)."""
        if not (self.training and torch.is_autocast_enabled("cpu") and maps.device.type == "cpu"):
            return super().forward(maps)
        dtype = torch.get_autocast_dtype("cpu")
        filtered: Tensor = _Convolution.apply(  # type: ignore[no-untyped-call]
            maps.to(dtype), self.weight.to(dtype), self.stride[0], int(self.padding[0])
        )
        return filtered if self.bias is None else filtered + self.bias[:, None, None].to(dtype)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(maps, weight, None, stride, padding, 1, len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        maps, weight = ctx.saved_tensors
        of_maps = _of_maps(gradient, maps, weight, ctx.stride, ctx.padding)
        of_weight = _of_weight(gradient, maps, weight, ctx.stride, ctx.padding)
        return of_maps, of_weight, None, None


def _of_maps(gradient: Tensor, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Convolve the output gradient, dilated by the stride, with the rotated kernel."""
    count, channels, *sides = maps.shape
    kernel = weight.shape[-1]
    if stride > 1:
        sides = [side + 2 * padding - kernel + 1 for side in sides]
        dilated = gradient.new_zeros((count, *sides, channels)).permute(0, 3, 1, 2)
        dilated[:, :, ::stride, ::stride] = gradient
        gradient = dilated
    return F.conv2d(gradient, weight.flip(2, 3), None, 1, kernel - 1 - padding, 1, channels)


def _of_weight(gradient: Tensor, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Larger kernels in parts: the top left 3x3, the top right, and so on; they may overlap."""
    kernel = weight.shape[-1]
    if kernel <= FAST_KERNEL:
        return _gradient(gradient, maps, weight, stride, padding)
    padded = F.pad(maps, [padding] * 4)
    result = torch.empty_like(weight)
    height, width = ((side - 1) * stride + FAST_KERNEL for side in gradient.shape[2:])
    starts = (*range(0, kernel - FAST_KERNEL, FAST_KERNEL), kernel - FAST_KERNEL)
    for top in starts:
        for left in starts:
            part = padded[:, :, top : top + height, left : left + width]
            window = (..., slice(top, top + FAST_KERNEL), slice(left, left + FAST_KERNEL))
            part = part.contiguous(memory_format=torch.channels_last)
            result[window] = _gradient(gradient, part, weight[window].contiguous(), stride, 0)
    return result


def _gradient(gradient: Tensor, maps: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    geometry = [stride] * 2, [padding] * 2, [1, 1]  # the last is the dilation
    wanted = [False, True, False]  # only the weight's gradient
    of_weight: Tensor = torch.ops.aten.convolution_backward(
        gradient, maps, weight, None, *geometry, False, [0, 0], len(weight), wanted
    )[1]
    return of_weight


def speed_up(network: nn.Module) -> None:
    """Use ``Depthwise`` where a network allows it. Parameters and their names do not change."""
    for module in network.modules():
        if type(module) is nn.Conv2d and module.groups == module.in_channels > 1:
            square = len({*module.kernel_size}) == len({*module.stride}) == 1
            plain = module.dilation == (1, 1) and module.padding_mode == "zeros"
            # The gradient cannot be padded by a negative number.
            padded = module.padding in {(side, side) for side in range(module.kernel_size[0])}
            if square and plain and padded and module.out_channels == module.groups:
                module.__class__ = Depthwise
