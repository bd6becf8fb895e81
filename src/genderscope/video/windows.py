"""Detection in video: the whole frame at intervals, and small windows around the tracks in between.

The windows of all tracks are searched together as one small mosaic. If a track's face is not in its
window, the whole frame is searched at once. Up to ``FEW`` faces of a whole frame are detected again
in windows: a detector places a face differently at another scale, so boxes and scores would jump
from frame to frame. For more faces the windows are too small to place them as well.
"""

from typing import Any

from genderscope.core.protocols import Detector
from genderscope.core.types import Box, Face, Faces, Image
from genderscope.detection import windows
from genderscope.detection.views import SAME_FACE_IOU, distinct
from genderscope.video.tracking import Tracker

EVERY = 5
"""Frames between searches of the whole frame, by default."""
LONGEST_S = 0.17
"""Longest time between them, so that new faces appear within 0.2 s at low frame rates too."""
AROUND = 2.2  # side of a window, in units of the face's longer side
TILE_PX, LARGE_TILE_PX, FEW = 64, 96, 4  # side of a window in the mosaic, larger for FEW faces
# Costs are relative to a search of the whole frame and proportional to the pixels searched; windows
# cost ``OVERHEAD`` more. If a window lacks its face, the search was wasted. So windows are searched
# only while earlier ones have saved more than was wasted; each whole frame adds ``RETRY``.
OVERHEAD, MOST_SAVED, RETRY = 0.2, 2.0, 0.02


class WindowDetector:
    """Detects the faces of successive frames; see ``__call__``.

    Args:
        detector: without a method ``find`` it searches every whole frame; for ``find`` and ``kept``
            see ``Detector``.
        tracker: follows the faces that are returned.
        every: see ``EVERY``; 1 searches every whole frame.
    """

    def __init__(self, detector: Detector, tracker: Tracker, every: int = EVERY) -> None:
        self._detector, self._tracker = detector, tracker
        self._find: Any = getattr(detector, "find", None)
        self._kept = getattr(detector, "kept", list)
        self._every = every if self._find else 1
        self._numbers: set[int] | None = None  # visible tracks before the last frame
        self._frames, self._last_s = 0, 0.0  # since the whole frame was searched
        self._whole_px, self._saved = 1, MOST_SAVED

    def __call__(self, image: Image, time_s: float) -> list[Face]:
        """Faces of a frame, (height, width, 3) uint8 BGR, at a time in the stream."""
        size = image.shape[1], image.shape[0]
        tracks = self._tracker.predicted(time_s, size)
        inside = Box(0, 0, *size)  # a face that leaves fast is soon predicted outside
        predicted = [track.box for track in tracks if track.box.iou(inside)]
        before, self._numbers = self._numbers, {track.number for track in tracks if track.visible}
        self._frames += 1
        if (
            self._frames < self._every
            and 0 <= time_s - self._last_s < LONGEST_S
            and before == self._numbers  # no track began, ended or was lost in the last frame
            and (cost := self._cost(len(predicted))) < min(1, self._saved)
        ):
            found = self._in_windows(image, predicted)
            faces = distinct(face for face in found if face)
            if len(faces) >= len(self._numbers):
                self._saved += 1 - cost
                return faces
            self._saved -= cost
        self._frames, self._last_s = 0, time_s
        self._saved = min(self._saved + RETRY, MOST_SAVED)
        faces = self._detector(image)
        self._whole_px = getattr(faces, "searched_px", 0) or image.shape[0] * image.shape[1]
        return self._steadied(image, faces, predicted)

    def _steadied(self, image: Image, faces: list[Face], predicted: list[Box]) -> list[Face]:
        """A whole frame's few faces, each as detected in its window if it is found there."""
        if self._find is None or len(faces) > FEW or self._cost(len(faces)) >= 1:
            return faces
        nearest = [max(predicted, key=face.box.iou, default=face.box) for face in faces]
        boxes = [
            box if box.iou(face.box) >= SAME_FACE_IOU else face.box
            for face, box in zip(faces, nearest, strict=True)
        ]
        steady = Faces(
            near if near and near.box.iou(face.box) >= SAME_FACE_IOU and not face.turn_deg else face
            for face, near in zip(faces, self._in_windows(image, boxes), strict=True)
        )
        steady.left_out = getattr(faces, "left_out", steady.left_out)
        return steady

    def _in_windows(self, image: Image, boxes: list[Box]) -> list[Face | None]:
        """The face that best overlaps each box in its window; None without a face."""
        tile = _tile_px(len(boxes))
        around = [
            (complex(*box.centre), complex(max(AROUND * box.longer / tile, 1))) for box in boxes
        ]
        found = windows.search(image, self._find, around, tile)
        return [
            max(self._kept(inside), key=lambda face: face.box.iou(box), default=None)
            for box, inside in zip(boxes, found, strict=True)
        ]

    def _cost(self, windows: int) -> float:
        return OVERHEAD + windows * _tile_px(windows) ** 2 / self._whole_px


def _tile_px(windows: int) -> int:
    return LARGE_TILE_PX if windows <= FEW else TILE_PX
