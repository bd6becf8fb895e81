"""The looks that a model takes at a face: as it is, mirrored, and turned a little.

One look's errors differ from another's, so the mean of their logits is more accurate, above all for
uncertain faces. The page's ``network.js`` takes the same looks.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genderscope.core.types import Floats, Image, SecondLook


class Look(NamedTuple):
    """A view of crops: turned clockwise, then mirrored."""

    turn_deg: float = 0.0
    mirrored: bool = False

    def of(self, crops: Image) -> Image:
        """This view of crops, (n, size, size[, 3]) uint8."""
        if self.turn_deg:
            crops = np.rint(_turned(crops, self.turn_deg)).astype(np.uint8)
        return crops[:, :, ::-1] if self.mirrored else crops

    def undone(self, maps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Maps of this view, (n, channels, size, size), as maps of the crops."""
        maps = maps[..., ::-1] if self.mirrored else maps
        if not self.turn_deg:
            return maps
        upright = _turned(maps.reshape(-1, *maps.shape[2:]), -self.turn_deg)
        return upright.reshape(maps.shape).astype(np.float32)


FIRST = Look()


def looks(second_look_deg: float) -> tuple[Look, ...]:
    """All looks at a face that gets a second one: as it is and mirrored, and, unless the angle is
    0, both turned either way. The first is the crop itself, the second its mirror image.
    """
    turns = (0.0, second_look_deg, -second_look_deg) if second_look_deg else (0.0,)
    return tuple(Look(turn, mirrored) for turn in turns for mirrored in (False, True))


def scored_again(
    scores: Floats, second_look: SecondLook, min_confidence: float
) -> npt.NDArray[np.bool_]:
    """Which faces get a second look, (n,), from the probabilities of the first, (n, 2)."""
    least = {"none": 0, "uncertain": min_confidence, "all": np.inf}
    again: npt.NDArray[np.bool_] = scores.max(1) < least[second_look]
    return again


def _turned(pixels: npt.NDArray[np.generic], degrees: float) -> Floats:
    """Pixels (n, size, size[, 3]) turned clockwise about their centre, bilinear; the edge is
    repeated outside.
    """
    flat = pixels.reshape(len(pixels), -1, *pixels.shape[3:])
    places, weights = _sources(pixels.shape[1], degrees)
    weights = weights.reshape(*weights.shape, *[1] * (flat.ndim - 2))
    parts = (weight * flat[:, place] for place, weight in zip(places, weights, strict=True))
    return np.asarray(sum(parts), np.float64).reshape(pixels.shape)


@lru_cache
def _sources(size: int, degrees: float) -> tuple[npt.NDArray[np.intp], Floats]:
    """The four pixels around the source of each turned pixel, (4, size * size), and their weights;
    both row by row.
    """
    middle = (size - 1) / 2
    axis = np.arange(size) - middle
    sources = (axis + 1j * axis[:, None]).ravel() * np.exp(-1j * np.radians(degrees))
    x, y = ((part + middle).clip(0, size - 1) for part in (sources.real, sources.imag))
    left, top = (np.minimum(part.astype(np.intp), size - 2) for part in (x, y))
    right, down = x - left, y - top  # shares of the pixels on the right and below
    places = top * size + left + np.array([[0], [1], [size], [size + 1]])
    weights = (1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down
    return places, np.stack(weights)
