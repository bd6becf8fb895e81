"""Sinks: outputs for results, one file each with ``create(target)``, which returns a ``Sink``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Self, TextIO

from genderscope.core.errors import UsageError
from genderscope.core.storage import is_stream
from genderscope.core.types import Image, Scene
from genderscope.imaging.draw import draw

STANDARD_OUTPUT = "-"
BUFFER_BYTES = 2**20  # more than a line: an interrupt would cut off what does not fit
Finished = tuple[str, list[str] | None]
"""A picture's path in an earlier result, and the labels of its faces; None if it failed."""


def drawn(scene: Scene) -> Image | None:
    """A scene's picture with its results drawn; None if it failed."""
    if scene.drawn is None and scene.frame.image is not None:
        return draw(scene.frame.image, scene.results)
    return scene.drawn


def check_folder(target: str) -> None:
    """``UsageError`` if an output folder is standard output."""
    if target == STANDARD_OUTPUT:
        raise UsageError("standard output is not a folder: name one")


class BaseSink:
    """A context manager that calls ``close`` on exit, also after an error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish the output; does nothing by default."""


class _Text(TextIOWrapper):
    """A file that names itself in write errors, such as on a full disk. No Python code runs
    below it: an interrupt there would leave written text in the buffer, to be written again.
    """

    def write(self, text: str) -> int:
        with self._named_errors():
            return super().write(text)

    def close(self) -> None:
        with self._named_errors():
            super().close()

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = "standard output" if isinstance(self.name, int) else self.name
            raise


class TextSink(BaseSink):
    """A text file by name, an open one, or standard output for ``-``. Each line is written as soon
    as it is complete. ``UsageError`` if the file cannot be written.
    """

    def __init__(self, target: str | TextIO, append: bool = False) -> None:
        self.file: TextIO
        if not isinstance(target, str):
            self.file = target
            return
        standard = target == STANDARD_OUTPUT
        place = sys.stdout.fileno() if standard else target
        try:
            append = append or is_stream(target)  # such as /dev/stdout, redirected with >>
            raw = FileIO(place, "a" if append else "w", closefd=not standard)
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error.strerror}") from error
        self.file = _Text(
            BufferedWriter(raw, BUFFER_BYTES),
            encoding="utf-8",
            errors="backslashreplace",
            newline="",
            line_buffering=True,
        )

    def close(self) -> None:
        self.file.close()
