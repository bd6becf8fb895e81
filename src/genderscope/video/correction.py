"""Counts corrected for the model's errors.

Because the model errs, the share of labels is a biased estimate of the share of people. Where the
model's confusion matrix is known, the share is corrected for it, with an interval that covers the
uncertainty of the matrix and of the sample.
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
"""The data set and the split of the evaluations that a confusion matrix is taken from."""


class Confusion(Record, frozen=True, kw_only=True):
    """A model's confusion matrix on labelled pictures, counted without abstention: rows are true
    labels, columns are predictions, both in the order of ``LABELS``; and the evaluation that has
    it.
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
    """One label's corrected share of the tracks, 0-1, and that share times their number."""

    share: Estimate
    tracks: Estimate


class Correction(Record, frozen=True, kw_only=True):
    """Counts corrected for the model's confusion; ``uncorrected`` are tracks by their higher score,
    so that none is uncertain. ``level`` is the intervals', ``assumption`` what must hold for the
    correction to be valid.
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
    duplicates is preferred; None without any. ``ModelError`` if there is no model of that name or
    path, or an evaluation is broken.
    """
    network, best = find(model), None
    for file in results_beside(network):
        try:
            one = msgspec.json.decode(file.read_bytes(), type=_Evaluation)
            fits = (one.dataset.partition(":")[0], one.split, one.detector) == (*DATA, detector)
            if fits and (best is None or one.provenance.exclusions):
                best = Confusion(
                    counts=one.confusion.counts,
                    file=file.name,
                    dataset=one.dataset,
                    split=one.split,
                    detector=one.detector,
                    n=one.n,
                )
        except (msgspec.DecodeError, ValueError) as error:
            raise ModelError(f"{file} is not a valid evaluation: {error}") from error
    return best


def correct(men: int, n: int, confusion: Confusion, level: float = LEVEL) -> Correction:
    """Correct the share of men, ``men`` of n tracks, for the model's confusion.

    The estimate is Rogan's and Gladen's (1978), the inverse of the confusion matrix (Forman 2008),
    clipped to 0-1. The interval is Lang's and Reiczigel's (2014). It is for the share in the
    population that the tracks are drawn from, and is wider than needed for the tracks themselves.
    ``ValueError`` if there is no such share, or the model is no better than chance.
    """
    (women_right, women_wrong), (men_wrong, men_right) = confusion.counts
    n_women, n_men = women_right + women_wrong, men_wrong + men_right
    if not 0 <= men <= n or not n:
        raise ValueError(f"{men} of {n} is not a share")
    recalls = women_right / n_women, men_right / n_men
    # Shrunk towards the middle, after Agresti and Coull (1998).
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
