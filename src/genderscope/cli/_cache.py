"""What ``prepare`` and ``train`` share: data sets, chosen from and mixed, and their crops."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from genderscope.cli._progress import Tracked
from genderscope.core.types import Sample
from genderscope.data import datasets
from genderscope.data.prepare import Engine, prepare, processes
from genderscope.data.prepare.crops import Crops
from genderscope.data.prepare.shards import Recipe
from genderscope.data.selection import Selected, Selection

if TYPE_CHECKING:
    from rich.console import Console


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
    """Write or complete a cache, with its progress on ``console``, and open it."""
    began = monotonic()
    with (
        Tracked("pictures", console) as progress,
        closing(
            prepare(samples, recipe, cache, sources_named=samples.names, jobs=jobs, engine=engine)
        ) as steps,
    ):
        for done, total in steps:
            if (now := monotonic()) - began < 1:
                began = now
                progress.earlier(done)
            progress.told(done, total)
    return Crops(cache)
