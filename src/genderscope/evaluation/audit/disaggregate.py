"""Disaggregation: labels and answers by group, and each group's measures with their intervals.

Each measure is a mean over a group's pictures. Where persons are known, the effective sample size
accounts for pictures of one person (see ``intervals.effective``). Needs the ``eval`` extra.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from genderscope.core.extras import require
from genderscope.core.types import LABELS, Floats
from genderscope.evaluation.audit import intervals
from genderscope.evaluation.audit.results import Calibration, Group
from genderscope.evaluation.metrics import LEVEL, SMALLEST_N, Integers, group_order, wilson_of_share
from genderscope.evaluation.metrics.calibration import BINS, bin_of, expected_error
from genderscope.evaluation.predictions import UNSURE, Predictions

FEW_N = 100  # a group of fewer pictures is marked as imprecise
CALIBRATED_N = 500
"""With fewer pictures the expected calibration error is mostly chance, and is withheld."""
Columns = Mapping[str, npt.NDArray[np.str_]]


@dataclass(frozen=True, slots=True)
class Division:
    """n pictures divided by the values of one or more columns: ``names`` of each group that has
    pictures, (groups,), and the index of each picture's ``group`` into them, (n,).
    """

    columns: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    group: Integers

    def values(self, place: int) -> Group:
        """A group's value of each column."""
        return dict(zip(self.columns, self.names[place], strict=True))


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of each group, (groups,) each: the number of pictures that count and their
    ``effective_n`` (see ``intervals.effective``), the value and its interval, NaN below
    ``SMALLEST_N`` pictures, or persons where these are known; and ``others``, the value over all
    other groups together.
    """

    n: Integers
    value: Floats
    low: Floats
    high: Floats
    effective_n: Floats
    others: Floats
    others_effective_n: Floats


def divide(columns: Columns, by: Sequence[str], depth: int) -> Iterator[Division]:
    """Divide by each column of ``by``, then by each pair of them, and so on up to ``depth``.

    ``columns`` are (n,) by name. Groups are ordered by their values, 3-9 before 10-19.
    """
    coded = {}
    for column in by:
        values, codes = np.unique(columns[column], return_inverse=True)
        names = sorted(values.tolist(), key=group_order)
        coded[column] = names, np.array([names.index(value) for value in values.tolist()])[codes]
    for together in range(1, min(depth, len(by)) + 1):
        for chosen in combinations(by, together):
            codes = np.stack([coded[column][1] for column in chosen])
            groups, group = np.unique(codes, axis=1, return_inverse=True)
            crossed = tuple(
                tuple(coded[column][0][code] for column, code in zip(chosen, codes, strict=True))
                for codes in groups.T
            )
            yield Division(chosen, crossed, group.ravel())


def outcomes(predictions: Predictions) -> dict[str, Floats]:
    """Each labelled picture's value of each measure, (n,) each; NaN where it does not count. A
    missing answer is wrong.

    ``error``: wrong without abstention; ``missed``: wrong, uncertain or no answer; ``uncertain``;
    ``answered_error``: wrong, of those with a label; ``recall_woman``, ``recall_man``: right
    without abstention, by label; ``overconfidence``: confidence minus correctness, where scored.
    """
    truth, score = predictions.truth, predictions.score
    wrong = (predictions.forced != truth).astype(np.float64)
    missed = (predictions.labels != truth).astype(np.float64)
    return {
        "error": wrong,
        "missed": missed,
        "uncertain": (predictions.labels == UNSURE).astype(np.float64),
        "answered_error": np.where(predictions.answered, missed, np.nan),
        **{
            f"recall_{label}": np.where(truth == place, 1 - wrong, np.nan)
            for place, label in enumerate(LABELS)
        },
        "overconfidence": np.maximum(score, 1 - score) - (1 - wrong),
    }


def measure(
    values: Mapping[str, Floats], division: Division, person: Integers | None = None
) -> dict[str, Measure]:
    """Each measure of each group, with Wilson's interval, or Student's for ``overconfidence``, from
    ``outcomes``; ``person`` is (n,) of 0, 1, ... where it is known who is in each picture.
    """
    groups = len(division.names)
    large = np.bincount(division.group, minlength=groups) >= SMALLEST_N
    if person is not None:
        large &= persons_by_group(division, person) >= SMALLEST_N
    return {name: _measure(name, value, large, division, person) for name, value in values.items()}


def persons_by_group(division: Division, person: Integers) -> Integers:
    """How many persons each group has, (groups,)."""
    pairs = np.unique(np.stack([division.group, person]), axis=1)
    return np.bincount(pairs[0], minlength=len(division.names))


def _measure(
    name: str,
    values: Floats,
    large: npt.NDArray[np.bool_],
    division: Division,
    person: Integers | None,
) -> Measure:
    counted = ~np.isnan(values)
    group, values = division.group[counted], values[counted]
    n, total, squares = (np.bincount(group, of, len(large)) for of in (None, values, values**2))
    visible, others_size = large & (n >= SMALLEST_N), n.sum() - n
    effective_n, others_n = n.astype(np.float64), (n.sum() - n).astype(np.float64)
    if person is not None:
        person = person[counted]
        persons = int(person.max(initial=-1)) + 1
        all_n, all_total = np.bincount(person, None, persons), np.bincount(person, values, persons)
        for place in np.flatnonzero(visible):
            own = group == place
            own_n = np.bincount(person[own], None, persons)
            own_total = np.bincount(person[own], values[own], persons)
            others_size[place] = np.count_nonzero(all_n > own_n)
            effective_n[place] = intervals.effective(own_n, own_total, squares[place])
            others_n[place] = intervals.effective(
                all_n - own_n, all_total - own_total, squares.sum() - squares[place]
            )
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(visible, total / n, np.nan)
        others = np.where(others_size >= SMALLEST_N, (total.sum() - total) / (n.sum() - n), np.nan)
        if name == "overconfidence":
            variance = np.maximum(squares - n * mean**2, 0) / (n - 1)
            t = require("scipy.special", "eval").stdtrit(n - 1, (1 + LEVEL) / 2)
            reach = t * np.sqrt(variance / effective_n)
            low, high = mean - reach, mean + reach
        else:
            low, high = wilson_of_share(mean, effective_n)
    low, high = np.where(visible, low, np.nan), np.where(visible, high, np.nan)
    return Measure(n, mean, low, high, effective_n, others, others_n)


def calibration(
    predictions: Predictions, division: Division, seed: int
) -> list[Calibration | None]:
    """The calibration of each group's scores; None below ``CALIBRATED_N`` of them.

    ``ece_by_chance`` replaces an interval: the estimate is biased upwards, and in simulations no
    bootstrap interval reached its nominal coverage (for calibrated scores the percentile interval
    never covered the true error, the basic one in 62%).
    """
    scored = ~np.isnan(predictions.score)
    score, right = predictions.score[scored], predictions.right[scored]
    confidence = np.maximum(score, 1 - score)
    place = division.group[scored] * BINS + bin_of(confidence)
    n, sure, correct, variance = (
        np.bincount(place, weights, len(division.names) * BINS).reshape(-1, BINS)
        for weights in (None, confidence, right, confidence * (1 - confidence))
    )
    random = np.random.default_rng(seed)
    results: list[Calibration | None] = []
    for row in range(len(division.names)):
        total = int(n[row].sum())
        if total < CALIBRATED_N:
            results.append(None)
            continue
        chance = np.sqrt(variance[row]) * random.standard_normal((2000, BINS))
        results.append(
            Calibration(
                n=total,
                confidence=float(sure[row].sum() / total),
                accuracy=float(correct[row].sum() / total),
                ece=float(expected_error(sure[row] - correct[row], total)),
                ece_by_chance=float(np.quantile(expected_error(chance, total), LEVEL)),
            )
        )
    return results
