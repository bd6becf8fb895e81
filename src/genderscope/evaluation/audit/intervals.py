"""Intervals and tests of proportions in closed form, over arrays: one, the difference and the ratio
of two, the largest of several, and many tests at once.

Shares are 0-1; every ``n`` may be an effective one, which is smaller than the number of pictures
where pictures of one person are alike (Rao and Scott 1992). All functions broadcast. The
bootstrap's percentiles were tried first. In simulations they held the largest difference of groups
in anything from none (seven equal groups) to 98%, and shares of alike pictures in 92-94%; what is
here is closed and, as the tests simulate, keeps its level. Knows nothing of groups, and needs the
``eval`` extra.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope.core.extras import require
from genderscope.core.types import Floats
from genderscope.evaluation.metrics import LEVEL

Number = float | Floats
Between = tuple[Floats, Floats]
"""The lower and the upper ends."""


def quantile(level: Number = LEVEL) -> Any:
    """How many standard errors an interval of the level reaches to either side."""
    return -require("scipy.special", "eval").ndtri((1 - np.asarray(level)) / 2)


def wilson(share: Number, n: Number, z: Number | None = None) -> Between:
    """Wilson's score interval of a proportion (Wilson 1927); (0, 1) of nothing."""
    z = quantile() if z is None else z
    n = np.asarray(n, np.float64)
    share = np.where(n > 0, share, 0.5)
    centre = (share * n + z * z / 2) / (n + z * z)
    reach = z / (n + z * z) * np.sqrt(n * share * (1 - share) + z * z / 4)
    return np.where(share > 0, centre - reach, 0), np.where(share < 1, centre + reach, 1)


def difference(
    one: Number, one_n: Number, other: Number, other_n: Number, z: Number | None = None
) -> Between:
    """Interval of ``one - other``, of independent samples (Newcombe 1998, method 10)."""
    (low, high), (other_low, other_high) = wilson(one, one_n, z), wilson(other, other_n, z)
    apart = np.asarray(one) - other
    return (
        apart - np.hypot(one - low, other_high - other),
        apart + np.hypot(high - one, other - other_low),
    )


def ratio(
    one: Number, one_n: Number, other: Number, other_n: Number, z: Number | None = None
) -> Between:
    """Interval of ``one / other``, of independent samples, from Wilson's (Donner and Zou 2012).

    The upper end is infinite where ``other`` is 0.
    """
    (low, high), (other_low, other_high) = wilson(one, one_n, z), wilson(other, other_n, z)
    product = np.asarray(one) * other
    of_low, of_high = low * (2 * one - low), high * (2 * one - high)
    under_low, under_high = (
        other_low * (2 * other - other_low),
        other_high * (2 * other - other_high),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        least = of_low / (product + np.sqrt(np.maximum(product**2 - of_low * under_high, 0)))
        most = (product + np.sqrt(np.maximum(product**2 - of_high * under_low, 0))) / under_low
    return np.where(low > 0, least, 0), np.where(np.asarray(other) > 0, most, np.inf)


def extremes(share: Floats, n: Floats) -> dict[str, Any]:
    """The largest share and the smallest of several groups, and how far apart they are.

    The two were picked for being extreme, which makes them look further apart than they are. The
    lower ends therefore are those of a level for as many pairs as could be the two (Bonferroni
    1936): pairs whose members do not lie, by the interval of their difference, clearly below the
    largest and above the smallest. The upper ends need no such care. The intervals are of the
    largest difference and ratio that there is: of the nominal level where the two stand out, and
    of a higher one where others are near them.

    Args:
        share, n: (groups,), of two groups or more.

    Returns:
        ``most``, ``least``: indices; ``difference`` and ``ratio`` with their ``_interval``.
    """
    most, least = int(share.argmax()), int(share.argmin())
    pair = share[most], n[most], share[least], n[least]
    could_be_most = difference(*pair[:2], share, n)[0] <= 0
    could_be_least = difference(share, n, *pair[2:])[0] <= 0
    could_be_most[most] = could_be_least[least] = True
    pairs = could_be_most.sum() * could_be_least.sum() - (could_be_most & could_be_least).sum()
    careful = quantile(1 - (1 - LEVEL) / max(pairs, 1)) if len(share) > 2 else None
    with np.errstate(divide="ignore", invalid="ignore"):
        times = pair[0] / pair[2]
    return {
        "most": most,
        "least": least,
        "difference": pair[0] - pair[2],
        "difference_interval": (max(difference(*pair, careful)[0], 0), difference(*pair)[1]),
        "ratio": times,
        "ratio_interval": (max(ratio(*pair, careful)[0], 1), ratio(*pair)[1]),
    }


def equal(one: Number, one_n: Number, other: Number, other_n: Number) -> Floats:
    """Two-sided p of the score test that two proportions are one (Pearson 1900)."""
    special = require("scipy.special", "eval")
    one_n, other_n = np.asarray(one_n), np.asarray(other_n)
    both = (one * one_n + other * other_n) / (one_n + other_n)
    variance = both * (1 - both) * (1 / one_n + 1 / other_n)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(variance > 0, abs(one - other) / np.sqrt(variance), 0)
    p: Floats = 2 * special.ndtr(-distance)
    return p


def holm(p: Floats) -> Floats:
    """Adjusted p values, (tests,): the chance of any false verdict stays at the level (Holm 1979).

    It asks nothing of how the tests hang together. Benjamini and Hochberg's correction would find
    more, but lets a share of the verdicts be false, and is proven for independent or positively
    dependent tests only; where each group is compared with all others, one group's high share is
    the others' low one.
    """
    order = np.argsort(p)
    steps = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty_like(steps)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def effective(n: npt.NDArray[Any], total: npt.NDArray[Any], squares: float) -> float:
    """How many independent pictures the mean of a mark is worth that was given to each.

    It is the number of pictures over the design effect: the variance of the mean when persons are
    drawn, to that when pictures are drawn (Rao and Scott 1992), at least 1. Fewer persons are worth
    less yet, by Student's t (Korn and Graubard 1998). Where all marks are equal, no variance tells,
    and pictures count as if a person's were all one (Kish 1965).

    Args:
        n, total: (persons,) pictures of each and the sum of their marks.
        squares: the sum of the squared marks.
    """
    n, total = n[n > 0], total[n > 0]
    persons, pictures = len(n), n.sum()
    if persons < 2:
        return float(persons)
    mean = total.sum() / pictures
    plain = squares / pictures - mean**2
    drawn = ((total - mean * n) ** 2).sum() / pictures**2 * persons / (persons - 1)
    if plain < 1e-12:
        worth = pictures**2 / (n**2).sum()
    else:
        worth = plain / max(drawn, plain / pictures)
    t = require("scipy.special", "eval").stdtrit(persons - 1, (1 + LEVEL) / 2)
    return float(worth * (quantile() / t) ** 2)
