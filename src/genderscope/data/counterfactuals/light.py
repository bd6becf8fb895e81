"""Light on the whole picture. Exposure works on linear light, contrast on the picture's values."""

from functools import partial

import numpy as np

from genderscope.core.types import Face, Image
from genderscope.data.counterfactuals._pose import pose

KIND = "light"
GAMMA = 2.2
GRAIN = 6


def dark(picture: Image, face: Face, seed: int) -> Image:
    """A sixth of the light, with the noise of cameras in the dark."""
    grain = np.random.default_rng(seed).normal(0, GRAIN, picture.shape)
    darker = exposed(picture, face, seed, 1 / 6)
    return np.asarray(np.rint((darker + grain).clip(0, 255)), np.uint8)


def side(picture: Image, face: Face, seed: int) -> Image:
    """Light from a random side: an eighth on the far cheek, nearly twice on the near one."""
    head = pose(face)
    height, width = picture.shape[:2]
    across = ((np.arange(width) + 1j * np.arange(height)[:, None] - head.origin) / head.scale).real
    from_left = np.random.default_rng(seed).random() < 0.5
    steep = 9 * (across if from_left else -across)
    share = 1 / (1 + np.exp(steep.clip(max=99)))  # far from a small face it would overflow
    return exposed(picture, face, seed, (0.12 + 1.7 * share)[..., None])


def exposed(
    picture: Image, face: Face, seed: int, factor: float | np.ndarray = 1, gamma: float = GAMMA
) -> Image:
    """The light times a factor, which may differ by pixel."""
    lit = 255 * (factor * (picture / np.float32(255)) ** gamma).clip(0, 1) ** (1 / GAMMA)
    return np.rint(lit).astype(np.uint8)


def contrasted(picture: Image, face: Face, seed: int, factor: float) -> Image:
    """The contrast around the picture's mean times a factor."""
    mean = picture.mean()
    return np.asarray(np.rint((mean + factor * (picture - mean)).clip(0, 255)), np.uint8)


CONDITIONS = {
    "dark": dark,
    "bright": partial(exposed, factor=3),  # bright parts are overexposed
    "side light": side,
    "low contrast": partial(contrasted, factor=1 / 3),  # as in fog
    "high contrast": partial(contrasted, factor=2),
    "gamma": partial(exposed, gamma=GAMMA**2),  # a display's gamma twice: dark, without noise
}
