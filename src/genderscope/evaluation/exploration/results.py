"""The results of exploring a data set. What a data set does not have is None or absent."""

from genderscope.core.results import Document, Interval, Record
from genderscope.evaluation.metrics import Rates

ByLabel = dict[str, int]  # numbers of pictures by the labels ``woman``, ``man`` and ``unknown``


class Imbalance(Record, frozen=True, kw_only=True):
    """How unequal the classes are: ``ratio`` is pictures of the larger class for each of the
    smaller, n labelled pictures, and ``trivial`` the rates of classifiers that ignore the picture.
    """

    majority: str
    ratio: float
    n: int
    trivial: dict[str, Rates[float | None]]


class Histogram(Record, frozen=True, kw_only=True):
    """Pictures by label in bins of equal width, from the first used to the last, between edges, one
    more than bins; ``n`` pictures have a finite value, others an infinite one or none.
    """

    n: int
    infinite: int
    missing: int
    edges: tuple[float, ...]
    counts: dict[str, tuple[int, ...]]


class CommonSize(Record, frozen=True, kw_only=True):
    """The most frequent size in pixels, of ``n`` pictures."""

    width: int
    height: int
    n: int


class Spread(Record, frozen=True, kw_only=True):
    """The range and the median of a length in pixels."""

    smallest: int
    median: float
    largest: int


class Bins(Record, frozen=True, kw_only=True):
    """A histogram: counts, and their edges, one more than counts."""

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
    """The persons; ``by_pictures`` are bins that double: 1, 2-3, 4-7, ..."""

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
    """A problem in words, its number of pictures or persons, and the first of them."""

    text: str
    n: int
    examples: tuple[str, ...]


class Exploration(Document, frozen=True, kw_only=True):
    """What a data set holds, and its problems: histograms of face scores, ages and sizes of boxes,
    by name; groups by column and value, None for a column of too many values; the reference
    selection, None for a data set without face scores.
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
