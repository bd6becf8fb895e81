"""Face detectors, one file each: ``create(model, detection_size, min_score, min_face_px)``.

This module holds what they share: the choice of one by its name, and the search of a large picture
in views of bounded size. Knows nothing of crops or classification.
"""

from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path

import cv2
import numpy as np

from genderscope import downloads, plugins
from genderscope.contracts import Box, Detector, Face, Image, points
from genderscope.preprocess import PreprocessSpec, whole

# Two views see the same face when their boxes share this much.
SAME_FACE_IOU = 0.4


def create(
    name: str | None = None,
    *,
    model: Path | None = None,
    detection_size: int = 1280,
    min_score: float = 0.6,
    min_face_px: int = 24,
) -> Detector:
    """Make a detector.

    Args:
        name: a file of this folder; by default ``yunet`` where its weights are, else ``haar``.
        model: the detector's weights, where it has any; by default those that ``models pull`` got.
        detection_size: longest side of what is searched at once, in pixels.
        min_score: detections below it are dropped, 0-1.
        min_face_px: faces with a shorter side below it, in the picture's own pixels, are dropped.

    Raises:
        UsageError: no detector has that name.
        ModelError: its weights are absent or broken.
    """
    if name is None:
        name = "yunet" if model or downloads.find("yunet") else "haar"
    detector: Detector = plugins.load("detectors", name).create(
        model, detection_size, min_score, min_face_px
    )
    return detector


def search(
    image: Image,
    find: Callable[[Image], list[Face]],
    *,
    detection_size: int,
    min_face_px: int,
    smallest_px: float,
) -> list[Face]:
    """Find faces of all sizes: in the whole picture shrunk to a bounded size and, where that would
    make the smallest wanted face smaller than a detector can see, in overlapping tiles too.

    Args:
        find: the detector for one view.
        smallest_px: the smallest face that ``find`` sees.

    Returns:
        Faces in the picture's own pixels, best first, each once.
    """
    found = [
        _moved(face, scale, left, top)
        for scale, left, top, view in _views(image, detection_size, smallest_px / min_face_px)
        for face in find(view)
    ]
    kept: list[Face] = []
    for face in sorted(found, key=lambda face: -face.score):
        if (
            min(face.box.width, face.box.height) >= min_face_px
            and _within(face, image)
            and all(face.box.iou(other.box) < SAME_FACE_IOU for other in kept)
        ):
            kept.append(face)
    return kept


def _views(image: Image, size: int, wanted: float) -> Iterator[tuple[float, float, float, Image]]:
    """Views of at most ``size`` pixels with their scale and their left and top in the picture."""
    longest = max(image.shape[:2])
    whole = min(1.0, size / longest)
    yield whole, 0, 0, _shrunk(image, whole)
    wanted = min(1.0, wanted)
    if wanted <= whole:
        return
    large = _shrunk(image, wanted)
    for top in _starts(large.shape[0], size):
        for left in _starts(large.shape[1], size):
            view = large[top : top + size, left : left + size]
            yield wanted, left / wanted, top / wanted, np.ascontiguousarray(view)


def _starts(length: int, size: int) -> list[int]:
    """Where tiles begin so that they cover a length and overlap by at least an eighth."""
    count = max(ceil((length - size) / (size * 7 / 8)), 0) + 1
    return [round(step) for step in np.linspace(0, max(length - size, 0), count)]


def _shrunk(image: Image, scale: float) -> Image:
    if scale == 1:
        return image
    height, width = (max(round(side * scale), 1) for side in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(
        np.uint8, copy=False
    )


def _within(face: Face, image: Image) -> bool:
    """The middle of a face, by its box and by its landmarks, lies in the picture."""
    middles = [complex(*face.box.centre)]
    if face.landmarks:
        middles.append(complex(points(face.landmarks).mean()))
    height, width = image.shape[:2]
    return all(0 <= middle.real < width and 0 <= middle.imag < height for middle in middles)


def _moved(face: Face, scale: float, left: float, top: float) -> Face:
    """A face of a view in the picture's pixels."""
    box = face.box
    return Face(
        Box(left + box.x / scale, top + box.y / scale, box.width / scale, box.height / scale),
        face.score,
        face.landmarks and tuple((left + x / scale, top + y / scale) for x, y in face.landmarks),
    )


def find_one(
    image: Image, detector: Detector, spec: PreprocessSpec, box: Box | None = None
) -> tuple[Face, bool]:
    """The face of a picture that is known to show one, such as a data set's.

    Args:
        box: where the face is, if the data set says so.

    Returns:
        The detected face that overlaps ``box``, or the one nearest to the picture's middle, and
        True; without one, the face at ``box`` or the whole picture taken as a crop, and False.
    """
    faces = detector(image)
    if box is not None:
        face = max(faces, key=lambda face: face.box.iou(box), default=None)
        if face is not None and face.box.iou(box) >= SAME_FACE_IOU / 2:
            return face, True
        return Face(box), False
    middle = complex(image.shape[1], image.shape[0]) / 2
    face = min(faces, key=lambda face: abs(complex(*face.box.centre) - middle), default=None)
    return (face, True) if face else (whole(image, spec), False)
