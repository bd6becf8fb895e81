"""Which differences between groups are larger than chance. Needs the ``eval`` extra."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from genderscope.evaluation.audit import intervals
from genderscope.evaluation.audit.disaggregate import Division, Measure
from genderscope.evaluation.audit.results import Comparison, Verdict
from genderscope.evaluation.metrics import LEVEL, SMALLEST_N

TESTED = ("error", "missed", "uncertain")  # the measures in which groups are compared
Measured = Sequence[tuple[Division, Mapping[str, Measure]]]
Place = tuple[tuple[str, ...], int]  # the columns of a division, and a group
Compared = dict[Place, dict[str, Comparison]]  # comparisons by group, then by measure


def extremes(measure: Measure) -> intervals.Extremes | None:
    """The groups of the largest and the smallest value; None where fewer than two have one."""
    visible = np.flatnonzero(~np.isnan(measure.value))
    if len(visible) < 2:
        return None
    ends = intervals.extremes(measure.value[visible], measure.effective_n[visible])
    most, least = int(visible[ends.most]), int(visible[ends.least])
    return replace(ends, most=most, least=least)


def compare(measured: Measured) -> Compared:
    """Each group against all others, in each of ``TESTED``; of two groups, that with more."""
    results: Compared = {}
    for name in TESTED:
        for key, comparison in _compare(measured, name):
            results.setdefault(key, {})[name] = comparison
    return results


def _compare(measured: Measured, name: str) -> Iterator[tuple[Place, Comparison]]:
    rows = []
    for division, measures in measured:
        measure = measures[name]
        able = ~np.isnan(measure.value) & (measure.n.sum() - measure.n >= SMALLEST_N)
        if len(division.names) == 2 and able.all():
            able[measure.value.argmin() if measure.value[0] != measure.value[1] else 1] = False
        rows += [(division, measure, int(group)) for group in np.flatnonzero(able)]
    if not rows:
        return
    value, n, others, others_n = (
        np.array([getattr(measure, attribute)[group] for _, measure, group in rows])
        for attribute in ("value", "effective_n", "others", "others_effective_n")
    )
    p = intervals.score_test(value, n, others, others_n)
    p_holm = intervals.holm(p)
    low, high = intervals.difference(value, n, others, others_n)
    ratio_low, ratio_high = intervals.ratio(value, n, others, others_n)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value / others
    for row, (division, _, group) in enumerate(rows):
        yield (
            (division.columns, group),
            Comparison(
                others=float(others[row]),
                difference=float(value[row] - others[row]),
                difference_interval=(float(low[row]), float(high[row])),
                ratio=finite(ratio[row]),
                ratio_interval=(float(ratio_low[row]), finite(ratio_high[row])),
                p=float(p[row]),
                p_holm=float(p_holm[row]),
                verdict=_verdict(p_holm[row], low[row], high[row]),
            ),
        )


def _verdict(p_holm: float, low: float, high: float) -> Verdict:
    if p_holm > 1 - LEVEL or low <= 0 <= high:
        return "inconclusive"
    return "more" if low > 0 else "fewer"


def finite(number: float) -> float | None:
    """A number for a result; None where it is infinite or NaN, such as a ratio to 0."""
    return float(number) if np.isfinite(number) else None
