"""Counts corrected for the model's errors.

Because the model errs, the share of labels is a biased estimate of the share of people. With a
known confusion matrix the share is corrected, with an interval that covers the uncertainty of the
matrix and of the sample.
"""

from pathlib import Path
from statistics import NormalDist

import msgspec

from genderscope.core.errors import ModelError
from genderscope.core.results import Estimate, Provenance, Record
from genderscope.core.types import LABELS
from genderscope.inference.classifier import find, results_beside

LEVEL = 0.95
ASSUMPTION = (
    "The model errs on these tracks as often as on single pictures of that data set: the same mix "
    "of ages, poses, light and face sizes. Averaging along tracks changes the errors too, mostly "
    "for the better. A person who leaves and returns counts twice."
)
DATA = ("fairface", "val")
"""The data set and split of the evaluations that confusion matrices are taken from."""


class Confusion(Record, frozen=True, kw_only=True):
    """A model's confusion matrix on ``n`` labelled pictures without abstention, rows for true
    labels and columns for predictions in the order of ``LABELS``; and the evaluation it is from.
    """

    counts: tuple[tuple[int, int], tuple[int, int]]
    file: str
    dataset: str
    split: str
    detector: str
    n: int

    def __post_init__(self) -> None:
        if any(min(row) < 0 or not sum(row) for row in self.counts):
            raise ValueError(f"a confusion matrix needs pictures of both labels, not {self.counts}")


class CorrectedCount(Record, frozen=True, kw_only=True):
    """One label's corrected share of the tracks, 0-1, and their corrected number."""

    share: Estimate
    tracks: Estimate


class Correction(Record, frozen=True, kw_only=True):
    """Counts corrected for the model's confusion. ``uncorrected`` counts tracks by their higher
    score, so none is uncertain; ``level`` is the intervals' confidence level; the correction is
    valid under the ``assumption``.
    """

    woman: CorrectedCount
    man: CorrectedCount
    level: float
    uncorrected: dict[str, int]
    confusion: Confusion
    assumption: str = ASSUMPTION


class _Matrix(msgspec.Struct):
    counts: tuple[tuple[int, int], tuple[int, int]]


class _Evaluation(msgspec.Struct):
    """The fields of an evaluation that a ``Confusion`` needs."""

    provenance: Provenance
    confusion: _Matrix
    dataset: str
    split: str
    detector: str
    n: int


def measured_confusion(model: str | Path, detector: str) -> Confusion | None:
    """The confusion matrix from a model's own evaluation on FairFace's validation split.

    Of the evaluations with this detector beside the model, ``<model>.*.*.json``, one without
    duplicates is preferred; None if there is none. ``ModelError`` if the model does not exist, or
    an evaluation is broken.
    """
    network, best = find(model), None
    for file in results_beside(network):
        try:
            found = msgspec.json.decode(file.read_bytes(), type=_Evaluation)
            key = found.dataset.partition(":")[0], found.split, found.detector
            if key == (*DATA, detector) and (best is None or found.provenance.exclusions):
                best = Confusion(
                    counts=found.confusion.counts,
                    file=file.name,
                    dataset=found.dataset,
                    split=found.split,
                    detector=found.detector,
                    n=found.n,
                )
        except (msgspec.DecodeError, ValueError) as error:
            raise ModelError(f"{file} is not a valid evaluation: {error}") from error
    return best


def correct(men: int, n: int, confusion: Confusion, level: float = LEVEL) -> Correction:
    """Correct the share of men, ``men`` of n tracks, for the model's confusion.

    The estimate is Rogan and Gladen's (1978), the inverse of the confusion matrix (Forman 2008),
    clipped to 0-1. The interval is Lang and Reiczigel's (2014), for the share in the population
    from which the tracks are drawn; it is conservative for the tracks themselves. ``ValueError`` if
    ``men`` of ``n`` is not a share, the model is no better than chance, or the whole interval lies
    outside 0-1, where the model cannot err on these tracks as in its evaluation.
    """
    (women_right, women_wrong), (men_wrong, men_right) = confusion.counts
    n_women, n_men = women_right + women_wrong, men_wrong + men_right
    if not 0 <= men <= n or not n:
        raise ValueError(f"{men} of {n} is not a share")
    recalls = women_right / n_women, men_right / n_men
    # Shrunk towards 1/2, after Agresti and Coull (1998).
    woman, man = (women_right + 1) / (n_women + 2), (men_right + 1) / (n_men + 2)
    if min(sum(recalls), woman + man) <= 1:
        raise ValueError(f"the model is no better than chance: its recalls are {recalls}")
    share = (men / n + recalls[0] - 1) / (sum(recalls) - 1)

    z = NormalDist().inv_cdf((1 + level) / 2)
    predicted = (men + z**2 / 2) / (n + z**2)
    middle = (predicted + woman - 1) / (woman + man - 1)
    variance_woman = woman * (1 - woman) / (n_women + 2)
    variance_man = man * (1 - man) / (n_men + 2)
    variance = (
        predicted * (1 - predicted) / (n + z**2)
        + middle**2 * variance_man
        + (1 - middle) ** 2 * variance_woman
    )
    middle += 2 * z**2 * (middle * variance_man - (1 - middle) * variance_woman)
    half = z * variance**0.5 / (woman + man - 1)
    if middle + half < 0 or middle - half > 1:
        raise ValueError(
            f"no share of men explains {men:,} of {n:,} tracks called {LABELS[1]}: the model errs "
            "on these tracks less often than on the pictures of its evaluation"
        )
    low, high = (min(max(end, 0.0), 1.0) for end in (middle - half, middle + half))
    share = min(max(share, 0.0), 1.0)
    return Correction(
        woman=_corrected(n, 1 - share, 1 - high, 1 - low),
        man=_corrected(n, share, low, high),
        level=level,
        uncorrected={LABELS[0]: n - men, LABELS[1]: men},
        confusion=confusion,
    )


def _corrected(n: int, share: float, low: float, high: float) -> CorrectedCount:
    return CorrectedCount(
        share=Estimate(n=n, value=share, interval=(low, high)),
        tracks=Estimate(n=n, value=share * n, interval=(low * n, high * n)),
    )
