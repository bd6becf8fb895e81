"""CSV of a video: one row per face and frame, or one with ``error`` for a frame that failed."""

import csv
from typing import TextIO

from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import LABELS, Scene
from genderscope.sinks import TextSink

OF_A_FACE = ("x", "y", "width", "height", "detector_score", "roll_deg", "yaw_deg")
COLUMNS = (
    *("path", "frame", "time_s", "error", "track", "seen", "counted", "label", "confidence"),
    *LABELS,
    *(f"frame_{label}" for label in LABELS),
    *OF_A_FACE,
)
# What spreadsheets take for the beginning of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class FaceRows(TextSink):
    """See ``TextSink``. A picture without a face has a row too if ``every_picture``. Text that a
    spreadsheet would take for a formula begins with an apostrophe.
    """

    columns: tuple[str, ...] = COLUMNS
    every_picture = False

    def __init__(self, target: str | TextIO) -> None:
        super().__init__(target)
        self._writer = csv.DictWriter(
            self.file, self.columns, extrasaction="ignore", lineterminator="\n"
        )
        self._writer.writeheader()

    def write(self, scene: Scene) -> None:
        values = plain(SceneRecord.of(scene))
        for name in ("path", "error"):
            if values.get(name, "").startswith(FORMULA):
                values[name] = f"'{values[name]}"
        faces = values.pop("faces", ())
        for face in faces:
            scores = face.get("frame_scores", {})
            frame_scores = {f"frame_{label}": score for label, score in scores.items()}
            self._writer.writerow(values | face | face["scores"] | frame_scores | face["box"])
        if "error" in values or (self.every_picture and not faces):
            self._writer.writerow(values)


create = FaceRows
