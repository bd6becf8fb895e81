"""Views of a picture (an image pyramid, in tiles), and the distinct faces of several views."""

from cmath import phase
from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import ceil, degrees, hypot, inf
from typing import NamedTuple

import cv2
import numpy as np

from genderscope.core.types import Box, Face, Image

# Least longer side of a shrunk picture: a quarter of the pixels of 1280 x 720, and no face is lost
# on the photographs of ``benchmarks/throughput.py``.
ENOUGH_PX = 640
# A detector misses faces above 300 pixels. If a face may be larger, the picture is searched for
# those of 150 and above at a tenth of the scale, with a shorter side of at least 96.
LARGEST_PX, LARGE_PX, STEP, CLOSE_UP_PX = 300, 150, 10, 96
# Boxes of this IoU, or with this share of the smaller one in the other, are the same face.
SAME_FACE_IOU, SAME_FACE_INSIDE = 0.4, 0.6
# A turned detection needs this much more score than an upright one.
ADVANTAGE = 0.03


class View(NamedTuple):
    """A part of a picture at some scale, with its left and top in the picture.

    Attributes:
        from_px, to_px: the sizes of its faces, in its own pixels; other views find the others.
    """

    scale: float
    left: float
    top: float
    image: Image
    from_px: float = 0
    to_px: float = inf


def views(image: Image, size: int, wanted: float, enough: float = ENOUGH_PX) -> Iterator[View]:
    """Views with sides of at most ``size`` pixels: the picture at the scale ``wanted``, or larger
    if its longer side would be below ``enough``; and smaller ones until no face is too large.
    """
    shortest, longest = sorted(image.shape[:2])
    scale, from_px = min(1.0, max(wanted, enough / longest)), 0.0
    picture = shrunk(image, scale)
    while True:
        last = shortest * scale <= LARGEST_PX
        height, width = picture.shape[:2]
        for top, bottom in _tiles(height, size):
            for left, right in _tiles(width, size):
                part = np.ascontiguousarray(picture[top:bottom, left:right])
                to_px = inf if last else LARGEST_PX
                yield View(scale, left / scale, top / scale, part, from_px, to_px)
        if last:
            return
        smaller = max(scale / STEP, CLOSE_UP_PX / shortest)
        from_px = LARGE_PX * smaller / scale
        picture = shrunk(picture, smaller / scale)
        scale = smaller


def _tiles(length: int, size: int) -> list[tuple[int, int]]:
    """Equal tiles of at most ``size`` over a length, which overlap by at least ``size / 8``."""
    overlap = size // 8
    count = max(ceil((length - overlap) / (size - overlap)), 1)
    side = ceil((length + (count - 1) * overlap) / count)
    return [(round(v), round(v) + side) for v in np.linspace(0, length - side, count)]


def shrunk(image: Image, scale: float) -> Image:
    """A picture at a smaller scale: average whole blocks, which is fast, then interpolate."""
    height, width = image.shape[:2]
    block = max(min(int(1 / scale), height, width), 1)
    image = averaged(image, block)
    if scale * block == 1:
        return image
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def averaged(image: Image, block: int) -> Image:
    """Average blocks of ``block`` x ``block`` pixels; incomplete ones at the edges are dropped."""
    if block == 1:
        return image
    height, width = (side // block for side in image.shape[:2])
    part = image[: height * block, : width * block]
    resized = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    return resized.astype(np.uint8, copy=False)


def moved(face: Face, a: complex, b: complex = 0) -> Face:
    """A view's face in the picture, where the view's point z lies at ``a * z + b``.

    A turned box becomes the upright box around its inscribed ellipse.
    """
    middle, spin = a * complex(*face.box.centre) + b, a / abs(a)
    width = abs(a) * hypot(face.box.width * spin.real, face.box.height * spin.imag)
    height = abs(a) * hypot(face.box.width * spin.imag, face.box.height * spin.real)
    points = [a * complex(x, y) + b for x, y in face.landmarks or ()]
    return replace(
        face,
        box=Box(middle.real - width / 2, middle.imag - height / 2, width, height),
        landmarks=tuple((point.real, point.imag) for point in points) or None,
        turn_deg=face.turn_deg + degrees(phase(a)),
    )


def distinct(faces: Iterable[Face]) -> list[Face]:
    """Faces without duplicates, best first: non-maximum suppression."""
    ranked = sorted(faces, key=lambda face: -face.score - ADVANTAGE * (not face.turn_deg))
    sides = np.reshape([(f.box.x, f.box.y, f.box.width, f.box.height) for f in ranked], (-1, 4))
    starts, ends, areas = sides[:, :2], sides[:, :2] + sides[:, 2:], sides[:, 2] * sides[:, 3]
    kept, left = [], np.arange(len(ranked))
    while len(left):
        best, left = left[0], left[1:]
        kept.append(ranked[best])
        shared = np.minimum(ends[left], ends[best]) - np.maximum(starts[left], starts[best])
        both = shared.clip(0).prod(1)
        overlap = both / (areas[left] + areas[best] - both)
        inside = both / np.minimum(areas[left], areas[best])
        left = left[(overlap < SAME_FACE_IOU) & (inside < SAME_FACE_INSIDE)]
    return kept
