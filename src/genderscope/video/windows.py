"""Detection in video: the whole frame at intervals, and small windows around the tracks in between.

The windows of all tracks are searched together as one small mosaic. If a track's face is not in its
window, the whole frame is searched at once. Up to ``FEW`` faces of a whole frame are detected again
in windows: a detector places a face differently at another scale, so boxes and scores would jump
from frame to frame. For more faces the windows are too small to place them as well.
"""

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
MOST_OF_FRAME = 0.5  # largest worthwhile area of the mosaic, as a share of the frame


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
        self._find = getattr(detector, "find", None)
        self._kept = getattr(detector, "kept", list)
        self._every = every if self._find else 1
        self._numbers: set[int] | None = None  # visible tracks before the last frame
        self._frames, self._last_s = 0, 0.0  # since the whole frame was searched

    def __call__(self, image: Image, time_s: float) -> list[Face]:
        """Faces of a frame, (height, width, 3) uint8 BGR, at a time in the stream."""
        size = image.shape[1], image.shape[0]
        tracks = self._tracker.predicted(time_s, size)
        predicted = [track.box for track in tracks]
        before, self._numbers = self._numbers, {track.number for track in tracks if track.visible}
        self._frames += 1
        if (
            self._frames < self._every
            and 0 <= time_s - self._last_s < LONGEST_S
            and before == self._numbers  # no track began, ended or was lost in the last frame
        ):
            found = self._in_windows(image, predicted)
            faces = distinct(face for face in found if face)
            if len(faces) >= len(self._numbers):
                return faces
        self._frames, self._last_s = 0, time_s
        return self._steadied(image, self._detector(image), predicted)

    def _steadied(self, image: Image, faces: list[Face], predicted: list[Box]) -> list[Face]:
        """A whole frame's few faces, each as detected in its window if it is found there."""
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
        """The face that best overlaps each box in its window; None without a face."""
        tile = LARGE_TILE_PX if len(boxes) <= FEW else TILE_PX
        limit = MOST_OF_FRAME * image.shape[0] * image.shape[1]
        if self._find is None or len(boxes) * tile**2 > limit:
            return [None for _ in boxes]
        around = [
            (complex(*box.centre), complex(max(AROUND * box.longer / tile, 1))) for box in boxes
        ]
        found = windows.search(image, self._find, around, tile)
        return [
            max(self._kept(inside), key=lambda face: face.box.iou(box), default=None)
            for box, inside in zip(boxes, found, strict=True)
        ]
