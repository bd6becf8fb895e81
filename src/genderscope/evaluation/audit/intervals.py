"""Closed-form intervals and tests of proportions, over arrays.

Shares are 0-1; every ``n`` may be an effective sample size, which is smaller for clustered pictures
of one person (Rao and Scott 1992). All functions broadcast. In simulations the bootstrap's
percentile intervals covered the largest difference between groups in 0% (seven equal groups) to 98%
of the draws, and shares of clustered pictures in 92-94%; these intervals keep their level, as
simulated in the tests. Needs the ``eval`` extra.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope.core.extras import require
from genderscope.core.types import Floats
from genderscope.evaluation.audit.results import Extreme, Extremes, Group
from genderscope.evaluation.metrics import (
    LEVEL,
    Number,
    defined,
    difference,
    quantile,
    wilson_of_share,
)

Between = tuple[Floats, Floats]  # lower and upper ends


def ratio(a: Number, a_n: Number, b: Number, b_n: Number, level: float = LEVEL) -> Between:
    """Interval of ``a / b``, of independent samples, from Wilson's (Donner and Zou 2012).

    The upper end is infinite where ``b`` is 0.
    """
    z = quantile(level)
    (a_low, a_high), (b_low, b_high) = wilson_of_share(a, a_n, z), wilson_of_share(b, b_n, z)
    product = np.asarray(a) * b
    above_low, above_high = (end * (2 * a - end) for end in (a_low, a_high))
    below_low, below_high = (end * (2 * b - end) for end in (b_low, b_high))
    with np.errstate(divide="ignore", invalid="ignore"):
        low = above_low / (product + np.sqrt(np.maximum(product**2 - above_low * below_high, 0)))
        high = (product + np.sqrt(np.maximum(product**2 - above_high * below_low, 0))) / below_low
    return np.where(a_low > 0, low, 0), np.where(np.asarray(b) > 0, high, np.inf)


def extremes(groups: Sequence[Group], share: Floats, n: Floats) -> Extremes:
    """The largest and the smallest share of two or more groups, (groups,), and how far apart.

    Groups selected as extreme look further apart than they are. The lower ends are therefore
    corrected for the number of pairs that could be the extremes (Bonferroni 1936): those whose
    members are not significantly below the largest or above the smallest. The upper ends need no
    correction. The intervals cover the largest difference and ratio: at the nominal level where the
    two groups stand out, at a higher one where others are near them.
    """
    most, least = int(share.argmax()), len(share) - 1 - int(share[::-1].argmin())
    pair = share[most], n[most], share[least], n[least]
    could_be_most = difference(*pair[:2], share, n)[0] <= 0
    could_be_least = difference(share, n, *pair[2:])[0] <= 0
    could_be_most[most] = could_be_least[least] = True
    pairs = could_be_most.sum() * could_be_least.sum() - (could_be_most & could_be_least).sum()
    level = 1 - (1 - LEVEL) / max(pairs, 1) if len(share) > 2 else LEVEL
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = pair[0] / pair[2]
    return Extremes(
        most=Extreme(group=groups[most], value=float(share[most])),
        least=Extreme(group=groups[least], value=float(share[least])),
        difference=float(pair[0] - pair[2]),
        difference_interval=(
            max(float(difference(*pair, level)[0]), 0.0),
            float(difference(*pair)[1]),
        ),
        ratio=defined(quotient),
        ratio_interval=(max(float(ratio(*pair, level)[0]), 1.0), defined(ratio(*pair)[1])),
    )


def score_test(a: Number, a_n: Number, b: Number, b_n: Number) -> Floats:
    """Two-sided p value of the score test of equal proportions (Pearson 1900)."""
    a_n, b_n = np.asarray(a_n), np.asarray(b_n)
    pooled = (a * a_n + b * b_n) / (a_n + b_n)
    variance = pooled * (1 - pooled) * (1 / a_n + 1 / b_n)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(variance > 0, abs(a - b) / np.sqrt(variance), 0)
    p: Floats = 2 * require("scipy.special", "eval").ndtr(-z)
    return p


def holm(p: Floats) -> Floats:
    """Adjusted p values, (tests,), which control the family-wise error rate (Holm 1979).

    This holds under any dependence of the tests. Benjamini and Hochberg's correction would find
    more, but lets a share of the verdicts be false, and is proven for independent or positively
    dependent tests only; tests against all other groups are negatively dependent.
    """
    order = np.argsort(p)
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(steps)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def effective(n: npt.NDArray[Any], total: npt.NDArray[Any], squares: float) -> float:
    """The effective sample size of a mean over pictures clustered by person, from each person's
    number of pictures and sum of values, (persons,), and the sum of all squared values.

    It is the number of pictures divided by the design effect: the variance of the mean under
    sampling of persons over that under sampling of pictures (Rao and Scott 1992), at least 1.
    Student's t reduces it further for few persons (Korn and Graubard 1998). Without any variance of
    the values, Kish's design effect replaces it (1965).
    """
    n, total = n[n > 0], total[n > 0]
    persons, pictures = len(n), n.sum()
    if persons < 2:
        return float(persons)
    mean = total.sum() / pictures
    variance = squares / pictures - mean**2
    of_mean = ((total - mean * n) ** 2).sum() / pictures**2 * persons / (persons - 1)
    if variance < 1e-12:
        effective_n = pictures**2 / (n**2).sum()
    else:
        effective_n = variance / max(of_mean, variance / pictures)
    t = require("scipy.special", "eval").stdtrit(persons - 1, (1 + LEVEL) / 2)
    return float(effective_n * (quantile() / t) ** 2)
