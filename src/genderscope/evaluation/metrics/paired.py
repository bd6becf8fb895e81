"""Two methods on the same pictures: whether one is right more often (``a_right`` and ``b_right``
are (n,) bool), and how far they agree. Needs the ``eval`` extra.
"""

import numpy as np
import numpy.typing as npt

from genderscope.core.extras import require
from genderscope.core.results import Estimate, Record
from genderscope.core.types import Floats
from genderscope.evaluation.metrics import Integers, estimate, percentiles, proportion, resample

Bools = npt.NDArray[np.bool_]


class McNemar(Record, frozen=True, kw_only=True):
    """McNemar's exact two-sided test of whether both are right equally often (1947), from the
    discordant pictures, which only one has right: ``p`` is the chance of a split at least as
    uneven, were either equally likely, and 1 without discordant pictures.
    """

    a_only: int
    b_only: int
    p: float


class Agreement(Record, frozen=True, kw_only=True):
    """How often two predict the same, right or wrong: ``share``, and ``kappa``, 0 for chance and 1
    for perfect agreement (Cohen 1960); undefined where both predict one and the same label only.
    """

    share: Estimate
    kappa: Estimate


def mcnemar(a_right: Bools, b_right: Bools) -> McNemar:
    """Test whether both are right equally often."""
    stats = require("scipy.stats", "eval")
    a_only, b_only = (int(only.sum()) for only in (a_right & ~b_right, b_right & ~a_right))
    discordant = a_only + b_only
    p = float(stats.binomtest(a_only, discordant).pvalue) if discordant else 1.0
    return McNemar(a_only=a_only, b_only=b_only, p=p)


def difference(a_right: Bools, b_right: Bools, seed: int = 0) -> Estimate:
    """A's accuracy minus B's, with the paired bootstrap's interval over pictures: without width
    where both are right about the same ones.
    """
    outcome = a_right.astype(np.int64) - b_right
    if not (n := len(outcome)):
        return Estimate(n=0, value=None, interval=None)
    drawn = resample(np.bincount(outcome + 1, minlength=3), seed)
    return estimate(outcome.mean(), percentiles((drawn[:, 2] - drawn[:, 0]) / n), n)


def agreement(a: Integers, b: Integers, seed: int = 0) -> Agreement:
    """How often two predict the same, from (n,) integers; kappa's interval is the bootstrap's."""
    n, same = len(a), int((a == b).sum())
    if not n:
        undefined = Estimate(n=0, value=None, interval=None)
        return Agreement(share=undefined, kappa=undefined)
    labels, places = np.unique(np.concatenate([a, b]), return_inverse=True)
    k = len(labels)
    counts = np.bincount(places[:n] * k + places[n:], minlength=k * k).reshape(k, k)
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
