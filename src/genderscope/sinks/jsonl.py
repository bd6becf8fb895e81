"""JSON Lines: one record a picture."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from genderscope.core.errors import UsageError
from genderscope.core.types import Scene
from genderscope.sinks import TextSink, record

BLOCK_BYTES = 1 << 16


class JsonLines(TextSink):
    """See ``create``."""

    def write(self, scene: Scene) -> None:
        self.file.write(json.dumps(record(scene)) + "\n")


def create(target: str, append: bool = False) -> JsonLines:
    """Write to a file, or to standard output for ``-``.

    Args:
        append: keep what the file holds.

    Raises:
        UsageError: the target cannot be written.
    """
    return JsonLines(target, append)


def finished(target: str) -> Iterator[str]:
    """Paths of the records that a file holds, after its last line was cut off if it is half one.

    Raises:
        UsageError: a line is no record, or the file cannot be written.
    """
    file = Path(target)
    try:
        if not file.exists():
            return
        _cut(file)
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    yield json.loads(line)["path"]
                except (ValueError, KeyError, TypeError) as error:
                    raise UsageError(f"line {number} of {file} is no record of ours") from error
    except OSError as error:
        raise UsageError(f"{file} cannot be gone on with: {error.strerror}") from error


def _cut(file: Path) -> None:
    """Cut a file off after its last line feed."""
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
