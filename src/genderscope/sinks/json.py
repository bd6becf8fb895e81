"""JSON: one array with one record per picture, written as pictures are classified."""

import json

from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import Scene
from genderscope.sinks import TextSink


class JsonArray(TextSink):
    """See ``TextSink``."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._before = "[\n"

    def write(self, scene: Scene) -> None:
        self.file.write(self._before + json.dumps(plain(SceneRecord.of(scene))))
        self._before = ",\n"

    def close(self) -> None:
        self.file.write("[]\n" if self._before == "[\n" else "\n]\n")
        super().close()


create = JsonArray
