"""Random views of crops, a whole batch at a time, on the batch's device.

A view is rotated, shifted, scaled and mirrored, then blurred to a lower resolution, relit, made
noisy and partly erased: what cameras and detectors do to faces.
"""

from math import radians

import torch
from torch import Tensor
from torch.nn import functional as F

from genderscope.training.settings import Augmentation

LOWEST_PX = 12


def augment(wide: Tensor, size: int, strength: Augmentation, visible: int | None = None) -> Tensor:
    """Random views of crops, (n, channels, size, size) floats in 0-255, from crops with their
    surround, (n, channels, side, side). ``visible``, by default ``size``, is the side of a view's
    window in pixels of those crops.
    """
    pixels = _move(wide, size, visible or size, strength)
    pixels = _blur(pixels, strength)
    pixels = _light(pixels, strength)
    return _erase(pixels, strength).clip(0, 255)


def _move(wide: Tensor, size: int, visible: int, strength: Augmentation) -> Tensor:
    """Rotate, shift, scale and mirror crops: (n, channels, size, size)."""
    count = len(wide)
    angle = _uniform(wide, radians(strength.angle_deg))
    if strength.far_probability:
        far = torch.rand(count, device=wide.device) < strength.far_probability
        angle = torch.where(far, _uniform(wide, radians(strength.far_angle_deg)), angle)
    zoom = _uniform(wide, strength.zoom_ratio).exp() * visible / wide.shape[-1]
    mirror = torch.randint(0, 2, (count,), device=wide.device) * 2 - 1
    shift = [2 * _uniform(wide, strength.shift_ratio) * visible / wide.shape[-1] for _ in range(2)]
    cosine, sine = zoom * angle.cos(), zoom * angle.sin()
    rows = [mirror * cosine, -sine, shift[0], mirror * sine, cosine, shift[1]]
    matrix = torch.stack(rows, 1).view(count, 2, 3)
    grid = F.affine_grid(matrix, [count, 1, size, size], align_corners=False)
    return F.grid_sample(wide, grid, padding_mode="border", align_corners=False)


def _blur(pixels: Tensor, strength: Augmentation) -> Tensor:
    """Lower the resolution of some faces, in four groups, since a tensor has one size."""
    size = pixels.shape[-1]
    chosen = torch.rand(len(pixels)) < strength.blur_probability
    for part in chosen.nonzero().flatten().to(pixels.device).chunk(4):
        if len(part):
            # Log-uniform: halving the resolution costs as much at any size.
            low = round(size * (LOWEST_PX / size) ** float(torch.rand(())))
            small = F.interpolate(pixels[part], (low, low), mode="bilinear", antialias=True)
            pixels[part] = F.interpolate(small, (size, size), mode="bilinear")
    return pixels


def _light(pixels: Tensor, strength: Augmentation) -> Tensor:
    ends = torch.linspace(-0.5, 0.5, pixels.shape[-1], device=pixels.device)
    across, down = (_uniform(pixels, strength.slope)[:, None] * ends for _ in range(2))
    slope = 1 + across[:, None, None, :] + down[:, None, :, None]
    gamma = _uniform(pixels, strength.gamma_ratio).exp().view(-1, 1, 1, 1)
    lit = 255 * (pixels.clip(0, 255) / 255) ** gamma * slope
    noise = strength.noise * torch.rand(len(pixels), 1, 1, 1, device=pixels.device)
    return lit + noise * torch.randn_like(pixels)


def _erase(pixels: Tensor, strength: Augmentation) -> Tensor:
    count, size = len(pixels), pixels.shape[-1]
    axis = (torch.arange(size, device=pixels.device) + 0.5) / size
    columns, rows = (
        (axis - torch.rand(count, 1, device=pixels.device)).abs()
        < strength.cover_ratio / 2 * torch.rand(count, 1, device=pixels.device)
        for _ in range(2)
    )
    covered = columns[:, None, :] & rows[:, :, None]
    covered &= torch.rand(count, 1, 1, device=pixels.device) < strength.cover_probability
    grey = 255 * torch.rand(count, pixels.shape[1], 1, 1, device=pixels.device)
    return torch.where(covered[:, None], grey, pixels)


def _uniform(like: Tensor, bound: float) -> Tensor:
    """(n,) numbers, uniform between -bound and bound."""
    return (2 * torch.rand(len(like), device=like.device) - 1) * bound
