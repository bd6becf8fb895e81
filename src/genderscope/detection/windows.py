"""Small windows of a picture, turned and scaled, searched together as one mosaic."""

from collections.abc import Callable, Sequence
from math import ceil, sqrt

import cv2
import numpy as np

from genderscope.core.types import Face, Image
from genderscope.detection.views import averaged, moved

MOST = 100  # windows in a mosaic
HALF_PIXEL = (1 + 1j) / 2  # OpenCV's pixels have their centres at whole numbers

Find = Callable[[Image], list[Face]]
Window = tuple[complex, complex]
"""A window's centre in the picture, and the step in the picture between neighbouring pixels."""


def search(image: Image, find: Find, windows: Sequence[Window], side: int) -> list[list[Face]]:
    """The faces of each window of ``side`` pixels, in the picture's pixels."""
    if len(windows) > MOST:
        later = search(image, find, windows[MOST:], side)
        return search(image, find, windows[:MOST], side) + later
    faces: list[list[Face]] = [[] for _ in windows]
    if not windows:
        return faces
    columns = ceil(sqrt(len(windows)))
    rows = ceil(len(windows) / columns)
    mosaic = np.zeros((rows * side, columns * side, 3), np.uint8)
    around: dict[tuple[complex, int, int], tuple[Image, complex]] = {}
    for place, (middle, step) in enumerate(windows):
        # Averaged first, since the warp interpolates only four pixels.
        block = max(min(int(abs(step)), *image.shape[:2]), 1)
        # Half of the turned window, and the pixels between which the warp interpolates.
        reach = ceil((abs(step.real) + abs(step.imag)) * side / 2) + 2 * block
        key = middle, block, reach
        if key not in around:
            around[key] = _around(image, middle, block, reach) if block > 1 else (image, 0)
        part, origin = around[key]
        top, left = (index * side for index in divmod(place, columns))
        cell = _cut(part, (middle - origin) / block, step / block, side)
        mosaic[top : top + side, left : left + side] = cell
    for face in find(mosaic):
        column, row = (int(centre // side) for centre in face.box.centre)
        place = row * columns + column
        if 0 <= column < columns and 0 <= place < len(windows):
            middle, step = windows[place]
            corner = complex(column, row) * side
            faces[place].append(moved(face, step, middle - step * (corner + side * HALF_PIXEL)))
    return faces


def _around(image: Image, middle: complex, block: int, reach: int) -> tuple[Image, complex]:
    """The pixels within ``reach`` of a window's centre, averaged in blocks, and their top left."""
    left, top = (max(int(v) - reach, 0) // block * block for v in (middle.real, middle.imag))
    right, bottom = (int(v) + reach for v in (middle.real, middle.imag))
    return averaged(image[top:bottom, left:right], block), complex(left, top)


def _cut(image: Image, middle: complex, step: complex, side: int) -> Image:
    start = middle - step * (side - 1) * HALF_PIXEL - HALF_PIXEL
    matrix = np.array([[step.real, -step.imag, start.real], [step.imag, step.real, start.imag]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(image, matrix, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return cut.astype(np.uint8, copy=False)
