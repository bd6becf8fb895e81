"""JSON: one array with a record per picture, written while pictures are classified."""

import json

from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import Scene
from genderscope.sinks import TextSink


class JsonArray(TextSink):
    """See ``TextSink``."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._separator = "[\n"

    def write(self, scene: Scene) -> None:
        self.file.write(self._separator + json.dumps(plain(SceneRecord.of(scene))))
        self._separator = ",\n"

    def close(self) -> None:
        self.file.write("[]\n" if self._separator == "[\n" else "\n]\n")
        super().close()


create = JsonArray
