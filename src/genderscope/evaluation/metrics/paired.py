"""Paired comparison of two methods on the same pictures: accuracy (``a_right`` and ``b_right`` are
(n,) bool) and agreement. Needs the ``eval`` extra.
"""

import numpy as np

from genderscope.core.extras import require
from genderscope.core.results import Estimate, Record
from genderscope.core.types import Floats
from genderscope.evaluation.metrics import (
    Bools,
    Integers,
    estimate,
    percentiles,
    proportion,
    resample,
    wilson,
)


class McNemar(Record, frozen=True, kw_only=True):
    """McNemar's exact two-sided test of equal accuracy (1947), from the discordant pictures, on
    which only one method is right: ``p`` is the chance of a split at least as uneven if both were
    equally likely, and 1 without discordant pictures.
    """

    a_only: int
    b_only: int
    p: float


class Agreement(Record, frozen=True, kw_only=True):
    """How often two methods predict the same, right or wrong: ``share``, and ``kappa``, 0 for
    chance and 1 for perfect agreement (Cohen 1960), undefined if only one label occurs.
    """

    share: Estimate
    kappa: Estimate


def mcnemar(a_right: Bools, b_right: Bools) -> McNemar:
    """Test whether both are equally accurate."""
    stats = require("scipy.stats", "eval")
    a_only, b_only = (int(only.sum()) for only in (a_right & ~b_right, b_right & ~a_right))
    discordant = a_only + b_only
    p = float(stats.binomtest(a_only, discordant).pvalue) if discordant else 1.0
    return McNemar(a_only=a_only, b_only=b_only, p=p)


def difference(a_right: Bools, b_right: Bools, smallest_n: int = 1) -> Estimate:
    """A's accuracy minus B's, with the interval of paired proportions: it allows for both being
    right about the same pictures (Newcombe 1998, method 10). Withheld below ``smallest_n``.
    """
    if (n := len(a_right)) < smallest_n:
        return Estimate(n=n, value=None, interval=None)
    a, b = a_right.sum(), b_right.sum()
    both, neither = (a_right & b_right).sum(), (~a_right & ~b_right).sum()
    excess = both * neither - (a - both) * (b - both)
    # The correlation of both, corrected for continuity where it is positive.
    corrected = max(excess - n / 2, 0) if excess > 0 else excess
    spread = np.sqrt(float(a * (n - a)) * float(b * (n - b)))
    correlation = corrected / spread if spread else 0.0
    (a_low, a_high), (b_low, b_high) = wilson(a, n), wilson(b, n)

    def reach(of_a: Floats, of_b: Floats) -> Floats:
        return np.sqrt(of_a**2 - 2 * correlation * of_a * of_b + of_b**2)

    value, least = (a - b) / n, reach(a / n - a_low, b_high - b / n)
    return estimate(value, (value - least, value + reach(a_high - a / n, b / n - b_low)), n)


def agreement(a: Integers, b: Integers, seed: int = 0) -> Agreement:
    """Agreement of two methods' labels, (n,) each; kappa's interval is the bootstrap's."""
    n, same = len(a), int((a == b).sum())
    if not n:
        undefined = Estimate(n=0, value=None, interval=None)
        return Agreement(share=undefined, kappa=undefined)
    labels, index = np.unique(np.concatenate([a, b]), return_inverse=True)
    k = len(labels)
    counts = np.bincount(index[:n] * k + index[n:], minlength=k * k).reshape(k, k)
    kappa = estimate(_kappa(counts), percentiles(_kappa(resample(counts, seed))), n)
    return Agreement(share=proportion(same, n), kappa=kappa)


def _kappa(counts: Integers) -> Floats:
    """Cohen's kappa of contingency tables, (..., k, k)."""
    shares = counts / counts.sum(axis=(-2, -1), keepdims=True)
    observed = np.trace(shares, axis1=-2, axis2=-1)
    expected = (shares.sum(axis=-1) * shares.sum(axis=-2)).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        kappa: Floats = (observed - expected) / (1 - expected)
    return kappa
