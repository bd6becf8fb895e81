"""Face detectors, one file each: their choice by name, and the search of large pictures."""

from collections.abc import Callable, Iterator
from inspect import signature
from math import ceil, inf
from pathlib import Path

import cv2
import numpy as np

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.protocols import Detector
from genderscope.core.types import Box, Face, Faces, Image, LeftOut, points
from genderscope.detection import downloads

DETECTION_SIZE_PX, MIN_SCORE, MIN_FACE_PX = 1280, 0.6, 24
# Smallest longer side of a shrunk picture: a quarter of the pixels of 1280 x 720, and no face is
# lost on the photographs of ``benchmarks/throughput.py``.
ENOUGH_PX = 640
SAME_FACE_IOU = 0.4  # Boxes of two views that overlap this much are the same face


def create(
    name: str | None = None,
    *,
    model: Path | None = None,
    detection_size: int = DETECTION_SIZE_PX,
    min_score: float = MIN_SCORE,
    min_face_px: int = MIN_FACE_PX,
    threads: int = 1,
    provider: str = "cpu",
) -> Detector:
    """Make a detector, by default ``yunet`` where its weights are, else ``haar``. ``UsageError`` if
    no detector or provider has that name, or it takes no weights, ``ModelError`` if they are absent
    or broken.

    Args:     model: its weights, if it has any; by default those that ``models pull`` downloaded.
    detection_size: longest side of what is searched at once, in pixels.     min_score: detections
    below it are dropped, 0-1.     min_face_px: smallest shorter side of a face, in the picture's
    own pixels.     threads, provider: of a network: see ``sessions.create``.
    """
    if name is None:
        name = "yunet" if model or downloads.find("yunet") else "haar"
    make = plugins.load("detection.detectors", name).create
    options = {
        "model": model,
        "detection_size": detection_size,
        "min_score": min_score,
        "min_face_px": min_face_px,
        "threads": threads,
        "provider": provider,
    }
    taken = signature(make).parameters  # a plug-in takes the options that mean something to it
    if model is not None and "model" not in taken:
        raise UsageError(f"{name} takes no weights, so not {model}")
    detector: Detector = make(**{key: options[key] for key in options if key in taken})
    return detector


def smallest_px(detector: Detector) -> float:
    """The smallest face that a detector finds, in pixels; infinite if not stated."""
    return float(getattr(detector, "smallest_px", inf))


def search(
    image: Image,
    find: Callable[[Image], list[Face]],
    *,
    detection_size: int,
    min_face_px: int,
    smallest_px: float,
    min_score: float = 0.0,
) -> Faces:
    """Faces of all sizes in the picture's own pixels, best first, without duplicates: ``find``
    searches the whole picture, shrunk as far as the smallest wanted face allows, and if that is too
    large to search at once, shrunk further and in overlapping tiles too. ``smallest_px`` is the
    smallest face that it detects. What it returns below ``min_score`` is only counted.
    """
    faces = [
        moved(face, scale, left, top)
        for scale, left, top, view in _views(image, detection_size, smallest_px / min_face_px)
        for face in find(view)
    ]
    distinct: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if _within(face, image) and all(face.box.iou(o.box) < SAME_FACE_IOU for o in distinct):
            distinct.append(face)
    large = [face for face in distinct if _side(face) >= min_face_px]
    kept = Faces(face for face in large if face.score >= min_score)
    small = sum(min_face_px / 2 <= _side(face) < min_face_px for face in distinct)
    kept.left_out = LeftOut(small, len(large) - len(kept))
    return kept


def _side(face: Face) -> float:
    return min(face.box.width, face.box.height)


def _views(image: Image, size: int, wanted: float) -> Iterator[tuple[float, float, float, Image]]:
    """Views of at most ``size`` pixels with their scale and their left and top in the picture."""
    longest = max(image.shape[:2])
    wanted = min(1.0, max(wanted, ENOUGH_PX / longest))
    whole = min(wanted, size / longest)
    yield whole, 0, 0, _shrunk(image, whole)
    if wanted <= whole:
        return
    large = _shrunk(image, wanted)
    height, width = large.shape[:2]
    for top, bottom in _tiles(height, size):
        for left, right in _tiles(width, size):
            view = np.ascontiguousarray(large[top:bottom, left:right])
            yield wanted, left / wanted, top / wanted, view


def _tiles(length: int, size: int) -> list[tuple[int, int]]:
    """Equal tiles of at most ``size`` over a length, which overlap by at least ``size / 8``."""
    overlap = size // 8
    count = max(ceil((length - overlap) / (size - overlap)), 1)
    side = ceil((length + (count - 1) * overlap) / count)
    return [(round(v), round(v) + side) for v in np.linspace(0, length - side, count)]


def _shrunk(image: Image, scale: float) -> Image:
    """Whole blocks averaged first, which is quick, then the rest of the way between pixels."""
    height, width = image.shape[:2]
    block = max(min(int(1 / scale), height, width), 1)
    if block > 1:
        part = image[: height // block * block, : width // block * block]
        size = (width // block, height // block)
        image = cv2.resize(part, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    if scale * block == 1:
        return image
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def _within(face: Face, image: Image) -> bool:
    """The middle of a face, by its box and by its landmarks, lies in the picture."""
    middles = [complex(*face.box.centre)]
    if face.landmarks:
        middles.append(complex(points(face.landmarks).mean()))
    height, width = image.shape[:2]
    return all(0 <= middle.real < width and 0 <= middle.imag < height for middle in middles)


def moved(face: Face, scale: float, left: float = 0, top: float = 0) -> Face:
    """A face of a view in the picture's pixels, where the view begins at left and top."""
    box = face.box
    return Face(
        Box(left + box.x / scale, top + box.y / scale, box.width / scale, box.height / scale),
        face.score,
        face.landmarks and tuple((left + x / scale, top + y / scale) for x, y in face.landmarks),
    )
