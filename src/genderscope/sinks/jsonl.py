"""JSON Lines: one record per picture."""

import json
from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import UsageError
from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import Scene
from genderscope.sinks import Finished, TextSink


class JsonLines(TextSink):
    """See ``TextSink``; ``append`` keeps the file's content."""

    def write(self, scene: Scene) -> None:
        self.file.write(json.dumps(plain(SceneRecord.of(scene))) + "\n")


create = JsonLines


def finished(target: str) -> Iterator[Finished]:
    """A file's finished pictures; an incomplete last line is removed from the file. ``UsageError``
    if another line is not a record, or the file cannot be written.
    """
    file, end = Path(target), 0
    try:
        if not file.exists():
            return
        with file.open("r+b") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith(b"\n"):
                    lines.truncate(end)
                    return
                end += len(line)
                try:
                    record = json.loads(line)
                    faces = record.get("faces")
                    yield record["path"], faces and [face["label"] for face in faces]
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise UsageError(f"line {number} of {file} is not a record") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be resumed: {error.strerror}") from error
