"""Calibration on the validation part: temperature, bias and threshold."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from genderscope.core.errors import UsageError
from genderscope.core.results import Record
from genderscope.core.types import Floats, Image, SecondLook
from genderscope.data.prepare.crops import Crops
from genderscope.inference.classifier import calibrated
from genderscope.inference.looks import looks, scored_again
from genderscope.inference.metadata import Abstention
from genderscope.training.batches import Indices, race_groups

COVERAGE = 0.9  # largest share of the faces that are answered
FLIPS = 0.005  # largest share whose label flips when mirrored, with neither uncertain
BATCH = 64  # faces in memory at a time
GROUP_FACES = 100  # smaller groups of race and label are ignored
LEAST_SLOPE = 0.01  # of the fit: logits that do not separate the labels give scores near one half


class Calibration(Record, frozen=True, kw_only=True):
    """The parameters that turn logits into labels: see ``inference.classifier.calibrated``."""

    temperature: float
    bias: float
    abstention: Abstention
    second_look: SecondLook
    scored_twice: float


class Views(NamedTuple):
    """Logits, (n, 2), of faces, of their mirror images, and the mean of all looks."""

    faces: Floats
    mirrored: Floats
    mean: Floats


def views(
    score: Callable[[Image], Floats], crops: Crops, indices: Indices, second_look_deg: float
) -> Views:
    """The logits that ``score`` gives some crops in all ``looks``, a batch at a time."""
    found = []
    for batch in np.array_split(indices, len(indices) // BATCH + 1):
        faces = crops.exact(batch)
        scored = [score(look.of(faces)) for look in looks(second_look_deg)]
        found.append((*scored[:2], np.mean(scored, 0)))
    return Views(*map(np.concatenate, zip(*found, strict=True)))


def calibrate(
    views: Views,
    labels: npt.NDArray[np.int64],
    cut: float | None = None,
    second_look: SecondLook = "uncertain",
) -> Calibration:
    """Temperature, bias and threshold from the logits of faces with labels (n,).

    Temperature and bias minimise the negative log likelihood (Platt 1999) with both classes
    weighted equally, so that neither is favoured where both are equally frequent. The temperature
    is fitted to the first look, or to the mean of all if ``all`` faces get a ``second_look``; the
    bias to the looks that decide the label of a face near the border. A ``cut`` sets the bias
    instead: see ``worst_group_cut``. The threshold leaves the least confident tenth of the
    faces unanswered, or more, until hardly any face gets the opposite label when mirrored.
    ``UsageError`` if all labels are the same.
    """
    check_labels(labels)
    if second_look == "all":
        views = Views(views.mean, views.mean, views.mean)
    temperature, likely_cut = _platt(views.faces, labels)
    if cut is None:
        cut = likely_cut if second_look == "none" else _platt(views.mean, labels)[1]
    bias = -cut / temperature
    scores, of_mirrored, of_both = (calibrated(each, temperature, bias) for each in views)
    first = scores.max(1)
    # A face is answered if the first look or the mean of all is confident enough.
    confidence = first if second_look == "none" else np.maximum(first, of_both.max(1))
    flips = scores.argmax(1) != of_mirrored.argmax(1)
    flipping = np.where(flips, np.minimum(first, of_mirrored.max(1)), 0)
    threshold = float(max(np.quantile(confidence, 1 - COVERAGE), np.quantile(flipping, 1 - FLIPS)))
    again = scored_again(scores, second_look, threshold)
    correct = np.where(again, of_both.argmax(1), scores.argmax(1)) == labels
    answered = confidence >= threshold
    return Calibration(
        temperature=temperature,
        bias=bias,
        abstention=Abstention(
            min_confidence=threshold,
            meaning=f"on validation faces, the least sure {1 - answered.mean():.0%} are uncertain",
            coverage=float(answered.mean()),
            error_of_answered=float(1 - correct[answered].mean()),
            error_without_abstention=float(1 - correct.mean()),
            n=len(labels),
        ),
        second_look=second_look,
        scored_twice=float(again.mean()),
    )


def _platt(logits: Floats, labels: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The temperature, and the difference of the logits above which a face is labelled man."""
    platt = LogisticRegression(C=np.inf, class_weight="balanced")
    platt.fit((logits[:, 1] - logits[:, 0])[:, None], labels)
    slope = max(float(platt.coef_[0, 0]), LEAST_SLOPE)
    return 1 / slope, -float(platt.intercept_[0]) / slope


def check_labels(labels: npt.NDArray[np.integer]) -> None:
    """``UsageError`` if all labels of the held-out faces are the same."""
    if len(np.unique(labels)) < 2:
        raise UsageError(
            f"the {len(labels)} held-out faces have one label only: train on more faces, or raise "
            "validation_ratio"
        )


def worst_group_cut(
    logits: Floats, labels: npt.NDArray[np.integer], groups: npt.NDArray[np.int64]
) -> float:
    """The difference of the logits above which a face is labelled man, chosen for the highest
    recall of the worst group (worst-group accuracy, Sagawa et al. 2020, arXiv:1911.08731).

    Takes the logits (n, 2) of faces, their labels (n,), and their groups of race and label (n,), -1
    where unknown. Without a group of ``GROUP_FACES`` or more, a label's faces are one group.
    """
    margins = logits[:, 1] - logits[:, 0]
    cuts = np.unique(margins)
    lowest = np.ones(len(cuts))
    for label in range(2):
        for members in _groups(labels == label, groups):
            below = np.searchsorted(np.sort(margins[members]), cuts, side="right") / members.sum()
            lowest = np.minimum(lowest, 1 - below if label else below)
    best = np.flatnonzero(lowest == lowest.max())
    return float((cuts[best[0]] + cuts[min(best[-1] + 1, len(cuts) - 1)]) / 2)


def cut_of_crops(
    crops: Crops, score: Callable[[Indices], Views], second_look: SecondLook = "uncertain"
) -> float:
    """``worst_group_cut`` over all labelled crops, from all looks, which faces near the cut get
    unless no face gets a ``second_look``; ``score`` gives the logits for their indices.
    """
    labelled = np.flatnonzero(crops.labels >= 0)
    groups, _ = race_groups(crops)
    views = score(labelled)
    logits = views.faces if second_look == "none" else views.mean
    return worst_group_cut(logits, crops.labels[labelled], groups[labelled])


def _groups(
    of_label: npt.NDArray[np.bool_], groups: npt.NDArray[np.int64]
) -> Iterator[npt.NDArray[np.bool_]]:
    numbers, counts = np.unique(groups[of_label & (groups >= 0)], return_counts=True)
    large = numbers[counts >= GROUP_FACES]
    yield from (groups == number for number in large) if len(large) else (of_label,)
