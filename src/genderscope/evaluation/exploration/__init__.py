"""What a data set holds, in numbers, and its problems, in words."""

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from genderscope.core.errors import DatasetError
from genderscope.core.results import Provenance
from genderscope.core.types import LABELS
from genderscope.evaluation import metrics
from genderscope.evaluation.exploration import results
from genderscope.evaluation.exploration.pictures import OpenedPicture
from genderscope.evaluation.exploration.problems import problems
from genderscope.evaluation.exploration.results import ByLabel, Exploration
from genderscope.evaluation.exploration.tally import MEASURES, MOST_GROUPS, UNLABELLED, Tally

NAMES = (*LABELS, "unknown")
TOP_IDENTITIES = 10


def summarise(
    tally: Tally,
    opened: Sequence[OpenedPicture] = (),
    *,
    dataset: str,
    split: str,
    provenance: Provenance,
) -> Exploration:
    """All counts; the fingerprint is added. ``DatasetError`` without samples."""
    if not tally.n:
        raise DatasetError(f"{dataset} holds no pictures in {split!r}")
    imbalance, sizes = _imbalance(tally), _sizes(opened) if opened else None
    identities = _identities(tally)
    kept = tally.n - sum(tally.removed.values())
    selection = results.ReferenceSelection(removed=tally.removed, kept=kept)
    return Exploration(
        provenance=msgspec.structs.replace(provenance, fingerprint=str(tally.fingerprint)),
        dataset=dataset,
        split=split,
        pictures=tally.n,
        labels=_by_label(tally.labels),
        imbalance=imbalance,
        sizes=sizes,
        measures={name: _histogram(tally, name) for name in MEASURES if tally.has(name)},
        groups={column: _groups(counts) for column, counts in tally.groups.items()},
        identities=identities,
        # Without scores it would remove everything.
        reference_selection=selection if tally.has("face_score") else None,
        problems=tuple(problems(tally, opened, imbalance, sizes, identities)),
    )


def _by_label(counts: Iterable[int]) -> ByLabel:
    return dict(zip(NAMES, map(int, counts), strict=True))


def _imbalance(tally: Tally) -> results.Imbalance | None:
    """None without pictures of both labels."""
    labelled = tally.labels[:UNLABELLED]
    if not labelled.all():
        return None
    return results.Imbalance(
        majority=LABELS[int(labelled.argmax())],
        ratio=float(labelled.max() / labelled.min()),
        n=int(labelled.sum()),
        trivial=metrics.trivial(np.diag(labelled)),
    )


def _histogram(tally: Tally, name: str) -> results.Histogram:
    measure, counts, infinite = MEASURES[name], tally.histograms[name], tally.infinite[name]
    n = int(counts.sum())
    used = np.flatnonzero(counts.sum(axis=1))
    first, end = (int(used[0]), int(used[-1]) + 1) if n else (0, 0)
    by_label = map(tuple, counts[first:end].T.tolist())
    return results.Histogram(
        n=n,
        infinite=infinite,
        missing=tally.n - n - infinite,
        edges=tuple(measure.low + place * measure.bin for place in range(first, end + 1)),
        counts=dict(zip(NAMES, by_label, strict=True)),
    )


def _sizes(opened: Sequence[OpenedPicture]) -> results.Sizes:
    sizes = [picture.size for picture in opened if picture.size]
    unreadable = len(opened) - len(sizes)
    low, high = metrics.wilson(unreadable, len(opened))
    return results.Sizes(
        opened=len(opened),
        unreadable=unreadable,
        unreadable_interval=(float(low), float(high)),
        pixels=_pixels(sizes) if sizes else None,
    )


def _pixels(sizes: Sequence[tuple[int, int]]) -> results.PixelSizes:
    [((width, height), n)] = Counter(sizes).most_common(1)
    longer = np.array(sizes).max(axis=1)
    counts, edges = np.histogram(longer, bins=min(24, int(np.ptp(longer)) + 1))
    return results.PixelSizes(
        most_common=results.CommonSize(width=width, height=height, n=n),
        width=_spread([width for width, _ in sizes]),
        height=_spread([height for _, height in sizes]),
        longer_side=results.Bins(edges=tuple(edges.tolist()), counts=tuple(counts.tolist())),
    )


def _spread(lengths: Sequence[int]) -> results.Spread:
    middle = float(np.median(lengths))
    return results.Spread(smallest=min(lengths), median=middle, largest=max(lengths))


def _groups(counts: Counter[tuple[str, int]]) -> dict[str, ByLabel] | None:
    """Counts by label for each value, 3-9 before 10-19; None where the values are too many."""
    values = {value for value, _ in counts}
    if len(values) > MOST_GROUPS:
        return None
    return {
        value: _by_label(counts[value, label] for label in range(3))
        for value in sorted(values, key=metrics.group_order)
    }


def _identities(tally: Tally) -> results.Identities | None:
    pictures: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    for (identity, label), n in tally.identities.items():
        pictures[identity] += n
        labels[identity] += label != UNLABELLED
    if not pictures:
        return None
    doublings = Counter(n.bit_length() for n in pictures.values())
    top = sorted(pictures.items(), key=lambda item: (-item[1], item[0]))[:TOP_IDENTITIES]
    return results.Identities(
        n=len(pictures),
        pictures=pictures.total(),
        mean_pictures=pictures.total() / len(pictures),
        of_both_labels=sum(n > 1 for n in labels.values()),
        most_frequent=tuple(results.Identity(identity=identity, pictures=n) for identity, n in top),
        by_pictures=tuple(
            results.IdentityBin(first=2 ** (bits - 1), last=2**bits - 1, identities=doublings[bits])
            for bits in range(min(doublings), max(doublings) + 1)
        ),
    )
