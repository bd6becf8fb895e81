"""Detection in video: the whole frame now and then, and small windows around the tracks between.

The windows of all tracks are searched side by side in one small picture. A track that is not found
in its window has the whole frame searched at once. Up to ``FEW`` faces of a whole frame are looked
at again in windows: a detector places a face differently at another size, so boxes and scores would
jump from frame to frame. Windows of more faces are too small to place them as well.
"""

from genderscope.core.protocols import Detector
from genderscope.core.types import Box, Face, Faces, Image
from genderscope.detection import windows
from genderscope.detection.views import SAME_FACE_IOU, distinct
from genderscope.video.tracking import Tracker

EVERY = 5
"""Frames from one search of the whole frame to the next, by default."""
LONGEST_S = 0.17
"""Time from one to the next, so that new faces appear within 0.2 s at low frame rates too."""
AROUND = 2.2  # side of a window, in units of the face's longer side
TILE_PX, LARGE_TILE_PX, FEW = 64, 96, 4  # side of a window as searched, larger for a few faces
MOST_OF_FRAME = 0.5  # larger windows together are not worth it, as a share of the frame


class WindowDetector:
    """Detects the faces of successive frames; see ``__call__``.

    Args:
        detector: without a method ``find`` it searches each whole frame.
        tracker: follows the faces that are returned.
        every: see ``EVERY``; 1 searches each whole frame.
    """

    def __init__(self, detector: Detector, tracker: Tracker, every: int = EVERY) -> None:
        self._detector, self._tracker = detector, tracker
        self._find = getattr(detector, "find", None)
        self._every = every if self._find else 1
        self._numbers: set[int] | None = None  # visible tracks before the last frame
        self._frames, self._last_s = 0, 0.0  # since the whole frame was searched

    def __call__(self, image: Image, time_s: float) -> list[Face]:
        """Faces of a frame, (height, width, 3) uint8 BGR, at a time of the stream."""
        size = image.shape[1], image.shape[0]
        tracks = self._tracker.predicted(time_s, size)
        predicted = [track.box for track in tracks]
        before, self._numbers = self._numbers, {track.number for track in tracks if track.visible}
        self._frames += 1
        if (
            self._frames < self._every
            and 0 <= time_s - self._last_s < LONGEST_S
            and before == self._numbers  # none began, ended or was lost in the last frame
        ):
            found = self._in_windows(image, predicted)
            faces = distinct(face for face in found if face)
            if len(faces) >= len(self._numbers):
                return faces
        self._frames, self._last_s = 0, time_s
        return self._steadied(image, self._detector(image), predicted)

    def _steadied(self, image: Image, faces: list[Face], predicted: list[Box]) -> list[Face]:
        """A whole frame's few faces as their windows show them, where they are found there."""
        if len(faces) > FEW:
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
        """The face nearest to each box, None where there is none."""
        tile = LARGE_TILE_PX if len(boxes) <= FEW else TILE_PX
        most = MOST_OF_FRAME * image.shape[0] * image.shape[1]
        if self._find is None or len(boxes) * tile**2 > most:
            return [None for _ in boxes]
        around = [
            (complex(*box.centre), complex(max(AROUND * box.longer / tile, 1))) for box in boxes
        ]
        found = windows.search(image, self._find, around, tile)
        return [
            max(inside, key=lambda face: face.box.iou(box), default=None)
            for box, inside in zip(boxes, found, strict=True)
        ]
