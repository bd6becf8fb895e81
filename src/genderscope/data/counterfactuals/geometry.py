"""Geometry: the picture turned, mirrored, resized, squeezed, shifted or cut off about its face."""

from functools import partial

import cv2
import numpy as np

from genderscope.core.types import Face, Floats, Image
from genderscope.data.counterfactuals._pose import pose

KIND = "geometry"
GREY = (127, 127, 127)
SHIFT, CUT = 0.1, 0.25


def transformed(picture: Image, face: Face, seed: int, matrix: Floats) -> Image:
    """Apply a (2, 2) or (2, 3) matrix about the face's centre, in face sizes; grey beyond."""
    head = pose(face)
    centre = np.array([head.origin.real, head.origin.imag])
    shift = centre - matrix[:, :2] @ centre
    if matrix.shape[1] == 3:
        shift = shift + matrix[:, 2] * abs(head.scale)
    size = picture.shape[1], picture.shape[0]
    whole = np.column_stack([matrix[:, :2], shift])
    return np.asarray(cv2.warpAffine(picture, whole, size, borderValue=GREY), np.uint8)


def cut_off(picture: Image, face: Face, seed: int) -> Image:
    """The picture ends a quarter of the face's width before the face does."""
    cut = picture.copy()
    cut[:, max(round(face.box.x + (1 - CUT) * face.box.width), 0) :] = GREY
    return cut


def _turn(degrees: float) -> Floats:
    """A clockwise rotation, since a picture's y axis points down: (2, 2)."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, -sine], [sine, cosine]])


MATRICES = {
    **{f"turned {degrees}": _turn(degrees) for degrees in (15, 30, 45, 90, 180, 270)},
    "mirrored": np.diag([-1.0, 1.0]),
    "half size": np.diag([0.5, 0.5]),
    "twice as wide": np.diag([2**0.5, 2**-0.5]),
    "twice as high": np.diag([2**-0.5, 2**0.5]),
    "shifted": np.array([[1, 0, SHIFT], [0, 1, SHIFT]]),
}
CONDITIONS = {
    **{name: partial(transformed, matrix=matrix) for name, matrix in MATRICES.items()},
    "cut off": cut_off,
}
