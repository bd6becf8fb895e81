"""Sinks: where results go. Each is one file with ``create(target)``, which returns a ``Sink``."""

import sys
from typing import Self, TextIO

from genderscope.core.errors import UsageError

STANDARD_OUTPUT = "-"
Finished = tuple[str, list[str] | None]
"""A picture's path in an earlier result, and the labels of its faces; None if it failed."""


class BaseSink:
    """A context manager that calls ``close`` at its end, also after an error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish the output; nothing to do unless a sink overrides it."""


class TextSink(BaseSink):
    """A text file, by its name or open, or standard output for ``-``, where each line is written as
    soon as it is complete; a path that is not valid UTF-8 as its original bytes. ``UsageError`` if
    it cannot be written.
    """

    def __init__(self, target: str | TextIO, append: bool = False) -> None:
        self.file: TextIO
        if not isinstance(target, str):
            self.file = target
            return
        standard = target == STANDARD_OUTPUT
        try:
            self.file = open(  # noqa: SIM115 - closed on exit
                sys.stdout.fileno() if standard else target,
                "a" if append else "w",
                buffering=1,
                encoding="utf-8",
                errors="surrogateescape",
                newline="",
                closefd=not standard,
            )
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        self.file.close()
