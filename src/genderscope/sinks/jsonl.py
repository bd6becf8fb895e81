"""JSON Lines: one record a picture."""

import json

from genderscope.contracts import Scene
from genderscope.sinks import TextSink, record


class JsonLines(TextSink):
    """See ``create``."""

    def write(self, scene: Scene) -> None:
        self.file.write(json.dumps(record(scene)) + "\n")


def create(target: str) -> JsonLines:
    """Write to a file, or to standard output for ``-``.

    Raises:
        UsageError: the target cannot be written.
    """
    return JsonLines(target)
