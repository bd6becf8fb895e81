"""CSV of a video: one row per face and frame, and one with ``error`` per failed frame."""

import csv
from typing import TextIO

from genderscope.core.records import SceneRecord, plain
from genderscope.core.storage import escaped
from genderscope.core.types import LABELS, Scene
from genderscope.sinks import TextSink

OF_A_FACE = ("x", "y", "width", "height", "detector_score", "roll_deg", "yaw_deg")
COLUMNS = (
    *("path", "frame", "time_s", "error", "track", "seen", "counted", "label", "confidence"),
    *LABELS,
    *(f"frame_{label}" for label in LABELS),
    *OF_A_FACE,
)
# Spreadsheets evaluate text that starts with one of these as a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class FaceRows(TextSink):
    """See ``TextSink``. With ``every_picture``, a picture without a face has a row too. Bytes of a
    path that are not UTF-8 are escaped, as in Parquet. Text that a spreadsheet would evaluate as a
    formula gets a leading apostrophe.
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
            if name in values:
                value = escaped(values[name])
                values[name] = f"'{value}" if value.startswith(FORMULA) else value
        faces = values.pop("faces", ())
        for face in faces:
            scores = face.get("frame_scores", {})
            frame_scores = {f"frame_{label}": score for label, score in scores.items()}
            self._writer.writerow(values | face | face["scores"] | frame_scores | face["box"])
        if "error" in values or (self.every_picture and not faces):
            self._writer.writerow(values)


create = FaceRows
