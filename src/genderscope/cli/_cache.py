"""What ``prepare`` and ``train`` share: the samples of several data sets, and their crops."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from time import monotonic

from genderscope.cli import _provenance
from genderscope.cli._output import Tracked
from genderscope.core.errors import UsageError
from genderscope.core.results import Provenance
from genderscope.core.storage import claimed
from genderscope.core.types import Sample
from genderscope.data import datasets, leakage
from genderscope.data.prepare import Engine, prepare, processes
from genderscope.data.prepare.crops import Crops
from genderscope.data.prepare.shards import Recipe
from genderscope.data.selection import EXCLUDED, Selected, Selection


class Sources:
    """The samples of several data sets that meet a selection; each iteration reads them again.

    Args:
        exclude: a leakage file whose pictures are left out too.

    Raises:
        UsageError: a source is named twice.

    Attributes:
        removed: how many samples each condition removed in the last iteration.
    """

    def __init__(
        self,
        sources: Sequence[str],
        split: str | None,
        selection: Selection,
        exclude: Path | None = None,
    ) -> None:
        if twice := next((one for one, n in Counter(sources).items() if n > 1), None):
            raise UsageError(f"{twice} is named twice: its pictures would count twice; drop one")
        self._sources, self._split, self._exclude = sources, split, exclude
        self._selection = replace(selection, without=leakage.excluded_pictures(exclude))
        self.removed: dict[str, int] = {}

    @property
    def names(self) -> list[str]:
        """The data sets' names, without their paths."""
        return [source.partition(":")[0] for source in self._sources]

    def provenance(self) -> Provenance:
        excluded = leakage.exclusions(self._exclude, self.removed.get(EXCLUDED, 0))
        return _provenance.of("numpy", "opencv-python-headless", exclusions=excluded)

    def __iter__(self) -> Iterator[Sample]:
        samples = (datasets.read(source, self._split) for source in self._sources)
        selected = Selected(chain.from_iterable(samples), self._selection)
        yield from selected
        self.removed = selected.removed


def cached(
    samples: Sources, recipe: Recipe, cache: Path, jobs: int | None, engine: Engine = processes
) -> Crops:
    """Write or complete a cache, with its progress on standard error, and open it."""
    steps = prepare(
        samples,
        recipe,
        cache,
        sources=samples.names,
        provenance=samples.provenance,
        jobs=jobs,
        engine=engine,
    )
    start = monotonic()
    with claimed(cache, overwrite=True), Tracked("pictures") as progress, closing(steps):
        for done, total in steps:
            if (now := monotonic()) - start < 1:
                start = now
                progress.resume(done)
            progress.update(done, total)
    return Crops(cache)
