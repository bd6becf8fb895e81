"""Viola-Jones with OpenCV's own frontal cascade: always there, boxes only, misses turned faces."""

import threading
from pathlib import Path

import cv2
import numpy as np
from cv2.data import haarcascades

from genderscope.core.types import Box, Face, Image
from genderscope.detection import search

# A Haar box is a square on the middle of the face. This converts it to the package's convention:
# medians over 1,452 faces of FairFace train that YuNet found too, in units of the square's side.
DOWN, WIDTH, HEIGHT = 0.063, 0.813, 0.992
SMALLEST_PX = 24
SCALE_STEP, MIN_NEIGHBOURS = 1.1, 5


class _Cascade(threading.local):
    """OpenCV's cascade, one for each thread: its search is not safe for several."""

    def __init__(self) -> None:
        file = Path(haarcascades) / "haarcascade_frontalface_default.xml"
        self.opened = cv2.CascadeClassifier(str(file))


_CASCADE = _Cascade()


class Haar:
    """See ``create``; threads may share one instance."""

    name = "haar"
    smallest_px = SMALLEST_PX

    def __init__(self, detection_size: int, min_face_px: int) -> None:
        self._detection_size, self._min_face_px = detection_size, min_face_px

    def __call__(self, image: Image) -> list[Face]:
        return search(
            image,
            self._find,
            detection_size=self._detection_size,
            min_face_px=self._min_face_px,
            smallest_px=SMALLEST_PX,
        )

    def _find(self, view: Image) -> list[Face]:
        grey = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY)
        squares = _CASCADE.opened.detectMultiScale(
            grey, SCALE_STEP, MIN_NEIGHBOURS, minSize=(SMALLEST_PX, SMALLEST_PX)
        )
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
            for x, y, side, _ in sorted(np.reshape(squares, (-1, 4)).tolist(), key=_by_size)
        ]


def _by_size(square: list[int]) -> tuple[int, list[int]]:
    return -square[2], square


def create(detection_size: int, min_face_px: int) -> Haar:
    """OpenCV's cascade. It gives no scores: each face's is 1."""
    return Haar(detection_size, min_face_px)
