"""JSON Lines: one record per picture."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import UsageError
from genderscope.core.records import SceneRecord, plain
from genderscope.core.types import Scene
from genderscope.sinks import Finished, TextSink

BLOCK_BYTES = 1 << 16


class JsonLines(TextSink):
    """A text file, or standard output for ``-``; ``append`` keeps what the file holds.
    ``UsageError`` if it cannot be written.
    """

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
    with file.open("r+b") as opened:
        end = opened.seek(0, os.SEEK_END)
        while end:
            start = max(end - BLOCK_BYTES, 0)
            opened.seek(start)
            if (feed := opened.read(end - start).rfind(b"\n")) >= 0:
                start += feed + 1
                break
            end = start
        else:
            start = 0
        opened.truncate(start)
