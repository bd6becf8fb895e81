"""Which differences between groups are larger than chance. Needs the ``eval`` extra."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from genderscope.evaluation.audit import intervals
from genderscope.evaluation.audit.disaggregate import Division, Measure
from genderscope.evaluation.audit.results import Comparison
from genderscope.evaluation.metrics import LEVEL, SMALLEST_N

TESTED = ("error", "missed", "uncertain")
"""The measures in which groups are compared."""
Measured = Sequence[tuple[Division, Mapping[str, Measure]]]
Compared = dict[tuple[tuple[str, ...], int], dict[str, Comparison]]
"""Comparisons by division and group, then by measure."""


def extremes(measure: Measure) -> intervals.Extremes | None:
    """The groups of the largest and the smallest value; None where fewer than two have one."""
    visible = np.flatnonzero(~np.isnan(measure.value))
    if len(visible) < 2:
        return None
    found = intervals.extremes(measure.value[visible], measure.effective_n[visible])
    most, least = int(visible[found.most]), int(visible[found.least])
    return replace(found, most=most, least=least)


def compare(measured: Measured) -> Compared:
    """Each group against all others of its division, in each of ``TESTED``.

    Two groups have one comparison, that of the group with the larger value.
    """
    results: Compared = {}
    for name in TESTED:
        for key, comparison in _compare(measured, name):
            results.setdefault(key, {})[name] = comparison
    return results


def _compare(
    measured: Measured, name: str
) -> Iterator[tuple[tuple[tuple[str, ...], int], Comparison]]:
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
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value / others
    columns = (
        *(others, value - others, *intervals.difference(value, n, others, others_n)),
        *(ratio, *intervals.ratio(value, n, others, others_n), p, intervals.holm(p)),
    )
    for (division, _, group), *row in zip(rows, *(c.tolist() for c in columns), strict=True):
        yield (division.columns, group), _comparison(*row)


def _comparison(
    others: float,
    difference: float,
    low: float,
    high: float,
    ratio: float,
    ratio_low: float,
    ratio_high: float,
    p: float,
    p_holm: float,
) -> Comparison:
    inconclusive = p_holm > 1 - LEVEL or low <= 0 <= high
    return Comparison(
        others=others,
        difference=difference,
        difference_interval=(low, high),
        ratio=finite(ratio),
        ratio_interval=(ratio_low, finite(ratio_high)),
        p=p,
        p_holm=p_holm,
        verdict="inconclusive" if inconclusive else "more" if low > 0 else "fewer",
    )


def finite(number: float) -> float | None:
    """None for what has no end, such as a ratio to nothing."""
    return number if np.isfinite(number) else None
