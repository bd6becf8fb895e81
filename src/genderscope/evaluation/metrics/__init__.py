"""Counts, rates and confidence intervals from arrays of labels and scores.

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

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Number = float | Floats | Integers
T = TypeVar("T", Estimate, float | None)

LEVEL = 0.95
RESAMPLES = 2000  # of a bootstrap
SMALLEST_N = 30  # a rate of fewer pictures is withheld: its interval is too wide to be useful


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
    """Abstention below a confidence: the share of pictures answered, and the accuracy on these."""

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
    """Rates of a confusion matrix (2, 3), or (2, 2) without missing predictions: the fields of
    ``Rates``, those by label (2,).
    """
    right, true, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)[:2]
    with np.errstate(invalid="ignore"):
        recall, precision, f1 = right / true, right / predicted, 2 * right / (true + predicted)
        accuracy = right.sum() / true.sum()
    return {
        "accuracy": accuracy,
        "balanced_accuracy": recall.mean(),
        "recall": recall,
        "recall_gap": abs(recall[0] - recall[1]),
        "precision": precision,
        "macro_precision": precision.mean(),
        "f1": f1,
        "macro_f1": f1.mean(),
    }


def estimated_rates(counts: Integers) -> Rates[Estimate]:
    """Rates with closed-form intervals. Those by label are Wilson's, also of F1, which is
    ``2 j / (1 + j)`` with ``j`` the share of right predictions among the pictures that have the
    label as truth or prediction. The two F1 vary together, so the ends of their mean are the means
    of their ends; the other means and the gap are of independent samples (Newcombe 1998).
    """
    values = rates(counts)
    right, true, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)[:2]
    n = int(counts.sum())
    low, high = (2 * end / (1 + end) for end in wilson(right, true + predicted - right))
    f1 = np.where(true + predicted > 0, (low, high), np.nan)

    def by_label(estimates: Iterable[Estimate]) -> dict[str, Estimate]:
        return dict(zip(LABELS, estimates, strict=True))

    return Rates(
        accuracy=proportion(right.sum(), n),
        balanced_accuracy=estimate(values["balanced_accuracy"], _mean(values["recall"], true), n),
        recall=by_label(map(proportion, right, true)),
        recall_gap=estimate(values["recall_gap"], _gap(values["recall"], true), n),
        precision=by_label(map(proportion, right, predicted)),
        macro_precision=estimate(
            values["macro_precision"], _mean(values["precision"], predicted), n
        ),
        f1=by_label(estimate(values["f1"][k], f1[:, k], n) for k in (0, 1)),
        macro_f1=estimate(values["macro_f1"], f1.mean(axis=1), n),
    )


def _mean(shares: Floats, n: Integers) -> tuple[Floats, Floats]:
    """The interval of the mean of two independent shares, from that of their sum."""
    low, high = difference(shares[0], n[0], 1 - shares[1], n[1])
    return (low + 1) / 2, (high + 1) / 2


def _gap(shares: Floats, n: Integers) -> tuple[float, float]:
    """The interval of the absolute difference of two independent shares."""
    low, high = map(float, difference(shares[0], n[0], shares[1], n[1]))
    return 0.0 if low < 0 < high else min(abs(low), abs(high)), max(abs(low), abs(high))


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

    def plain(value: Floats) -> Any:  # a number, or a number by label
        return dict(zip(LABELS, map(defined, value), strict=True)) if value.ndim else defined(value)

    return {
        name: Rates(**{field: plain(value) for field, value in rates(true * share).items()})
        for name, share in shares.items()
    }


def quantile(level: Number = LEVEL) -> Any:  # a number or an array, like ``level``
    """The half-width of a two-sided normal interval of the level, in standard errors."""
    return -require("scipy.special", "eval").ndtri((1 - np.asarray(level)) / 2)


def wilson(successes: Number, n: Number, z: Number | None = None) -> tuple[Floats, Floats]:
    """Wilson's score interval of a proportion (Wilson 1927): its lower and upper ends for the
    normal quantile ``z``, by default that of ``LEVEL``. ``successes`` and ``n`` broadcast; the
    latter may be an effective sample size, and 0 gives (0, 1).
    """
    z = quantile() if z is None else z
    n = np.asarray(n, np.float64)
    share = np.divide(successes, n, out=np.full_like(n + successes, 0.5), where=n > 0)
    centre = (share * n + z * z / 2) / (n + z * z)
    reach = z / (n + z * z) * np.sqrt(n * share * (1 - share) + z * z / 4)
    low, high = np.where(share > 0, centre - reach, 0), np.where(share < 1, centre + reach, 1)
    return low[()], high[()]


def wilson_of_share(share: Number, n: Number, z: Number | None = None) -> tuple[Floats, Floats]:
    """``wilson`` of ``share * n`` successes, which need not be whole."""
    return wilson(np.multiply(share, n), n, z)


def difference(
    one: Number, one_n: Number, other: Number, other_n: Number, level: float = LEVEL
) -> tuple[Floats, Floats]:
    """Interval of ``one - other``, shares of independent samples (Newcombe 1998, method 10)."""
    z = quantile(level)
    low, high = wilson_of_share(one, one_n, z)
    other_low, other_high = wilson_of_share(other, other_n, z)
    apart: Floats = np.subtract(one, other)
    return (
        apart - np.hypot(one - low, other_high - other),
        apart + np.hypot(high - one, other - other_low),
    )


def defined(value: Number) -> float | None:
    """A number for a result: None in place of NaN or infinity, such as a ratio to 0."""
    return float(value) if np.isfinite(value) else None


def estimate(value: Number, interval: Iterable[Number], n: int | Integers) -> Estimate:
    """A number with its interval for a result: None in place of NaN."""
    low, high = map(float, interval)
    return Estimate(n=int(n), value=defined(value), interval=None if np.isnan(low) else (low, high))


def proportion(successes: int | Integers, n: int | Integers, smallest_n: int = 1) -> Estimate:
    """A share of n with Wilson's interval; both are None for ``n`` below ``smallest_n``."""
    if n < smallest_n:
        return Estimate(n=int(n), value=None, interval=None)
    return estimate(successes / n, wilson(successes, n), n)


def resample(counts: Integers, seed: int, resamples: int = RESAMPLES) -> Integers:
    """Multinomial bootstrap replicates of counts, (resamples, *counts.shape) (Efron 1979)."""
    n = counts.sum()
    drawn = np.random.default_rng(seed).multinomial(n, counts.ravel() / n, resamples)
    return drawn.reshape(resamples, *counts.shape)


def mean_interval(values: Floats, seed: int) -> Floats:
    """The bootstrap's percentile interval of the mean of values, (n, ...): (2, ...)."""
    draw, n = np.random.default_rng(seed), len(values)
    means = [values[draw.integers(n, size=n)].mean(0) for _ in range(RESAMPLES)]
    return percentiles(np.stack(means))


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
    # How many of the other class each picture outranks: all outranked minus those of its own class.
    outranked = [ranks[truth == k] - stats.rankdata(sides[k]) for k in (0, 1)]
    variance = sum((outranked[k] / len(sides[1 - k])).var(ddof=1) / len(sides[k]) for k in (0, 1))
    reach = quantile() * variance**0.5
    return estimate(area, (max(area - reach, 0.0), min(area + reach, 1.0)), len(truth))


def selective(truth: Integers, score: Floats, min_confidence: float) -> Selective:
    """Coverage and accuracy when predictions below a confidence are withheld."""
    confident = np.maximum(score, 1 - score) >= min_confidence
    coverage = share(confident, 1)
    accuracy = share((decide(score) == truth)[confident], 1)
    return Selective(min_confidence=min_confidence, coverage=coverage, accuracy=accuracy)


def share(right: Bools, smallest_n: int = SMALLEST_N) -> Estimate:
    """The share of True values, (n,); withheld below ``smallest_n``."""
    return proportion(int(right.sum()), len(right), smallest_n)


def group_order(name: str) -> tuple[float, str]:
    """A sort key for groups: by leading number, 3-9 before 10-19, then by name."""
    number = re.match(r"\d+", name)
    return (int(number.group()) if number else np.inf), name
