"""JSON: one array with one record a picture, written as the pictures come."""

import json
from types import TracebackType

from genderscope.core.types import Scene
from genderscope.sinks import TextSink, record


class JsonArray(TextSink):
    """See ``create``."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._before = "[\n"

    def write(self, scene: Scene) -> None:
        self.file.write(self._before + json.dumps(record(scene)))
        self._before = ",\n"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.write("[]\n" if self._before == "[\n" else "\n]\n")
        super().__exit__(kind, error, trace)


def create(target: str) -> JsonArray:
    """Write to a file, or to standard output for ``-``.

    Raises:
        UsageError: the target cannot be written.
    """
    return JsonArray(target)
