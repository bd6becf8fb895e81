"""What a data set holds, as numbers that JSON can hold, and what is wrong with it in plain words.

The rows' numbers come from a ``Tally``; the pictures' from opening some of them. Knows nothing of
pages, screens or training.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genderscope import __version__
from genderscope.core.errors import DatasetError, FaceOutsidePicture, PictureError
from genderscope.core.types import LABELS, Face, Image, Sample
from genderscope.evaluation import metrics
from genderscope.evaluation.exploration.tally import (
    EXAMPLES,
    MEASURES,
    MOST_GROUPS,
    UNLABELLED,
    Tally,
)
from genderscope.imaging import decode
from genderscope.imaging.preprocess import PreprocessSpec, crop, whole

NAMES = (*LABELS, "unknown")
TOP_IDENTITIES = 10
IMBALANCE_RATIO = 1.5
"""From here on an imbalance is a problem."""
DOMINATING_SHARE, DOMINATING_TIMES = 0.01, 10
"""An identity dominates with more than this share of all and this many times the mean."""
SHEET_PICTURES = 24
"""So many crops of each label are kept to look at."""
SHEET = PreprocessSpec("sheet", size=96, padding="edge", colour="bgr")
"""40% of margin around a box, as the published crops of IMDB and WIKI have."""
ROW_PROBLEMS = {
    "missing": (None, "Pictures that are not there", "Fetch them, or leave them out."),
    "repeated": (
        None,
        "Pictures named more than once",
        "A copy in training and in test would be a leak.",
    ),
    "unlabelled": (
        None,
        "Pictures without a label",
        "They can neither train nor measure a model.",
    ),
    "boxless": ("box_side_px", "Face locations out of range or without area", "Detect the face."),
    "ageless": ("age_years", "Pictures without an age", "A date is missing or cannot be meant."),
    "faceless": ("face_score", "Pictures without a found face", "Their face score is infinite."),
    "crowded": (
        "second_face_score",
        "Pictures with a second face",
        "Whose label it is, is uncertain.",
    ),
}
"""What may be odd in rows: where a data set has what number, in what words, and what to do."""


@dataclass(frozen=True, slots=True)
class Look:
    """What opening a sample's picture showed.

    Attributes:
        size: width and height in pixels, upright; None where it cannot be read.
        crop: the face, (96, 96, 3) uint8 BGR, for the first pictures of each label.
        error: why it cannot be read.
        outside: the sample's box reaches out of the picture.
    """

    sample: Sample
    size: tuple[int, int] | None = None
    crop: Image | None = None
    error: str | None = None
    outside: bool = False


def look(samples: Iterable[Sample]) -> Iterator[Look]:
    """Open pictures, in order; decoding them whole also finds the truncated ones."""
    kept: Counter[int | None] = Counter()
    for sample in samples:
        try:
            image = decode.read(sample.file)
        except PictureError as error:
            yield Look(sample, error=str(error))
            continue
        height, width = image.shape[:2]
        face, outside = whole(image, SHEET), False
        if box := sample.box:
            face = Face(box)
            last = max(box.x + box.width - width, box.y + box.height - height)
            outside = min(box.x, box.y) < -1 or last > 1  # a pixel more is rounding
        cut = None
        if kept[sample.label] < SHEET_PICTURES:
            try:
                cut = crop(image, face, SHEET)
                kept[sample.label] += 1
            except FaceOutsidePicture:  # the box lies outside altogether
                pass
        yield Look(sample, (width, height), cut, outside=outside)


def report(
    tally: Tally, looks: Sequence[Look] = (), *, dataset: str, split: str, seed: int = 0
) -> dict[str, Any]:
    """Everything that was counted and seen; what a data set does not have is None.

    Raises:
        DatasetError: there was no sample.
    """
    if not tally.n:
        raise DatasetError(f"{dataset} holds no pictures in {split!r}")
    numbers: dict[str, Any] = {
        "dataset": dataset,
        "split": split,
        "pictures": tally.n,
        "labels": _named(tally.labels),
        "imbalance": _imbalance(tally),
        "sizes": _sizes(looks) if looks else None,
        **{name: _histogram(tally, name) for name in MEASURES},
        "groups": {column: _groups(counts) for column, counts in tally.groups.items()},
        "identities": _identities(tally),
        "reference_selection": None,
    }
    if numbers["face_score"]:  # without scores it would remove everything
        kept = tally.n - sum(tally.removed.values())
        numbers["reference_selection"] = {"removed": tally.removed, "kept": kept}
    numbers["problems"] = list(_problems(tally, looks, numbers))
    return numbers | {"seed": seed, "version": __version__}


def _named(counts: Iterable[Any]) -> dict[str, int]:
    return dict(zip(NAMES, map(int, counts), strict=True))


def _imbalance(tally: Tally) -> dict[str, Any] | None:
    """How unequal the classes are, and what looking at nothing would score; None without both."""
    labelled = tally.labels[:UNLABELLED]
    if not labelled.all():
        return None
    return {
        "majority": LABELS[int(labelled.argmax())],
        "ratio": float(labelled.max() / labelled.min()),
        "n": int(labelled.sum()),
        "trivial": {
            name: {
                "accuracy": float(rates["accuracy"]),
                "f1": dict(zip(LABELS, rates["f1"].tolist(), strict=True)),
                "macro_f1": float(rates["macro_f1"]),
            }
            for name, rates in metrics.trivial(np.diag(labelled)).items()
        },
    }


def _histogram(tally: Tally, name: str) -> dict[str, Any] | None:
    """Counts by label in bins of equal width, from the first that is used to the last."""
    measure, counts, infinite = MEASURES[name], tally.histograms[name], tally.infinite[name]
    n = int(counts.sum())
    if not n + infinite:
        return None
    used = np.flatnonzero(counts.sum(axis=1))
    first, end = (int(used[0]), int(used[-1]) + 1) if n else (0, 0)
    return {
        "n": n,
        "infinite": infinite,
        "missing": tally.n - n - infinite,
        "edges": [measure.low + place * measure.bin for place in range(first, end + 1)],
        "counts": dict(zip(NAMES, counts[first:end].T.tolist(), strict=True)),
    }


def _sizes(looks: Sequence[Look]) -> dict[str, Any]:
    sizes = [look.size for look in looks if look.size]
    failed = len(looks) - len(sizes)
    numbers: dict[str, Any] = {
        "opened": len(looks),
        "unreadable": failed,
        "unreadable_interval": metrics.wilson(failed, len(looks)),
    }
    if sizes:
        [(common, times)] = Counter(sizes).most_common(1)
        longer = np.array(sizes).max(axis=1)
        counts, edges = np.histogram(longer, bins=min(24, int(np.ptp(longer)) + 1))
        numbers["most_common_px"] = {"width": common[0], "height": common[1], "n": times}
        for side, values in zip(("width", "height"), np.array(sizes).T, strict=True):
            numbers[f"{side}_px"] = {
                "smallest": int(values.min()),
                "median": float(np.median(values)),
                "largest": int(values.max()),
            }
        numbers["longer_side_px"] = {"edges": edges.tolist(), "counts": counts.tolist()}
    return numbers


def _groups(counts: Counter[tuple[str, int]]) -> dict[str, dict[str, int]] | None:
    """Counts by label for each value, 3-9 before 10-19; None where the values are too many."""
    values = {value for value, _ in counts}
    if len(values) > MOST_GROUPS:
        return None
    return {
        value: _named(counts[value, label] for label in range(3))
        for value in sorted(values, key=metrics.group_order)
    }


def _identities(tally: Tally) -> dict[str, Any] | None:
    persons: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    for (person, label), n in tally.identities.items():
        persons[person] += n
        labels[person] += label != UNLABELLED
    if not persons:
        return None
    # In bins that double: 1, 2-3, 4-7, ...
    doublings = Counter(n.bit_length() for n in persons.values())
    top = sorted(persons.items(), key=lambda item: (-item[1], item[0]))[:TOP_IDENTITIES]
    return {
        "n": len(persons),
        "pictures": persons.total(),
        "mean_pictures": persons.total() / len(persons),
        "of_both_labels": sum(n > 1 for n in labels.values()),
        "most_frequent": [{"identity": person, "pictures": n} for person, n in top],
        "by_pictures": [
            {"from": 2 ** (bits - 1), "to": 2**bits - 1, "identities": doublings[bits]}
            for bits in range(min(doublings), max(doublings) + 1)
        ],
    }


def _problems(
    tally: Tally, looks: Sequence[Look], numbers: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """What to know before training: in words, how often, and the first files or names of it."""
    for label in LABELS:
        if not numbers["labels"][label]:
            yield _problem(f"No picture is labelled {label}.", tally.n)
    if (unequal := numbers["imbalance"]) and unequal["ratio"] > IMBALANCE_RATIO:
        majority = unequal["majority"]
        right = unequal["trivial"][f"always_{majority}"]["accuracy"]
        yield _problem(
            f"The classes are unequal: {unequal['ratio']:.2f} to 1. Always guessing {majority} "
            f"would be right for {right:.1%}; weigh the classes, and read recalls beside accuracy.",
            numbers["labels"][majority],
        )
    if looks:
        low, high = numbers["sizes"]["unreadable_interval"]
        advice = f"Of all that are there it is {low:.1%} to {high:.1%} (95% interval)."
        reasons = [look.error.partition(";")[0] for look in looks if look.error]
        yield from _counted("Opened pictures that cannot be read", reasons, len(looks), advice)
        files = [str(look.sample.file) for look in looks if look.outside]
        read = len(looks) - len(reasons)
        advice = "They may belong to another version of the pictures."
        yield from _counted("Boxes that reach out of an opened picture", files, read, advice)
    for name, (of, title, advice) in ROW_PROBLEMS.items():
        if of is None or numbers[of]:
            found = tally.odd[name]
            yield from _counted(title, found.examples, tally.n, advice, found.n)
    if persons := numbers["identities"]:
        first, mean = persons["most_frequent"][0], persons["mean_pictures"]
        share = first["pictures"] / persons["pictures"]
        if share > DOMINATING_SHARE and first["pictures"] > DOMINATING_TIMES * mean:
            yield _problem(
                f"One person has {share:.1%} of the pictures, {first['pictures'] / mean:.0f} times "
                "the mean: a model may learn the person.",
                first["pictures"],
                [first["identity"]],
            )
        advice = "They are namesakes, or some of their labels are wrong."
        both = persons["of_both_labels"]
        yield from _counted("Persons with both labels", [], persons["n"], advice, both)


def _counted(
    title: str, examples: Sequence[str], total: int, advice: str, n: int | None = None
) -> Iterator[dict[str, Any]]:
    """A problem with its count, which is that of the examples unless told; none if it is 0."""
    if n := len(examples) if n is None else n:
        share = f"{n / total:.1%}" if n / total >= 0.001 else "under 0.1%"
        yield _problem(f"{title}: {n:,} of {total:,} ({share}). {advice}", n, examples)


def _problem(text: str, n: int, examples: Sequence[str] = ()) -> dict[str, Any]:
    return {"text": text, "n": n, "examples": list(examples[:EXAMPLES])}
