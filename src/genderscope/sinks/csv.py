"""CSV: one row per picture with ``path``, ``error`` and ``faces``, a JSON list."""

import csv
import json

from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import Scene
from genderscope.sinks import TextSink

COLUMNS = ("path", "error", "faces")


class Rows(TextSink):
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
        row = plain(SceneRecord.of(scene))
        if "faces" in row:
            row["faces"] = json.dumps(row["faces"])
        self._writer.writerow(row)


create = Rows
