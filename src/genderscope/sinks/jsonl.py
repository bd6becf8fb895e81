"""JSON Lines: one record per picture."""

import json
from collections.abc import Iterator
from mmap import ACCESS_COPY, mmap
from pathlib import Path

from genderscope.core.errors import UsageError
from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import Scene
from genderscope.sinks import Finished, TextSink


class JsonLines(TextSink):
    """See ``TextSink``; ``append`` keeps what the file holds."""

    def write(self, scene: Scene) -> None:
        self.file.write(json.dumps(plain(SceneRecord.of(scene))) + "\n")


create = JsonLines


def finished(target: str) -> Iterator[Finished]:
    """A file's records; an incomplete last line is removed from the file first. ``UsageError`` if
    another line is not a record, or the file cannot be written.
    """
    file = Path(target)
    try:
        if not file.exists():
            return
        _cut(file)
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    record = json.loads(line)
                    faces = record.get("faces")
                    yield record["path"], faces and [face["label"] for face in faces]
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    raise UsageError(f"line {number} of {file} is not a record") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be resumed: {error.strerror}") from error


def _cut(file: Path) -> None:
    """Truncate a file after its last line feed."""
    if not file.stat().st_size:
        return  # which cannot be mapped
    with file.open("r+b") as opened:
        with mmap(opened.fileno(), 0, access=ACCESS_COPY) as data:  # on any file system
            end = data.rfind(b"\n") + 1
        opened.truncate(end)
