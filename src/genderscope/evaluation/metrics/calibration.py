"""Calibration of the confidence, and the risk-coverage curve of abstaining by it.

``truth`` and ``score`` are as in ``metrics``. Needs the ``eval`` extra.
"""

from collections.abc import Callable

import numpy as np

from genderscope.core.results import Estimate, Record
from genderscope.core.types import Floats
from genderscope.evaluation import metrics
from genderscope.evaluation.metrics import RESAMPLES

BINS = 15
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)


class Bin(Record, frozen=True, kw_only=True):
    """The predictions with a confidence between ``low`` and ``high``."""

    low: float
    high: float
    mean_confidence: float
    accuracy: Estimate


class Calibration(Record, frozen=True, kw_only=True):
    """How close confidence is to accuracy, over the pictures with a prediction: expected
    calibration error, 0-1, over equal-width bins of the confidence (Guo et al. 2017), mean squared
    error of P(man), mean negative log-likelihood in nats, and the bins that hold pictures.
    """

    ece: Estimate
    brier: Estimate
    nll: Estimate
    bins: tuple[Bin, ...]


class Coverage(Record, frozen=True, kw_only=True):
    """The most confident predictions: the share of all pictures that they cover at least, the
    lowest confidence among them, and their error rate.
    """

    coverage: float
    confidence: float
    error: Estimate


class Curve(Record, frozen=True, kw_only=True):
    """The error at each hundredth of the coverage, (100,) each."""

    coverage: tuple[float, ...]
    error: tuple[float, ...]


class RiskCoverage(Record, frozen=True, kw_only=True):
    """The error when only the most confident pictures get a prediction, ``at`` each of
    ``COVERAGES``. ``aurc`` is the area under the risk-coverage curve: the mean error over all n
    coverages (Geifman and El-Yaniv 2017; Geifman et al. 2019).
    """

    aurc: Estimate
    at: tuple[Coverage, ...]
    curve: Curve


def bin_of(confidence: Floats) -> metrics.Integers:
    """The index of each confidence's bin, of ``BINS`` of equal width from 0 to 1."""
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def expected_error(excess: Floats, n: float) -> Floats:
    """Expected calibration error of n predictions (Guo et al. 2017) from ``excess``, (..., bins):
    sums of confidence minus those of right predictions.
    """
    error: Floats = abs(excess).sum(axis=-1) / n
    return error


def calibration(truth: metrics.Integers, score: Floats, seed: int = 0) -> Calibration:
    """Calibration metrics with bootstrap intervals."""
    predicted = ~np.isnan(score)
    truth, score = truth[predicted], score[predicted]
    confidence, right = np.maximum(score, 1 - score), metrics.decide(score) == truth
    place = bin_of(confidence)
    of_truth = np.where(truth == 1, score, 1 - score).clip(np.finfo(np.float64).eps)
    excess, squared, loss = confidence - right, (score - truth) ** 2, -np.log(of_truth)

    def measures(weight: Floats) -> Floats:
        n = float(weight.sum())
        gap = expected_error(np.bincount(place, weight * excess).astype(np.float64), n)
        return np.array([gap, weight @ squared / n, weight @ loss / n])

    ece, brier, nll = _with_intervals(measures, 3, len(truth), seed)
    bins = tuple(
        Bin(
            low=number / BINS,
            high=(number + 1) / BINS,
            mean_confidence=float(confidence[place == number].mean()),
            accuracy=metrics.share(right[place == number]),
        )
        for number in np.unique(place).tolist()
    )
    return Calibration(ece=ece, brier=brier, nll=nll, bins=bins)


def risk_coverage(truth: metrics.Integers, score: Floats, seed: int = 0) -> RiskCoverage:
    """The error by coverage. Ties are covered together; missing predictions come last and are
    wrong.
    """
    n = len(truth)
    confidence = np.where(np.isnan(score), 0.0, np.maximum(score, 1 - score))
    wrong = (metrics.decide(score) != truth).astype(np.float64)
    descending, level = np.unique(-confidence, return_inverse=True)

    def area(weight: Floats) -> Floats:
        new = np.bincount(level, weight)
        errors = np.bincount(level, weight * wrong).cumsum()
        return np.array([new @ (errors / np.maximum(new.cumsum(), 1))]) / float(weight.sum())

    covered = np.bincount(level).cumsum()
    errors = np.bincount(level, wrong).cumsum().astype(np.int64)

    def last_level(coverage: float) -> int:
        return int(np.searchsorted(covered, np.ceil(coverage * n - 1e-9)))

    [aurc] = _with_intervals(area, 1, n, seed)
    steps = np.arange(1, 101) / 100
    ends = [last_level(coverage) for coverage in steps]
    return RiskCoverage(
        aurc=aurc,
        at=tuple(
            Coverage(
                coverage=coverage,
                confidence=float(-descending[end]),
                error=metrics.proportion(errors[end], covered[end]),
            )
            for coverage, end in zip(COVERAGES, map(last_level, COVERAGES), strict=True)
        ),
        curve=Curve(coverage=tuple(steps.tolist()), error=tuple((errors / covered)[ends].tolist())),
    )


def _with_intervals(
    measures: Callable[[Floats], Floats], count: int, n: int, seed: int
) -> list[Estimate]:
    """Measures with basic bootstrap intervals over pictures; ``measures`` maps the weights of the
    n pictures to ``count`` non-negative numbers.

    The calibration error is biased upwards, and a resampled one again by as much, so the percentile
    interval is mirrored at the measured value (Davison and Hinkley 1997), which it always includes.
    Where the true error is 0, the lower end may still lie slightly above it.
    """
    if not n:
        return [Estimate(n=0, value=None, interval=None)] * count
    values = measures(np.ones(n))
    random = np.random.default_rng(seed)
    replicates = [
        measures(np.bincount(random.integers(0, n, n), minlength=n).astype(np.float64))
        for _ in range(RESAMPLES)
    ]
    high, low = np.maximum(2 * values - metrics.percentiles(np.array(replicates)), 0)
    high = np.maximum(high, values)
    return [
        metrics.estimate(value, ends, n) for value, *ends in zip(values, low, high, strict=True)
    ]
