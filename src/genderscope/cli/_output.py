"""What a command prints: tables, notes (see ``-q`` and ``-v``), failures and progress."""

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import typer

from genderscope.core import terminal
from genderscope.core.terminal import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

REPORT_SECONDS = 10
T = TypeVar("T")

quiet = False
verbose = False


def note(text: str) -> None:
    """Print a line on standard error, unless ``-q`` was given."""
    if not quiet:
        typer.echo(text, err=True)


def detail(text: str) -> None:
    """Print a line on standard error if ``-v`` was given."""
    if verbose:
        typer.echo(text, err=True)


def error(text: str) -> None:
    """Print a line on standard error; unprintable characters are escaped."""
    typer.echo(printable(text), err=True)


def fail(reasons: Iterable[str]) -> None:
    """Print reasons on standard error; exit code 1 if there are any."""
    lines = [*reasons]
    for line in lines:
        error(line)
    if lines:
        raise typer.Exit(1)


def warn_of_persons(identities: Iterable[str | None]) -> None:
    """Warn that the intervals are too narrow if several pictures show the same person."""
    persons = [person for person in identities if person]
    if len(set(persons)) < len(persons):
        typer.echo(
            "Some pictures show the same person but count as independent, so the intervals are "
            "too narrow; audit accounts for persons"
        )


def show(table: "Table") -> None:
    """Print a table on standard output."""
    terminal.show(console(), table)


def console(stderr: bool = False) -> "Console":
    """A console without markup, which a path or a group's name may contain by chance."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False, stderr=stderr)


def tracked(
    items: Iterable[T], description: str, total: int | None = None, transient: bool = False
) -> Iterator[T]:
    """Yield the items and report progress: see ``Tracked``."""
    with Tracked(description, transient) as progress:
        for done, item in enumerate(items, start=1):
            yield item
            progress.update(done, total)


class Tracked:
    """A context that reports progress: a bar on a terminal, removed at the end if ``transient``;
    elsewhere a line every ``REPORT_SECONDS``.
    """

    def __init__(self, description: str, transient: bool = False) -> None:
        from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._description, err = description, console(stderr=True)
        self._progress = Progress(
            *Progress.get_default_columns()[:2],
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=err,
            transient=transient,
            disable=quiet or not err.is_terminal,
        )
        self._bar = self._progress.add_task(description, total=None, rate="")
        self._began = self._reported = monotonic()
        self._first = 0

    def __enter__(self) -> "Tracked":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def resume(self, done: int) -> None:
        """Exclude the work of an earlier run from the rate."""
        self._began, self._first = monotonic(), done

    def update(self, done: int, total: int | None) -> None:
        """Report the number done and, if known, the total."""
        now = monotonic()
        rate = (done - self._first) / max(now - self._began, 1e-6)
        speed = f"{rate:,.{1 if rate > 1 else 3}f}/s" if done > self._first else ""
        self._progress.update(self._bar, completed=done, total=total, rate=speed)
        if self._progress.disable and speed and now - self._reported > REPORT_SECONDS:
            self._reported = now
            of = "" if total is None else f" of {total:,}"
            left = "" if total is None else f", {max(total - done, 0) / rate:,.0f} s left"
            note(f"{self._description}: {done:,}{of}, {speed}{left}")
