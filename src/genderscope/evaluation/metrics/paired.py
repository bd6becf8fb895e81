"""What two methods' answers to the same pictures say: whether one is right more often, by chance or
not, and how far they agree.

``a_right`` and ``b_right`` are (n,) bool, whether each answer to the same pictures is right. Knows
nothing of pictures, models or files, and needs the ``eval`` extra.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope.core.extras import require
from genderscope.core.types import Floats
from genderscope.evaluation.metrics import Integers, percentiles, resample, wilson

Bools = npt.NDArray[np.bool_]


def mcnemar(a_right: Bools, b_right: Bools) -> dict[str, Any]:
    """The exact two-sided test of whether both are right equally often (McNemar 1947).

    Returns:
        ``a_only``, ``b_only``: how many pictures only the one has right, the discordant ones;
        ``p``: of a division at least as uneven, were either equally likely; 1 where there are none.
    """
    stats = require("scipy.stats", "eval")
    a_only, b_only = (int(only.sum()) for only in (a_right & ~b_right, b_right & ~a_right))
    discordant = a_only + b_only
    p = float(stats.binomtest(a_only, discordant).pvalue) if discordant else 1.0
    return {"a_only": a_only, "b_only": b_only, "p": p}


def difference(a_right: Bools, b_right: Bools, seed: int = 0) -> dict[str, Any]:
    """How much more often A is right than B.

    Returns:
        ``difference``: A's accuracy less B's, NaN of nothing; ``interval``: of the bootstrap that
        draws pictures, each with both its answers, which has no width where both are right on the
        same pictures; ``n``.
    """
    outcome = a_right.astype(np.int64) - b_right
    if not (n := len(outcome)):
        return {"difference": np.nan, "interval": (np.nan, np.nan), "n": 0}
    drawn = resample(np.bincount(outcome + 1, minlength=3), seed)
    low, high = percentiles((drawn[:, 2] - drawn[:, 0]) / n)
    return {"difference": float(outcome.mean()), "interval": (float(low), float(high)), "n": n}


def agreement(a_said: Integers, b_said: Integers, seed: int = 0) -> dict[str, Any]:
    """How often two say the same of a picture, right or wrong.

    Args:
        a_said, b_said: (n,) of what was said, any integers.

    Returns:
        ``n``; ``share`` and its Wilson ``interval``; ``kappa``, of 0 for the agreement of chance
        and 1 for a perfect one (Cohen 1960), NaN where both say one thing only, and its
        bootstrapped ``kappa_interval``.
    """
    n, same = len(a_said), int((a_said == b_said).sum())
    if not n:
        unknown = (np.nan, np.nan)
        nothing = {"n": 0, "share": np.nan, "interval": unknown}
        return {**nothing, "kappa": np.nan, "kappa_interval": unknown}
    words, places = np.unique(np.concatenate([a_said, b_said]), return_inverse=True)
    k = len(words)
    counts = np.bincount(places[:n] * k + places[n:], minlength=k * k).reshape(k, k)
    low, high = percentiles(_kappa(resample(counts, seed)))
    return {
        "n": n,
        "share": same / n,
        "interval": wilson(same, n),
        "kappa": float(_kappa(counts)),
        "kappa_interval": (float(low), float(high)),
    }


def _kappa(counts: Integers) -> Floats:
    """Cohen's kappa of tables (..., k, k) of what two said."""
    shares = counts / counts.sum(axis=(-2, -1), keepdims=True)
    observed = np.trace(shares, axis1=-2, axis2=-1)
    expected = (shares.sum(axis=-1) * shares.sum(axis=-2)).sum(axis=-1)
    with np.errstate(invalid="ignore"):
        kappa: Floats = (observed - expected) / (1 - expected)
    return kappa
