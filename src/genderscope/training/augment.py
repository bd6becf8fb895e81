"""Random views of crops, a whole batch at a time, on whatever device the batch is.

A view is turned, moved, resized and mirrored, lit, blurred by a lower resolution, covered in part,
and noisy: what cameras and detectors do to faces. Knows nothing of files or networks.
"""

from dataclasses import astuple, dataclass
from math import radians

import torch
from torch import Tensor
from torch.nn import functional as F

LOWEST_PX = 12


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strong the views are; each is drawn anew for each face.

    Attributes:
        angle_deg: largest turn to either side.
        zoom_ratio: largest change of size, as the logarithm's bound.
        shift_ratio: largest move along each axis, in units of the crop's side.
        gamma_ratio: largest exponent of the light curve, as the logarithm's bound.
        slope: largest change of light from one side of the crop to the other, of 1.
        noise: largest standard deviation of the noise, in grey levels of 255.
        blur_probability: share of faces seen at a lower resolution, down to ``LOWEST_PX``.
        cover_probability: share of faces with a covered rectangle.
        cover_ratio: its largest side, in units of the crop's side.
        far_angle_deg: largest turn to either side of a part of the faces, as of tilted heads.
        far_probability: that part.
    """

    angle_deg: float = 20
    zoom_ratio: float = 0.18
    shift_ratio: float = 0.06
    gamma_ratio: float = 0.5
    slope: float = 0.5
    noise: float = 8
    blur_probability: float = 0.3
    cover_probability: float = 0.3
    cover_ratio: float = 0.5
    far_angle_deg: float = 45
    far_probability: float = 0.0

    def times(self, strength: float) -> "Augmentation":
        """Everything that much stronger, or weaker below 1."""
        return Augmentation(*(strength * value for value in astuple(self)))

    def __call__(self, wide: Tensor, size: int) -> Tensor:
        """Views of crops.

        Args:
            wide: (n, channels, side, side) floats of 0-255: crops with their surround.
            size: of the views, in pixels at the same scale.

        Returns:
            (n, channels, size, size) floats of 0-255.
        """
        pixels = self._move(wide, size, size)
        pixels = self._blur(pixels)
        pixels = self._light(pixels)
        return self._cover(pixels).clip(0, 255)

    def _move(self, wide: Tensor, size: int, seen: int) -> Tensor:
        """``seen`` pixels of each crop, turned, moved and mirrored, as ``size`` pixels."""
        count = len(wide)
        angle = self._around(wide, radians(self.angle_deg))
        if self.far_probability:
            far = torch.rand(count, device=wide.device) < self.far_probability
            angle = torch.where(far, self._around(wide, radians(self.far_angle_deg)), angle)
        zoom = self._around(wide, self.zoom_ratio).exp() * seen / wide.shape[-1]
        mirror = torch.randint(0, 2, (count,), device=wide.device) * 2 - 1
        shift = [2 * self._around(wide, self.shift_ratio) * seen / wide.shape[-1] for _ in range(2)]
        cosine, sine = zoom * angle.cos(), zoom * angle.sin()
        rows = [mirror * cosine, -sine, shift[0], mirror * sine, cosine, shift[1]]
        places = F.affine_grid(
            torch.stack(rows, 1).view(count, 2, 3), [count, 1, size, size], align_corners=False
        )
        return F.grid_sample(wide, places, padding_mode="border", align_corners=False)

    def _blur(self, pixels: Tensor) -> Tensor:
        """See some faces at a lower resolution: one of a few for each batch, since a batch's
        tensors have one size.
        """
        size = pixels.shape[-1]
        chosen = torch.rand(len(pixels)) < self.blur_probability
        for part in chosen.nonzero().flatten().to(pixels.device).chunk(4):
            if len(part):
                # Log-uniform: halving the resolution costs as much at any size.
                low = round(size * (LOWEST_PX / size) ** float(torch.rand(())))
                small = F.interpolate(pixels[part], (low, low), mode="bilinear", antialias=True)
                pixels[part] = F.interpolate(small, (size, size), mode="bilinear")
        return pixels

    def _light(self, pixels: Tensor) -> Tensor:
        ends = torch.linspace(-0.5, 0.5, pixels.shape[-1], device=pixels.device)
        across, down = (self._around(pixels, self.slope)[:, None] * ends for _ in range(2))
        slope = 1 + across[:, None, None, :] + down[:, None, :, None]
        gamma = self._around(pixels, self.gamma_ratio).exp().view(-1, 1, 1, 1)
        lit = 255 * (pixels.clip(0, 255) / 255) ** gamma * slope
        strength = self.noise * torch.rand(len(pixels), 1, 1, 1, device=pixels.device)
        return lit + strength * torch.randn_like(pixels)

    def _cover(self, pixels: Tensor) -> Tensor:
        count, size = len(pixels), pixels.shape[-1]
        axis = (torch.arange(size, device=pixels.device) + 0.5) / size
        inside = [
            (axis - torch.rand(count, 1, device=pixels.device)).abs()
            < self.cover_ratio / 2 * torch.rand(count, 1, device=pixels.device)
            for _ in range(2)
        ]
        covered = inside[0][:, None, :] & inside[1][:, :, None]
        covered &= torch.rand(count, 1, 1, device=pixels.device) < self.cover_probability
        grey = 255 * torch.rand(count, pixels.shape[1], 1, 1, device=pixels.device)
        return torch.where(covered[:, None], grey, pixels)

    @staticmethod
    def _around(like: Tensor, bound: float) -> Tensor:
        """One number for each of a batch, uniform between -bound and bound."""
        return (2 * torch.rand(len(like), device=like.device) - 1) * bound
