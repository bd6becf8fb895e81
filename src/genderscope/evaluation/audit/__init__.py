"""Audits: predictions measured by group and by crossed groups, and which differences are
significant. Needs the ``eval`` extra.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.results import Provenance
from genderscope.core.types import LABELS
from genderscope.evaluation.audit import disaggregate, intervals, results
from genderscope.evaluation.audit.disaggregate import Division, Measure, divide, measure
from genderscope.evaluation.audit.results import Comparison, Verdict
from genderscope.evaluation.metrics import (
    LEVEL,
    SMALLEST_N,
    Integers,
    defined,
    difference,
    estimate,
)
from genderscope.evaluation.predictions import IDENTITY as IDENTITY
from genderscope.evaluation.predictions import NO_ANSWER, OUTCOMES, UNSURE, Predictions

GENDER = "gender"  # the column of the label itself
NEEDED = ("file", "label")  # the columns that a table of predictions must have
MOST_VALUES = 200
LIBRARIES = ("numpy", "scipy", "matplotlib")
TESTED = ("error", "missed", "uncertain")  # the measures by which groups are compared
Measured = Sequence[tuple[Division, Mapping[str, Measure]]]
GroupKey = tuple[tuple[str, ...], int]  # the columns of a division, and the group's index
Compared = dict[GroupKey, dict[str, Comparison]]  # comparisons by group, then by measure


def report(
    predictions: Predictions,
    by: Sequence[str],
    *,
    provenance: Provenance,
    dataset: str | None = None,
    split: str | None = None,
    detector: str | None = None,
    depth: int = 2,
) -> results.Audit:
    """Audit predictions by columns, where ``gender`` is the label, and by crossing up to ``depth``
    of them. The seed of ``provenance`` is for ``ece_by_chance``, the only random number.
    ``UsageError`` if a column is missing or has too many values to be groups, ``DatasetError``
    without any label.
    """
    labelled = divisible(predictions, by)
    columns = {
        name: np.array(values, dtype=str)
        for name, values in labelled.columns.items()
        if name in {*by, IDENTITY}
    } | {GENDER: np.array(LABELS)[labelled.truth]}
    by = list(dict.fromkeys(by))
    person = _persons(columns.get(IDENTITY))
    values = disaggregate.outcomes(labelled)
    groups = partial(_groups, labelled, person, provenance.seed or 0)
    everyone = Division((), ((),), np.zeros(len(labelled), np.int64))
    without_answer = labelled.forced == NO_ANSWER
    measured = [(part, measure(values, part, person)) for part in divide(columns, by, depth)]
    compared = compare(measured)
    return results.Audit(
        provenance=provenance,
        name=predictions.name,
        dataset=dataset,
        split=split,
        detector=detector,
        n=len(labelled),
        unlabelled=len(predictions) - len(labelled),
        no_answer=int((labelled.labels == NO_ANSWER).sum()),
        uncertain_without_score=int(((labelled.labels == UNSURE) & without_answer).sum()),
        without_score=int(np.isnan(labelled.score).sum()),
        persons=None if person is None else int(person.max()) + 1,
        level=LEVEL,
        smallest_n=SMALLEST_N,
        few_n=disaggregate.FEW_N,
        calibrated_n=disaggregate.CALIBRATED_N,
        by=tuple(by),
        depth=depth,
        overall=groups(everyone, measure(values, everyone, person), {})[0],
        divisions=tuple(
            results.DivisionResult(
                columns=part.columns,
                groups=groups(part, measures, compared),
                extremes={name: extremes(part, measures[name]) for name in TESTED},
            )
            for part, measures in measured
        ),
    )


def divisible(predictions: Predictions, by: Sequence[str]) -> Predictions:
    """The labelled ones of predictions, if the columns ``by`` divide them; errors as ``report``."""
    labelled = predictions.rows(np.flatnonzero(predictions.truth >= 0))
    if not labelled.files:
        raise DatasetError(f"{predictions.name} has no labelled picture")
    check_columns(by, labelled.columns, labelled.name)
    for column in by:
        if (count := len(set(labelled.columns.get(column, ())))) > MOST_VALUES:
            raise UsageError(
                f"the column {column!r} has {count:,} values; groups are at most {MOST_VALUES}"
            )
    return labelled


def check_columns(by: Sequence[str], known: Iterable[str], name: str) -> None:
    """``UsageError`` unless there are columns to divide by, all of them ``known``, and ``gender``
    is the label only.
    """
    own = list(known)
    if GENDER in by and GENDER in own:
        raise UsageError(
            f"{name} has a column {GENDER!r} of its own, but {GENDER!r} stands for the label: "
            "rename the column"
        )
    known = list(dict.fromkeys((*own, GENDER)))
    for column in by:
        if column not in known:
            raise UsageError(f"{name} has no column {column!r}; there are: {', '.join(known)}")
    if not by:
        raise UsageError(f"name the columns to divide by: add --by {','.join(known)}")


def _persons(identity: npt.NDArray[np.str_] | None) -> Integers | None:
    """The index of the person in each picture, (n,); no identity counts as a separate person."""
    if identity is None:
        return None
    names, person = np.unique(identity, return_inverse=True)
    unknown = identity == ""
    person[unknown] = len(names) + np.arange(unknown.sum())
    consecutive: Integers = np.unique(person, return_inverse=True)[1]
    return consecutive


def _groups(
    predictions: Predictions,
    person: Integers | None,
    seed: int,
    division: Division,
    measures: Mapping[str, Measure],
    compared: Compared,
) -> tuple[results.GroupResult, ...]:
    """The result of each group."""
    groups, group = len(division.names), division.group
    n = np.bincount(group, minlength=groups)
    by_answer = np.bincount(group * 4 + predictions.labels % 4, minlength=groups * 4)  # -1 is last
    by_label = np.bincount(group * 2 + predictions.truth, minlength=groups * 2)
    persons = None if person is None else disaggregate.persons_by_group(division, person)
    size = n if persons is None else np.minimum(n, persons)
    calibrated = disaggregate.calibration(predictions, division, seed)
    outcomes = (*OUTCOMES, "no answer")
    return tuple(
        results.GroupResult(
            group=division.values(place),
            n=int(n[place]),
            persons=None if persons is None else int(persons[place]),
            size=_size(size[place]),
            labels=dict(zip(LABELS, by_label.reshape(-1, 2)[place].tolist(), strict=True)),
            answers=dict(zip(outcomes, by_answer.reshape(-1, 4)[place].tolist(), strict=True)),
            measures={
                name: estimate(of.value[place], (of.low[place], of.high[place]), of.n[place])
                for name, of in measures.items()
            },
            calibration=calibrated[place],
            comparisons=compared.get((division.columns, place), {}),
        )
        for place in range(groups)
    )


def _size(n: int) -> Literal["too small", "few", "enough"]:
    return "too small" if n < SMALLEST_N else "few" if n < disaggregate.FEW_N else "enough"


def extremes(division: Division, measure: Measure) -> results.Extremes | None:
    """The groups of the largest and the smallest value; None where fewer than two have one."""
    visible = np.flatnonzero(~np.isnan(measure.value))
    if len(visible) < 2:
        return None
    names = [division.values(place) for place in visible.tolist()]
    return intervals.extremes(names, measure.value[visible], measure.effective_n[visible])


def compare(measured: Measured) -> Compared:
    """Each group against all others, by each of ``TESTED``; of two groups, the one with more."""
    compared: Compared = {}
    for name in TESTED:
        for group, comparison in _compare(measured, name):
            compared.setdefault(group, {})[name] = comparison
    return compared


def _compare(measured: Measured, name: str) -> Iterator[tuple[GroupKey, Comparison]]:
    keys: list[GroupKey] = []
    compared = []
    for division, measures in measured:
        measure = measures[name]
        valid = ~np.isnan(measure.value) & ~np.isnan(measure.others)
        if len(division.names) == 2 and valid.all():  # compare them once
            valid[measure.value.argmin() if measure.value[0] != measure.value[1] else 1] = False
        keys += [(division.columns, group) for group in np.flatnonzero(valid).tolist()]
        numbers = measure.value, measure.effective_n, measure.others, measure.others_effective_n
        compared.append(np.stack(numbers)[:, valid])
    if not keys:
        return
    value, n, others, others_n = np.concatenate(compared, axis=1)
    p = intervals.score_test(value, n, others, others_n)
    p_holm = intervals.holm(p)
    low, high = difference(value, n, others, others_n)
    ratio_low, ratio_high = intervals.ratio(value, n, others, others_n)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = value / others
    for row, key in enumerate(keys):
        yield (
            key,
            Comparison(
                others=float(others[row]),
                difference=float(value[row] - others[row]),
                difference_interval=(float(low[row]), float(high[row])),
                ratio=defined(ratio[row]),
                ratio_interval=(float(ratio_low[row]), defined(ratio_high[row])),
                p=float(p[row]),
                p_holm=float(p_holm[row]),
                verdict=_verdict(p_holm[row], low[row], high[row]),
            ),
        )


def _verdict(p_holm: float, low: float, high: float) -> Verdict:
    if p_holm > 1 - LEVEL or low <= 0 <= high:
        return "inconclusive"
    return "more" if low > 0 else "fewer"
