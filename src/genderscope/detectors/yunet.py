"""YuNet (Wu et al. 2023): a small, quick network that finds faces at any angle with landmarks.

Its weights (OpenCV Zoo, MIT licence) are not part of this package: ``models pull yunet`` gets them.
Its landmarks follow only about a third of a face's tilt (median of 300 faces of FairFace train
turned by up to 20 degrees), so they place and size a crop better than they turn it.
"""

from pathlib import Path

import cv2
import numpy as np

from genderscope import downloads
from genderscope.contracts import Box, Face, Image, ModelError
from genderscope.detectors import search

SMALLEST_PX = 10
NMS_IOU = 0.3
SHORTEST_SIDE_PX = 64
MAX_CANDIDATES = 5000


class YuNet:
    """See ``create``; not safe for threads that share one instance."""

    name = "yunet"

    def __init__(
        self, model: Path, detection_size: int, min_score: float, min_face_px: int
    ) -> None:
        self._detection_size, self._min_face_px = detection_size, min_face_px
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(model), "", (64, 64), min_score, NMS_IOU, MAX_CANDIDATES
            )
        except cv2.error as error:
            raise ModelError(f"{model} is not a YuNet model that OpenCV can read") from error

    def __call__(self, image: Image) -> list[Face]:
        return search(
            image,
            self._find,
            detection_size=self._detection_size,
            min_face_px=self._min_face_px,
            smallest_px=SMALLEST_PX,
        )

    def _find(self, view: Image) -> list[Face]:
        # Where a side has one stride or less, OpenCV returns faces at random, even of a black view.
        below, beside = (max(SHORTEST_SIDE_PX - side, 0) for side in view.shape[:2])
        if below or beside:
            view = np.pad(view, ((0, below), (0, beside), (0, 0)))
        height, width = view.shape[:2]
        self._network.setInputSize((width, height))
        _, rows = self._network.detect(view)
        if rows is None:
            return []
        # It has been seen to return boxes of negative size and numbers that are none.
        sound = np.isfinite(rows).all(1) & (rows[:, 2:4] > 0).all(1)
        return [
            Face(
                Box(*row[:4]),
                score=row[14],
                landmarks=tuple(zip(row[4:14:2], row[5:14:2], strict=True)),
            )
            for row in rows[sound].tolist()
        ]


def create(model: Path | None, detection_size: int, min_score: float, min_face_px: int) -> YuNet:
    """YuNet from a file, by default the one that ``downloads.find`` knows.

    Raises:
        ModelError: no weights are there, or they are broken.
    """
    model = model or downloads.find("yunet")
    if model is None or not model.is_file():
        raise ModelError(
            f"YuNet's weights are not there{f' ({model})' if model else ''}: "
            "get them with 'genderscope models pull yunet', or name a file with --detector-model"
        )
    return YuNet(model, detection_size, min_score, min_face_px)
