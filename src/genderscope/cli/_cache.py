"""What ``prepare`` and ``train`` share: data sets, chosen from and mixed, and their crops."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from genderscope import datasets
from genderscope.contracts import Sample
from genderscope.prepare import Engine, prepare, processes
from genderscope.prepare.crops import Crops
from genderscope.prepare.shards import Recipe
from genderscope.selection import Selected, Selection

if TYPE_CHECKING:
    from rich.console import Console

REPORT_SECONDS = 10


class Chosen:
    """The samples of several sources that meet a selection, read anew each time.

    Attributes:
        removed: what each condition removed, after the samples were read once.
    """

    def __init__(self, sources: Sequence[str], split: str | None, selection: Selection) -> None:
        self._sources, self._split, self._selection = sources, split, selection
        self.removed: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """The data sets' names, without their places."""
        return [source.partition(":")[0] for source in self._sources]

    def __iter__(self) -> Iterator[Sample]:
        samples = (datasets.read(source, self._split) for source in self._sources)
        selected = Selected(chain.from_iterable(samples), self._selection)
        yield from selected
        self.removed = selected.removed


def cached(
    samples: Chosen,
    recipe: Recipe,
    cache: Path,
    jobs: int | None,
    console: "Console",
    engine: Engine = processes,
) -> Crops:
    """Write or complete a cache, with its progress on ``console``, and open it.

    On a terminal that is a bar, elsewhere a line now and then.
    """
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    began = reported = monotonic()
    first = 0
    with (
        Progress(*columns, console=console, disable=not console.is_terminal) as progress,
        closing(
            prepare(samples, recipe, cache, sources_named=samples.names, jobs=jobs, engine=engine)
        ) as steps,
    ):
        bar = progress.add_task("crops", rate="")
        for done, total in steps:
            now = monotonic()
            # What an earlier run made comes at once and says nothing of the time that is left.
            if now - began < 1:
                began, first = now, done
            rate = (done - first) / max(now - began, 1e-6)
            speed = f"{rate:,.0f} pictures/s" if done > first else ""
            progress.update(bar, completed=done, total=total, rate=speed)
            if progress.disable and speed and now - reported > REPORT_SECONDS:
                reported = now
                left = (total - done) / rate
                console.print(f"{done:,} of {total:,} pictures, {speed}, {left:,.0f} s left")
    return Crops(cache)
