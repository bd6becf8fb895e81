"""CSV of a video: one row per face and frame, or one with ``error`` for a frame that failed."""

import csv

from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import LABELS, Scene
from genderscope.sinks import TextSink

SIDES = ("x", "y", "width", "height")
COLUMNS = (
    *("path", "frame", "time_s", "error", "track", "seen", "counted", "label", "confidence"),
    *LABELS,
    *(f"frame_{label}" for label in LABELS),
    *SIDES,
    *("detector_score", "roll_deg", "yaw_deg"),
)


class FaceRows(TextSink):
    """A text file, or standard output for ``-``.

    Raises:
        UsageError: the target cannot be written.
    """

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._writer = csv.DictWriter(
            self.file, COLUMNS, extrasaction="ignore", lineterminator="\n"
        )
        self._writer.writeheader()

    def write(self, scene: Scene) -> None:
        values = plain(SceneRecord.of(scene))
        for face in values.pop("faces", ()):
            scores = face.get("frame_scores", {})
            frame_scores = {f"frame_{label}": score for label, score in scores.items()}
            self._writer.writerow(values | face | face["scores"] | frame_scores | face["box"])
        if "error" in values:
            self._writer.writerow(values)


create = FaceRows
