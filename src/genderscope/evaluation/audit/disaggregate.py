"""Truths and answers divided into groups, and every measure of each group with its interval.

Each measure is the mean of a mark that every picture has, by Fairlearn's ``MetricFrame``. Where
persons are known, pictures of one person count for less (see ``intervals.effective``). Knows
nothing of files or pages, and needs the ``eval`` extra.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from genderscope.core.extras import require
from genderscope.core.types import LABELS, Floats
from genderscope.evaluation.audit import intervals
from genderscope.evaluation.metrics import LEVEL, SMALLEST_N, Integers, decide, group_order
from genderscope.evaluation.metrics.calibration import BINS

FEW_N = 100
"""A group of fewer pictures is marked: its numbers may be far off."""
CALIBRATED_N = 500
"""With fewer pictures the expected calibration error is mostly chance, and is withheld."""
UNCERTAIN = len(LABELS)


@dataclass(frozen=True, slots=True)
class Division:
    """n pictures divided by the values of one or more columns.

    Attributes:
        columns: their names.
        names: (groups,) of the values of each, those that some picture has.
        group: (n,), index into ``names``.
    """

    columns: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    group: Integers


@dataclass(frozen=True, slots=True)
class Shares:
    """One measure of each group, (groups,) each.

    Attributes:
        n: pictures that count; ``value`` and its interval are NaN below ``SMALLEST_N`` of them, or
            of persons where these are known.
        worth: how many independent pictures they are worth, and ``others_worth`` those of all
            other groups together, whose value is ``others``.
    """

    n: Integers
    value: Floats
    low: Floats
    high: Floats
    worth: Floats
    others: Floats
    others_worth: Floats


def divide(
    columns: Mapping[str, npt.NDArray[np.str_]], by: Sequence[str], depth: int
) -> Iterator[Division]:
    """Divide by each column of ``by``, then by each two of them together, and so on to ``depth``.

    Args:
        columns: (n,) of values by name.

    Groups are in the order of their columns' values, 3-9 before 10-19.
    """
    values = {}
    for column in by:
        found, codes = np.unique(columns[column], return_inverse=True)
        order = sorted(range(len(found)), key=lambda place: group_order(str(found[place])))
        values[column] = [str(found[place]) for place in order], np.argsort(order)[codes]
    for together in range(1, min(depth, len(by)) + 1):
        for chosen in combinations(by, together):
            codes = np.stack([values[column][1] for column in chosen])
            groups, group = np.unique(codes, axis=1, return_inverse=True)
            names = tuple(
                tuple(values[column][0][code] for column, code in zip(chosen, codes, strict=True))
                for codes in groups.T
            )
            yield Division(chosen, names, group.ravel())


def marks(truth: Integers, decided: Integers, said: Integers, score: Floats) -> dict[str, Floats]:
    """What each picture adds to each measure, (n,) each: NaN where it does not count.

    Args:
        truth: index into ``LABELS``.
        decided: the same without abstention, -1 for no answer, which is wrong.
        said: the same with abstention, which is 2.
        score: P(man), or NaN.

    Returns:
        ``error``: wrong when made to decide; ``missed``: not called what it is labelled, so wrong,
        uncertain or no answer; ``uncertain``; ``answered_error``: wrong, of those called by a
        label; ``recall_woman``, ``recall_man``: right when made to decide, of those labelled so;
        ``overconfidence``: confidence less right, of those with a score.
    """
    wrong = (decided != truth).astype(np.float64)
    return {
        "error": wrong,
        "missed": (said != truth).astype(np.float64),
        "uncertain": (said == UNCERTAIN).astype(np.float64),
        "answered_error": np.where((said >= 0) & (said != UNCERTAIN), said != truth, np.nan),
        **{
            f"recall_{label}": np.where(truth == place, 1 - wrong, np.nan)
            for place, label in enumerate(LABELS)
        },
        "overconfidence": np.maximum(score, 1 - score) - (decide(score) == truth),
    }


def means(measures: Mapping[str, Floats], group: Integers) -> Floats:
    """The mean of each mark within each group that has a picture, (measures, groups).

    All marks go into Fairlearn's ``MetricFrame`` as one metric: it copies, element by element, what
    each metric takes, which takes minutes for 100,000 pictures in as many metrics.
    """
    fairness = require("fairlearn.metrics", "eval")
    frame = fairness.MetricFrame(
        metrics=_means,
        y_true=np.stack(list(measures.values()), axis=1),
        y_pred=np.zeros(len(group)),  # what was said is in the marks already
        sensitive_features=group,
    )
    return np.stack(frame.by_group.to_list(), axis=1)


def _means(marks: Floats, said: Floats) -> Floats:
    counted = ~np.isnan(marks)
    with np.errstate(invalid="ignore"):
        found: Floats = np.where(counted, marks, 0).sum(axis=0) / counted.sum(axis=0)
    return found


def shares(
    measures: Mapping[str, Floats], division: Division, person: Integers | None = None
) -> dict[str, Shares]:
    """Each measure of each group, with Wilson's interval, or Student's for ``overconfidence``.

    Args:
        measures: of ``marks``.
        person: (n,) of 0, 1, ... where it is known who is in each picture.
    """
    group, groups = division.group, len(division.names)
    large = np.bincount(group, minlength=groups) >= SMALLEST_N
    if person is not None:
        held = np.unique(np.stack([group, person]), axis=1)[0]
        large &= np.bincount(held, minlength=groups) >= SMALLEST_N
    found = np.full((len(measures), groups), np.nan)
    if large.any():  # the others, of which there may be thousands, have no numbers
        inside = large[group]
        found[:, large] = means({name: m[inside] for name, m in measures.items()}, group[inside])
    return {
        name: _shares(name, mark, mean, division, person)
        for (name, mark), mean in zip(measures.items(), found, strict=True)
    }


def _shares(
    name: str, mark: Floats, mean: Floats, division: Division, person: Integers | None
) -> Shares:
    counted = ~np.isnan(mark)
    group, mark = division.group[counted], mark[counted]
    n, total, squares = (
        np.bincount(group, weights, len(mean)) for weights in (None, mark, mark**2)
    )
    mean = np.where(n >= SMALLEST_N, mean, np.nan)
    worth, others_worth = n.astype(np.float64), (n.sum() - n).astype(np.float64)
    if person is not None:
        persons = int(person.max(initial=-1)) + 1
        person = person[counted]
        all_n, all_total = np.bincount(person, None, persons), np.bincount(person, mark, persons)
        for place in np.flatnonzero(~np.isnan(mean)):
            own = group == place
            own_n = np.bincount(person[own], None, persons)
            own_total = np.bincount(person[own], mark[own], persons)
            worth[place] = intervals.effective(own_n, own_total, squares[place])
            others_worth[place] = intervals.effective(
                all_n - own_n, all_total - own_total, squares.sum() - squares[place]
            )
    with np.errstate(divide="ignore", invalid="ignore"):
        others = (total.sum() - total) / (n.sum() - n)
        if name == "overconfidence":
            variance = np.maximum(squares - n * mean**2, 0) / (n - 1)
            t = require("scipy.special", "eval").stdtrit(n - 1, (1 + LEVEL) / 2)
            reach = t * np.sqrt(variance / worth)
            low, high = mean - reach, mean + reach
        else:
            low, high = intervals.wilson(mean, worth)
    shown = ~np.isnan(mean)
    low, high = np.where(shown, low, np.nan), np.where(shown, high, np.nan)
    return Shares(n, mean, low, high, worth, others, others_worth)


def calibration(
    truth: Integers, score: Floats, division: Division, seed: int
) -> list[dict[str, float] | None]:
    """How far the scores of each group are probabilities; None below ``CALIBRATED_N`` of them.

    Returns:
        ``n`` with a score; ``confidence``: the mean; ``accuracy``; ``ece``: as in ``calibration``;
        ``ece_by_chance``: what 95 of 100 perfectly calibrated models would stay below with these
        confidences (Bröcker and Smith 2007). It stands in the place of an interval: in simulation
        no bootstrap interval of the error held the truth at its level (of calibrated scores the
        percentile's never did, the basic one's in 62%), as the estimate is biased upwards.
    """
    answered = ~np.isnan(score)
    truth, score, group = truth[answered], score[answered], division.group[answered]
    confidence, right = np.maximum(score, 1 - score), decide(score) == truth
    place = group * BINS + np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    size = len(division.names) * BINS
    n, sure, correct, variance = (
        np.bincount(place, weights, size).reshape(-1, BINS)
        for weights in (None, confidence, right, confidence * (1 - confidence))
    )
    random = np.random.default_rng(seed)
    found: list[dict[str, float] | None] = []
    for row in range(len(division.names)):
        total = int(n[row].sum())
        if total < CALIBRATED_N:
            found.append(None)
            continue
        chance = np.sqrt(variance[row]) * random.standard_normal((2000, BINS))
        found.append(
            {
                "n": total,
                "confidence": float(sure[row].sum() / total),
                "accuracy": float(correct[row].sum() / total),
                "ece": float(abs(sure[row] - correct[row]).sum() / total),
                "ece_by_chance": float(np.quantile(abs(chance).sum(axis=1) / total, LEVEL)),
            }
        )
    return found
