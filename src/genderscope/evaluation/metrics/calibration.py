"""How far scores are probabilities, and what abstaining by them buys: arrays only.

``truth`` and ``score`` are as in ``metrics``. Needs the ``eval`` extra.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope.core.types import Floats
from genderscope.evaluation.metrics import (
    SMALLEST_N,
    Integers,
    decide,
    group_order,
    percentiles,
    selective,
    share,
    wilson,
)

BINS = 15
COVERAGES = (1.0, 0.95, 0.9, 0.8, 0.7, 0.5)
RESAMPLES = 2000


def calibration(truth: Integers, score: Floats, seed: int = 0) -> dict[str, Any]:
    """How far the scores of the answered are probabilities.

    Returns:
        ``n``; ``ece``: expected calibration error over equal-width bins of the confidence on 0-1
        (Guo et al. 2017); ``brier``: mean squared error of P(man); ``nll``: mean negative
        log-likelihood in nats; their bootstrapped ``_interval``s; and ``bins``, those of the
        confidence that hold pictures, in order: ``low``, ``high``, ``n``, ``n_too_small``,
        ``mean_confidence``, ``accuracy`` and its Wilson ``interval``.
    """
    answered = ~np.isnan(score)
    truth, score = truth[answered], score[answered]
    confidence, right = np.maximum(score, 1 - score), decide(score) == truth
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    of_truth = np.where(truth == 1, score, 1 - score).clip(np.finfo(np.float64).eps)
    excess, squared, loss = confidence - right, (score - truth) ** 2, -np.log(of_truth)

    def measures(weight: Floats) -> Floats:
        gap = abs(np.bincount(place, weight * excess)).sum()
        return np.array([gap, weight @ squared, weight @ loss]) / float(weight.sum())

    bins = []
    for number in np.unique(place).tolist():
        member = place == number
        of_bin = share(right[member])
        bins.append(
            {
                "low": number / BINS,
                "high": (number + 1) / BINS,
                "n": of_bin["n"],
                "n_too_small": of_bin["n_too_small"],
                "mean_confidence": confidence[member].mean(),
                "accuracy": of_bin["value"],
                "interval": of_bin["interval"],
            }
        )
    values = _with_intervals(("ece", "brier", "nll"), measures, len(truth), seed)
    return {"n": len(truth), **values, "bins": bins}


def risk_coverage(truth: Integers, score: Floats, seed: int = 0) -> dict[str, Any]:
    """What answering only the most confident pictures buys.

    A picture without an answer is wrong, and is the last to be answered; pictures of the same
    confidence are answered together.

    Returns:
        ``n``; ``aurc``: the area under the curve of the error over the coverage, the mean of the
        error over all n coverages (Geifman and El-Yaniv 2017; Geifman et al. 2019), and its
        bootstrapped ``aurc_interval``; ``at``: for each of ``COVERAGES``, the ``n_answered``, the
        lowest ``confidence`` among them, their ``error`` and its Wilson ``interval``; ``curve``:
        ``coverage`` in hundredths and ``error``, (100,) each.
    """
    n = len(truth)
    confidence = np.where(np.isnan(score), 0.0, np.maximum(score, 1 - score))
    wrong = (decide(score) != truth).astype(np.float64)
    descending, level = np.unique(-confidence, return_inverse=True)

    def area(weight: Floats) -> Floats:
        new = np.bincount(level, weight)
        errors = np.bincount(level, weight * wrong).cumsum()
        return np.array([new @ (errors / np.maximum(new.cumsum(), 1))]) / float(weight.sum())

    answered = np.bincount(level).cumsum()
    errors = np.bincount(level, wrong).cumsum().astype(np.int64)

    def first(coverage: float) -> int:
        """The level down to which so many are answered."""
        return int(np.searchsorted(answered, np.ceil(coverage * n - 1e-9)))

    at = [
        {
            "coverage": coverage,
            "n_answered": answered[end],
            "confidence": -descending[end],
            "error": errors[end] / answered[end],
            "interval": wilson(errors[end], answered[end]),
        }
        for coverage, end in ((coverage, first(coverage)) for coverage in COVERAGES)
    ]
    steps = np.arange(1, 101) / 100
    ends = [first(coverage) for coverage in steps]
    return {
        "n": n,
        **_with_intervals(("aurc",), area, n, seed),
        "at": at,
        "curve": {"coverage": steps, "error": errors[ends] / answered[ends]},
    }


def by_group(
    truth: Integers, score: Floats, groups: npt.NDArray[Any], min_confidence: float, seed: int = 0
) -> dict[str, Any]:
    """Calibration and abstention within each group.

    Args:
        groups: (n,) of the group's names.

    Returns:
        For each name, in the order of ``metrics.by_group``: ``ece`` and ``aurc`` with their
        intervals and ``selective``, see there; each None in a group of fewer than ``SMALLEST_N``.
    """
    result: dict[str, Any] = {}
    for name in sorted(set(groups), key=group_order):
        member = groups == name
        part = truth[member], score[member]
        small = member.sum() < SMALLEST_N
        measured = {} if small else calibration(*part, seed) | risk_coverage(*part, seed)
        result[str(name)] = {
            key: measured.get(key) for key in ("ece", "ece_interval", "aurc", "aurc_interval")
        } | {"selective": None if small else selective(*part, min_confidence)}
    return result


def _with_intervals(
    names: tuple[str, ...], measures: Callable[[Floats], Floats], n: int, seed: int
) -> dict[str, Any]:
    """Measures beside their intervals by the basic bootstrap over pictures.

    A resampled calibration error lies above the measured one as that one lies above the true one,
    so the interval is the percentiles' mirrored at the measure (Davison and Hinkley 1997). Where
    the true error is 0, the lower end may still lie a little above it.

    Args:
        measures: of how often each of the n pictures counts, to as many non-negative numbers as
            there are names.
    """
    if not n:
        nothing = dict.fromkeys(names, np.nan)
        return nothing | {f"{name}_interval": (np.nan, np.nan) for name in names}
    values = measures(np.ones(n))
    random = np.random.default_rng(seed)
    drawn = [
        measures(np.bincount(random.integers(0, n, n), minlength=n).astype(np.float64))
        for _ in range(RESAMPLES)
    ]
    high, low = np.maximum(2 * values - percentiles(np.array(drawn)), 0)
    intervals = zip(low.tolist(), high.tolist(), strict=True)
    return dict(zip(names, values.tolist(), strict=True)) | {
        f"{name}_interval": interval for name, interval in zip(names, intervals, strict=True)
    }
