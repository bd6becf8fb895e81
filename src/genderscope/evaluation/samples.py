"""The samples behind a result."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from genderscope.core.results import Exclusions
from genderscope.core.types import Sample
from genderscope.data import datasets
from genderscope.data.fingerprint import fingerprint
from genderscope.data.leakage import excluded_pictures, exclusions
from genderscope.data.selection import Selected, Selection


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of one split of a data set; ``exclusions`` is None without an exclusion file."""

    dataset: str
    split: str
    samples: Sequence[Sample]
    exclusions: Exclusions | None

    @property
    def fingerprint(self) -> str:
        return str(fingerprint(self.samples))


def read(
    dataset: str,
    split: str | None,
    exclude: Path | None = None,
    limit: int | None = None,
    labelled: bool = False,
) -> Samples:
    """Read a split of a data set, by default its last; errors as ``datasets.read``. Pictures in the
    ``leakage`` file ``exclude`` are left out, and with ``labelled`` those without a label.
    """
    split = datasets.split_of(dataset, split, "last")
    kept = Selected(
        datasets.read(dataset, split),
        Selection(gender_known=False, without=excluded_pictures(exclude), present=False),
    )
    wanted = (sample for sample in kept if sample.label is not None or not labelled)
    samples = list(islice(wanted, limit))
    excluded = exclusions(exclude, sum(kept.removed.values()))
    return Samples(dataset, split, samples, excluded)
