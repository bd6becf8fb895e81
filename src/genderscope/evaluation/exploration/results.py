"""The results of exploring a data set. What a data set lacks is None or absent."""

from genderscope.core.results import Document, Interval, Record
from genderscope.evaluation.metrics import Rates

ByLabel = dict[str, int]  # pictures by label: ``woman``, ``man`` and ``unknown``


class Imbalance(Record, frozen=True, kw_only=True):
    """Class imbalance over ``n`` labelled pictures: ``ratio`` is that of the larger class to the
    smaller, and ``trivial`` the rates of classifiers that ignore the picture.
    """

    majority: str
    ratio: float
    n: int
    trivial: dict[str, Rates[float | None]]


class Histogram(Record, frozen=True, kw_only=True):
    """Pictures by label in bins of equal width, (bins,), from the first used to the last, and the
    ``edges``, (bins + 1,); ``n`` pictures have a finite value, others an infinite one or none.
    """

    n: int
    infinite: int
    missing: int
    edges: tuple[float, ...]
    counts: dict[str, tuple[int, ...]]


class CommonSize(Record, frozen=True, kw_only=True):
    """The most common size in pixels, shared by ``n`` pictures."""

    width: int
    height: int
    n: int


class Spread(Record, frozen=True, kw_only=True):
    """The range and the median of a length in pixels."""

    smallest: int
    median: float
    largest: int


class Bins(Record, frozen=True, kw_only=True):
    """A histogram: ``counts``, (bins,), and ``edges``, (bins + 1,)."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class PixelSizes(Record, frozen=True, kw_only=True):
    """Sizes of decoded pictures in pixels."""

    most_common: CommonSize
    width: Spread
    height: Spread
    longer_side: Bins


class Sizes(Record, frozen=True, kw_only=True):
    """Pictures that were opened; ``pixels`` is None where none could be read."""

    opened: int
    unreadable: int
    unreadable_interval: Interval
    pixels: PixelSizes | None


class Identity(Record, frozen=True, kw_only=True):
    """A person's number of pictures."""

    identity: str
    pictures: int


class IdentityBin(Record, frozen=True, kw_only=True):
    """How many identities have from ``first`` to ``last`` pictures."""

    first: int
    last: int
    identities: int


class Identities(Record, frozen=True, kw_only=True):
    """The persons; ``by_pictures`` has bins of doubling width: 1, 2-3, 4-7, ..."""

    n: int
    pictures: int
    mean_pictures: float
    of_both_labels: int
    most_frequent: tuple[Identity, ...]
    by_pictures: tuple[IdentityBin, ...]


class ReferenceSelection(Record, frozen=True, kw_only=True):
    """Pictures that ``selection.REFERENCE`` removes, by condition, and those that it keeps."""

    removed: dict[str, int]
    kept: int


class Problem(Record, frozen=True, kw_only=True):
    """A problem in words, its number of pictures or persons, and the first few of them."""

    text: str
    n: int
    examples: tuple[str, ...]


class Exploration(Document, frozen=True, kw_only=True):
    """A data set's statistics and problems. ``measures`` are histograms of face scores, ages and
    box sizes, by name; ``groups`` are by column and value, None for a column with too many values;
    ``reference_selection`` is None for a data set without face scores.
    """

    KIND = "exploration"

    dataset: str
    split: str
    pictures: int
    labels: ByLabel
    imbalance: Imbalance | None
    sizes: Sizes | None
    measures: dict[str, Histogram]
    groups: dict[str, dict[str, ByLabel] | None]
    identities: Identities | None
    reference_selection: ReferenceSelection | None
    problems: tuple[Problem, ...]
