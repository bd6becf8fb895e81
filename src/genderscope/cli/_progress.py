"""The progress of long work and its rate: a bar on a terminal, elsewhere a line now and then."""

from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from genderscope.cli import _verbosity

if TYPE_CHECKING:
    from rich.console import Console

REPORT_SECONDS = 10
T = TypeVar("T")


def console(stderr: bool = False, soft_wrap: bool = False, quiet: bool = False) -> "Console":
    """A console without markup, since a path or a group's name may hold any."""
    from rich.console import Console

    return Console(markup=False, highlight=False, stderr=stderr, soft_wrap=soft_wrap, quiet=quiet)


def consoles(soft_wrap: bool = False) -> "tuple[Console, Console]":
    """Standard output and standard error."""
    return console(soft_wrap=soft_wrap), console(stderr=True, soft_wrap=soft_wrap)


def tracked(
    items: Iterable[T], console: "Console", description: str, total: int | None = None
) -> Iterable[T]:
    """The items, with a bar where the console is a terminal."""
    from rich.progress import track

    hidden = _verbosity.quiet or not console.is_terminal
    return track(items, total=total, description=description, console=console, disable=hidden)


class Tracked:
    """A context that reports the progress of work in some unit; a transient bar vanishes at its
    end.
    """

    def __init__(self, unit: str, console: "Console", transient: bool = False) -> None:
        from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._unit, self._console = unit, console
        self._progress = Progress(
            *Progress.get_default_columns()[:2],
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=transient,
            disable=_verbosity.quiet or not console.is_terminal,
        )
        self._bar = self._progress.add_task(unit, total=None, rate="")
        self._began = self._reported = monotonic()
        self._first = 0

    def __enter__(self) -> "Tracked":
        self._progress.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._progress.stop()

    def resume(self, done: int) -> None:
        """Leave what an earlier run did out of the rate."""
        self._began, self._first = monotonic(), done

    def update(self, done: int, total: int | None) -> None:
        """Report the finished number, and the total where it is known."""
        now = monotonic()
        rate = (done - self._first) / max(now - self._began, 1e-6)
        speed = f"{rate:,.1f} {self._unit}/s" if done > self._first else ""
        self._progress.update(self._bar, completed=done, total=total, rate=speed)
        reports = self._progress.disable and not _verbosity.quiet
        if reports and speed and now - self._reported > REPORT_SECONDS:
            self._reported = now
            of = "" if total is None else f" of {total:,}"
            left = "" if total is None else f", {max(total - done, 0) / rate:,.0f} s left"
            self._console.print(f"{done:,}{of} {self._unit}, {speed}{left}")
