"""Light on the whole picture. Exposure works on linear light, contrast on the picture's values."""

import numpy as np

from genderscope.core.types import Face, Image
from genderscope.data.counterfactuals._pose import pose

KIND = "light"
GAMMA = 2.2
GRAIN = 6


def dark(picture: Image, face: Face, seed: int) -> Image:
    """A sixth of the light, with the noise that cameras then add."""
    grain = np.random.default_rng(seed).normal(0, GRAIN, picture.shape)
    grainy: Image = np.rint((_exposed(picture, 1 / 6) + grain).clip(0, 255)).astype(np.uint8)
    return grainy


def bright(picture: Image, face: Face, seed: int) -> Image:
    """Three times the light, so that bright parts are overexposed."""
    return _exposed(picture, 3)


def side(picture: Image, face: Face, seed: int) -> Image:
    """Light from a random side: an eighth on the far cheek, nearly twice on the near one."""
    head = pose(face)
    height, width = picture.shape[:2]
    across = ((np.arange(width) + 1j * np.arange(height)[:, None] - head.origin) / head.scale).real
    from_left = np.random.default_rng(seed).random() < 0.5
    share = 1 / (1 + np.exp(9 * (across if from_left else -across)))
    return _exposed(picture, (0.12 + 1.7 * share)[..., None])


def flat(picture: Image, face: Face, seed: int) -> Image:
    """A third of the contrast around the picture's mean, as in fog."""
    return _contrast(picture, 1 / 3)


def hard(picture: Image, face: Face, seed: int) -> Image:
    """Twice the contrast around the picture's mean."""
    return _contrast(picture, 2)


def gamma(picture: Image, face: Face, seed: int) -> Image:
    """A display's gamma applied once too often: dark, without added noise."""
    return _exposed(picture, 1, GAMMA**2)


def _exposed(picture: Image, factor: float | np.ndarray, gamma: float = GAMMA) -> Image:
    lit = 255 * (factor * (picture / np.float32(255)) ** gamma).clip(0, 1) ** (1 / GAMMA)
    return np.rint(lit).astype(np.uint8)


def _contrast(picture: Image, factor: float) -> Image:
    mean = picture.mean()
    stretched: Image = np.rint((mean + factor * (picture - mean)).clip(0, 255)).astype(np.uint8)
    return stretched


CONDITIONS = {"dark": dark, "bright": bright, "side light": side}
CONDITIONS |= {"low contrast": flat, "high contrast": hard, "gamma": gamma}
