"""Which differences between groups are more than chance.

Knows the groups' measures, nothing of pictures, files or pages, and needs the ``eval`` extra.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genderscope.evaluation.audit import intervals
from genderscope.evaluation.audit.disaggregate import Division, Shares
from genderscope.evaluation.metrics import LEVEL, SMALLEST_N

TESTED = ("error", "missed", "uncertain")
"""The measures in which groups are compared."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One group against all others together: value less value, and value over value.

    Attributes:
        p: of no difference; ``p_holm`` is adjusted for all comparisons in the measure.
    """

    division: Division
    group: int
    measure: str
    value: float
    others: float
    difference: float
    difference_interval: tuple[float, float]
    ratio: float
    ratio_interval: tuple[float, float]
    p: float
    p_holm: float

    @property
    def verdict(self) -> str:
        """``more``, ``less``, or ``not shown``, which does not say that there is no difference."""
        low, high = self.difference_interval
        if self.p_holm > 1 - LEVEL or low <= 0 <= high:
            return "not shown"
        return "more" if low > 0 else "less"


def extremes(shares: Shares) -> dict[str, Any] | None:
    """The groups of the largest and the smallest value, ``intervals.extremes``; None of one."""
    shown = np.flatnonzero(~np.isnan(shares.value))
    if len(shown) < 2:
        return None
    found = intervals.extremes(shares.value[shown], shares.worth[shown])
    return {**found, "most": int(shown[found["most"]]), "least": int(shown[found["least"]])}


def compare(found: Sequence[tuple[Division, Mapping[str, Shares]]]) -> list[Comparison]:
    """Each group against all others of its division, in each of ``TESTED``.

    Two groups are one comparison, which the one of the larger value stands for.
    """
    return [comparison for measure in TESTED for comparison in _compare(found, measure)]


def _compare(
    found: Sequence[tuple[Division, Mapping[str, Shares]]], measure: str
) -> Iterator[Comparison]:
    places = []
    for division, measures in found:
        of = measures[measure]
        able = ~np.isnan(of.value) & (of.n.sum() - of.n >= SMALLEST_N)
        if len(division.names) == 2 and able.all():
            able[of.value.argmin() if of.value[0] != of.value[1] else 1] = False
        places += [(division, of, int(place)) for place in np.flatnonzero(able)]
    numbers = [
        np.array([getattr(of, name)[place] for _, of, place in places])
        for name in ("value", "worth", "others", "others_worth")
    ]
    if not places:
        return
    value, _, others, _ = numbers
    p = intervals.equal(*numbers)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = value / others
    apart, between = intervals.difference(*numbers), intervals.ratio(*numbers)
    adjusted = intervals.holm(p)
    for row, (division, _, place) in enumerate(places):
        yield Comparison(
            division,
            place,
            measure,
            float(value[row]),
            float(others[row]),
            float(value[row] - others[row]),
            (float(apart[0][row]), float(apart[1][row])),
            float(times[row]),
            (float(between[0][row]), float(between[1][row])),
            float(p[row]),
            float(adjusted[row]),
        )
