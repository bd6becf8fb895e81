"""Counts, rates and their intervals from arrays of labels and scores.

``truth`` is (n,) of indices into ``LABELS``; ``score`` is (n,) of P(man), NaN where there is no
prediction. A missing prediction is wrong: it counts in every denominator but precision's. An
undefined number is NaN in an array and None in a result. Needs the ``eval`` extra.
"""

import re
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from genderscope.core.extras import require
from genderscope.core.results import Estimate, Record
from genderscope.core.types import LABELS, Floats

Integers = npt.NDArray[np.int64]
Number = float | Floats | Integers
T = TypeVar("T", Estimate, float | None)

LEVEL = 0.95
RESAMPLES = 2000  # of a bootstrap
SMALLEST_N = 30  # a rate of fewer pictures is withheld: its interval is too wide to be of use


class Rates(Record, Generic[T], frozen=True, kw_only=True):
    """Rates of a confusion matrix: ``recall``, ``precision`` and ``f1`` by label, the mean recall
    ``balanced_accuracy``, and ``recall_gap``, the absolute difference of the recalls.
    """

    accuracy: T
    balanced_accuracy: T
    recall: dict[str, T]
    recall_gap: T
    precision: dict[str, T]
    macro_precision: T
    f1: dict[str, T]
    macro_f1: T


class Selective(Record, frozen=True, kw_only=True):
    """What abstaining below a confidence gives: ``accuracy`` is of the share ``coverage``."""

    min_confidence: float
    coverage: Estimate
    accuracy: Estimate


def decide(score: Floats) -> Integers:
    """The label with the higher score, without abstention; -1 where there is no prediction."""
    return np.where(np.isnan(score), -1, score > 0.5).astype(np.int64)


def confusion(truth: Integers, predicted: Integers) -> Integers:
    """Counts, (2, 3): rows are truths, columns are the two labels and "no prediction"."""
    learn = require("sklearn.metrics", "eval")
    counts: Integers = learn.confusion_matrix(truth, predicted, labels=[0, 1, -1])[:2]
    return counts


def rates(counts: npt.NDArray[np.number]) -> dict[str, Floats]:
    """Rates of confusion matrices (..., 2, 3), or (..., 2, 2) without missing predictions: the
    fields of ``Rates``, those by label (..., 2), the others (...).
    """
    right = counts[..., [0, 1], [0, 1]].astype(np.float64)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)[..., :2]
    with np.errstate(invalid="ignore"):
        recall, precision, f1 = right / true, right / predicted, 2 * right / (true + predicted)
        accuracy = right.sum(axis=-1) / true.sum(axis=-1)
    return {
        "accuracy": accuracy,
        "balanced_accuracy": recall.mean(axis=-1),
        "recall": recall,
        "recall_gap": abs(recall[..., 0] - recall[..., 1]),
        "precision": precision,
        "macro_precision": precision.mean(axis=-1),
        "f1": f1,
        "macro_f1": f1.mean(axis=-1),
    }


def estimated_rates(counts: Integers, seed: int) -> Rates[Estimate]:
    """Rates with intervals: Wilson's for accuracy and recall, else the bootstrap's."""
    values, resampled = rates(counts), rates(resample(counts, seed))
    true, predicted, n = counts.sum(axis=1), counts.sum(axis=0)[:2], int(counts.sum())
    sizes = {"precision": predicted, "f1": np.array([n, n])}
    right = counts[[0, 1], [0, 1]]
    fields: dict[str, Any] = {  # Estimate, or Estimate by label
        name: {
            label: estimate(value[k], percentiles(resampled[name])[:, k], sizes[name][k])
            for k, label in enumerate(LABELS)
        }
        if name in sizes
        else estimate(value, percentiles(resampled[name]), n)
        for name, value in values.items()
        if name not in ("accuracy", "recall")
    }
    recall = dict(zip(LABELS, map(proportion, right, true), strict=True))
    return Rates(accuracy=proportion(right.sum(), n), recall=recall, **fields)


def trivial(counts: Integers) -> dict[str, Rates[float | None]]:
    """Rates of three classifiers that ignore the picture, on the truths of a confusion matrix.
    ``prior_random`` predicts with the shares of the truths; its rates are those of expected counts.
    """
    true = counts.sum(axis=-1, keepdims=True)
    shares = {
        "always_woman": np.array([1.0, 0.0]),
        "always_man": np.array([0.0, 1.0]),
        "prior_random": (true / true.sum()).ravel(),
    }
    return {name: _plain_rates(rates(true * share)) for name, share in shares.items()}


def _plain_rates(values: dict[str, Floats]) -> Rates[float | None]:
    fields: dict[str, Any] = {  # a number, or a number by label
        name: dict(zip(LABELS, map(defined, value), strict=True)) if value.ndim else defined(value)
        for name, value in values.items()
    }
    return Rates(**fields)


def quantile(level: Number = LEVEL) -> Any:  # a number or an array, as ``level`` is
    """How many standard errors an interval of the level reaches to either side."""
    return -require("scipy.special", "eval").ndtri((1 - np.asarray(level)) / 2)


def wilson(successes: Number, n: Number, z: Number | None = None) -> tuple[Floats, Floats]:
    """Wilson's score interval of a proportion (Wilson 1927): its lower and its upper ends, ``z``
    standard errors to either side, by default those of ``LEVEL``. ``successes`` and ``n``
    broadcast; the latter may be an effective sample size, and 0 gives (0, 1).
    """
    z = quantile() if z is None else z
    n = np.asarray(n, np.float64)
    share = np.divide(successes, n, out=np.full_like(n + successes, 0.5), where=n > 0)
    centre = (share * n + z * z / 2) / (n + z * z)
    reach = z / (n + z * z) * np.sqrt(n * share * (1 - share) + z * z / 4)
    low, high = np.where(share > 0, centre - reach, 0), np.where(share < 1, centre + reach, 1)
    return low[()], high[()]


def defined(value: Number) -> float | None:
    """A number for a result: None instead of NaN or infinity, such as a ratio to 0."""
    return float(value) if np.isfinite(value) else None


def estimate(value: Number, interval: Iterable[Number], n: int | Integers) -> Estimate:
    """A number with its interval for a result: None instead of NaN."""
    low, high = map(float, interval)
    return Estimate(n=int(n), value=defined(value), interval=None if np.isnan(low) else (low, high))


def proportion(successes: int | Integers, n: int | Integers, smallest_n: int = 1) -> Estimate:
    """A share of n with Wilson's interval; both None where ``n`` is below ``smallest_n``."""
    if n < smallest_n:
        return Estimate(n=int(n), value=None, interval=None)
    return estimate(successes / n, wilson(successes, n), n)


def resample(counts: Integers, seed: int, resamples: int = RESAMPLES) -> Integers:
    """Multinomial bootstrap replicates of counts, (resamples, *counts.shape) (Efron 1979)."""
    n = counts.sum()
    drawn = np.random.default_rng(seed).multinomial(n, counts.ravel() / n, resamples)
    return drawn.reshape(resamples, *counts.shape)


def bootstrap_means(values: Floats, seed: int) -> Floats:
    """Bootstrap replicates, (resamples, ...), of the mean of values, (n, ...)."""
    draw, n = np.random.default_rng(seed), len(values)
    return np.stack([values[draw.integers(n, size=n)].mean(0) for _ in range(RESAMPLES)])


def percentiles(values: Floats) -> Floats:
    """The percentile interval of bootstrap replicates, (resamples, ...): (2, ...), its lower and
    upper end; NaN where no replicate is defined.
    """
    undefined = np.isnan(values).all(axis=0)
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    interval = np.nanquantile(np.where(undefined, 0.0, values), ends, axis=0)
    return np.where(undefined, np.nan, interval)


def roc_auc(truth: Integers, score: Floats) -> Estimate:
    """Area under the ROC curve of predicted pictures, and its interval (DeLong et al. 1988)."""
    learn, stats = require("sklearn.metrics", "eval"), require("scipy.stats", "eval")
    predicted = ~np.isnan(score)
    truth, score = truth[predicted], score[predicted]
    sides = score[truth == 0], score[truth == 1]
    if min(map(len, sides)) < 2:
        return Estimate(n=len(truth), value=None, interval=None)
    area = float(learn.roc_auc_score(truth, score))
    ranks = stats.rankdata(score)
    # How many of the other class each picture outranks: all, minus those of its own class.
    outranked = [ranks[truth == k] - stats.rankdata(sides[k]) for k in (0, 1)]
    variance = sum((outranked[k] / len(sides[1 - k])).var(ddof=1) / len(sides[k]) for k in (0, 1))
    reach = stats.norm.ppf((1 + LEVEL) / 2) * variance**0.5
    return estimate(area, (max(area - reach, 0.0), min(area + reach, 1.0)), len(truth))


def selective(truth: Integers, score: Floats, min_confidence: float) -> Selective:
    """Coverage and accuracy when predictions below a confidence are withheld."""
    confident = np.maximum(score, 1 - score) >= min_confidence
    n, right = int(confident.sum()), int((decide(score) == truth)[confident].sum())
    coverage, accuracy = proportion(n, len(truth)), proportion(right, n)
    return Selective(min_confidence=min_confidence, coverage=coverage, accuracy=accuracy)


def share(right: npt.NDArray[np.bool_], smallest_n: int = SMALLEST_N) -> Estimate:
    """The share of True values, (n,); withheld below ``smallest_n``."""
    return proportion(int(right.sum()), len(right), smallest_n)


def group_order(name: str) -> tuple[float, str]:
    """Sorts groups by the number that they begin with, 3-9 before 10-19, and then by name."""
    number = re.match(r"\d+", name)
    return (int(number.group()) if number else np.inf), name
