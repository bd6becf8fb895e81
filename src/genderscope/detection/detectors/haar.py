"""Viola-Jones with OpenCV's own cascades: always available, boxes only, misses turned faces.

One frontal cascade proposes faces, and two others confirm them.
"""

import threading
from pathlib import Path

import cv2
import numpy as np
from cv2.data import haarcascades

from genderscope.core.types import Box, Face, Image, Orientation
from genderscope.detection import search

# A Haar box is a square on the centre of the face. These convert it to the package's convention:
# medians over 1,452 faces of FairFace train that YuNet also finds, in units of the square's side.
DOWN, WIDTH, HEIGHT = 0.063, 0.813, 0.992
SMALLEST_PX = 24
SCALE_STEP, MIN_NEIGHBOURS = 1.1, 3
FRONTAL, CHECKS = "frontalface_default", ("frontalface_alt", "frontalface_alt2")
# The other cascades search a candidate's window, widened by MARGIN on each side and resized to
# WINDOW_PX; together they need MIN_VOTES neighbouring detections near its centre. Of 300 faces of
# FairFace val on a grey canvas 63.3% are found, by the first cascade alone (with five neighbours)
# 64.3%; of its 22 false positives on group photographs and their backgrounds none is left.
MARGIN, WINDOW_PX, CHECK_STEP = 0.35, 80, 1.05
OFF_CENTRE, MIN_VOTES = 0.15, 18


class _Cascades(threading.local):
    """OpenCV's cascades, one set per thread: their search is not thread-safe."""

    def __init__(self) -> None:
        self.first, *self.checks = (
            cv2.CascadeClassifier(str(Path(haarcascades) / f"haarcascade_{name}.xml"))
            for name in (FRONTAL, *CHECKS)
        )


_CASCADES = _Cascades()


class Haar:
    """OpenCV's cascades. They give no scores: each face's is 1. Threads may share one instance."""

    name = "haar"
    smallest_px = SMALLEST_PX

    def __init__(
        self, detection_size: int, min_face_px: int, orientation: Orientation = "upright"
    ) -> None:
        self._detection_size, self._min_face_px = detection_size, min_face_px
        self._orientation = orientation

    def __call__(self, image: Image) -> list[Face]:
        return search(
            image,
            self._find,
            detection_size=self._detection_size,
            min_face_px=self._min_face_px,
            smallest_px=SMALLEST_PX,
            orientation=self._orientation,
        )

    def _find(self, view: Image) -> list[Face]:
        grey = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        squares = _CASCADES.first.detectMultiScale(
            grey, SCALE_STEP, MIN_NEIGHBOURS, minSize=(SMALLEST_PX, SMALLEST_PX)
        )
        checked = [x for x in np.reshape(squares, (-1, 4)).tolist() if _is_face(grey, x)]
        return [
            Face(
                Box(
                    x + side * (1 - WIDTH) / 2,
                    y + side * ((1 - HEIGHT) / 2 + DOWN),
                    side * WIDTH,
                    side * HEIGHT,
                )
            )
            # Largest first: OpenCV's own order depends on the number of its threads.
            for x, y, side, _ in sorted(checked, key=lambda square: (-square[2], square))
        ]


def _is_face(grey: Image, square: list[int]) -> bool:
    """Whether the other cascades confirm a candidate."""
    x, y, side, _ = square
    size, middle = round(side * (1 + 2 * MARGIN)), (x + side / 2, y + side / 2)
    window = cv2.resize(
        cv2.getRectSubPix(grey, (size, size), middle),
        (WINDOW_PX, WINDOW_PX),
        interpolation=cv2.INTER_AREA if size > WINDOW_PX else cv2.INTER_LINEAR,
    )
    votes = 0
    for cascade in _CASCADES.checks:
        squares, neighbours = cascade.detectMultiScale2(
            window, CHECK_STEP, 1, minSize=(WINDOW_PX // 3, WINDOW_PX // 3)
        )
        for (left, top, across, _), count in zip(squares, neighbours, strict=True):
            offsets = left + across / 2 - WINDOW_PX / 2, top + across / 2 - WINDOW_PX / 2
            votes += count * (max(map(abs, offsets)) < OFF_CENTRE * WINDOW_PX)
    return votes >= MIN_VOTES


create = Haar
