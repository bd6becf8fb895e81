"""A data set's statistics, and its problems in words."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np

from genderscope.core.errors import DatasetError
from genderscope.core.results import Provenance
from genderscope.core.storage import text
from genderscope.core.types import LABELS
from genderscope.evaluation import metrics
from genderscope.evaluation.exploration import results
from genderscope.evaluation.exploration.results import ByLabel, Problem
from genderscope.evaluation.exploration.tally import (
    EXAMPLES,
    MEASURES,
    MOST_GROUPS,
    UNLABELLED,
    OpenedPicture,
    Tally,
)

NAMES = (*LABELS, "unknown")
TOP_IDENTITIES = 10
IMBALANCE_RATIO = 1.5  # a larger imbalance is a problem
DOMINANT_SHARE, DOMINANT_TIMES = 0.01, 10
"""A dominant identity has more than this share of the pictures with an identity, and more than this
many times the mean."""
ROWS = (
    ("missing", "", "Missing pictures", "Download or exclude them."),
    ("repeated", "", "Pictures listed more than once", "A copy in a test split is leakage."),
    ("unlabelled", "", "Pictures without a label", "They can neither train nor evaluate a model."),
    ("boxless", "box_side_px", "Face locations out of range or without area", "Detect the face."),
    ("ageless", "age_years", "Pictures without an age", "A date is missing or not valid."),
    ("faceless", "face_score", "Pictures without a detected face", "Their score is infinite."),
    ("crowded", "second_face_score", "Pictures with a second face", "The label may be of either."),
)
"""Keys of ``Tally.odd``, the measure that the data set must have, titles and advice."""


def summarise(
    tally: Tally,
    opened: Sequence[OpenedPicture] = (),
    *,
    dataset: str,
    split: str,
    provenance: Provenance,
) -> results.Exploration:
    """All statistics; adds the fingerprint to ``provenance``. ``DatasetError`` without samples."""
    if not tally.n:
        raise DatasetError(f"{dataset} holds no pictures in {split!r}")
    imbalance, sizes = _imbalance(tally), _sizes(opened) if opened else None
    identities = _identities(tally)
    kept = tally.n - sum(tally.removed.values())
    selection = results.ReferenceSelection(removed=tally.removed, kept=kept)
    return results.Exploration(
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
        # Without face scores the selection would remove everything.
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
    median = float(np.median(lengths))
    return results.Spread(smallest=min(lengths), median=median, largest=max(lengths))


def _groups(counts: Counter[tuple[str, int]]) -> dict[str, ByLabel] | None:
    """Counts by label for each value, 3-9 before 10-19; None for more than ``MOST_GROUPS``."""
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


def problems(
    tally: Tally,
    opened: Sequence[OpenedPicture],
    imbalance: results.Imbalance | None,
    sizes: results.Sizes | None,
    identities: results.Identities | None,
) -> Iterator[Problem]:
    """What to know before training."""
    for label, n in zip(LABELS, tally.labels.tolist(), strict=False):
        if not n:
            yield _problem(f"No picture is labelled {label}.", tally.n)
    if imbalance and imbalance.ratio > IMBALANCE_RATIO:
        majority = imbalance.majority
        accuracy = imbalance.trivial[f"always_{majority}"].accuracy
        yield _problem(
            f"The classes are unequal, {imbalance.ratio:.2f} to 1: always answering {majority} "
            f"would be {accuracy:.1%} accurate. Weight the classes, and compare recalls.",
            int(tally.labels[:UNLABELLED].max()),
        )
    if sizes:
        yield from _picture_problems(opened, sizes, tally.n)
    for name, measure, title, advice in ROWS:
        if not measure or tally.has(measure):
            rows = tally.odd[name]
            yield from _counted(title, rows.examples, tally.n, advice, rows.n)
    if identities:
        yield from _identity_problems(identities)


def _picture_problems(
    opened: Sequence[OpenedPicture], sizes: results.Sizes, n: int
) -> Iterator[Problem]:
    low, high = sizes.unreadable_interval
    advice = f"In the whole data set it is {low:.1%} to {high:.1%} (95% interval)."
    if sizes.opened == n:  # no sampling
        advice = "Get other copies, or exclude them."
    reasons = [picture.error.partition(";")[0] for picture in opened if picture.error]
    yield from _counted("Opened pictures that cannot be read", reasons, sizes.opened, advice)
    files = [str(picture.sample.file) for picture in opened if picture.outside]
    readable = sizes.opened - sizes.unreadable
    advice = "They may belong to another version of the pictures."
    yield from _counted("Boxes that extend beyond an opened picture", files, readable, advice)


def _identity_problems(identities: results.Identities) -> Iterator[Problem]:
    first, mean = identities.most_frequent[0], identities.mean_pictures
    share = first.pictures / identities.pictures
    if share > DOMINANT_SHARE and first.pictures > DOMINANT_TIMES * mean:
        yield _problem(
            f"One person has {share:.1%} of the pictures with an identity, "
            f"{first.pictures / mean:.0f} times the mean: a model may learn the person.",
            first.pictures,
            [first.identity],
        )
    advice = "They are namesakes, or some of their labels are wrong."
    both = identities.of_both_labels
    yield from _counted("Persons with both labels", [], identities.n, advice, both)


def _counted(
    title: str, examples: Sequence[str], total: int, advice: str, n: int | None = None
) -> Iterator[Problem]:
    """A problem with its count, by default that of the examples; nothing if it is 0."""
    if n := len(examples) if n is None else n:
        share = f"{n / total:.1%}" if n / total >= 0.001 else "under 0.1%"
        yield _problem(f"{title}: {n:,} of {total:,} ({share}). {advice}", n, examples)


def _problem(sentence: str, n: int, examples: Sequence[str] = ()) -> Problem:
    return Problem(text=sentence, n=n, examples=tuple(map(text, examples[:EXAMPLES])))
