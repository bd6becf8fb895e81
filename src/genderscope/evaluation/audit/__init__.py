"""Audits: predictions measured by group and by crossed groups. Needs the ``eval`` extra."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.results import Estimate, Provenance
from genderscope.core.types import LABELS, Floats
from genderscope.evaluation import metrics
from genderscope.evaluation.audit import results
from genderscope.evaluation.audit.disaggregate import (
    CALIBRATED_N,
    FEW_N,
    Columns,
    Division,
    Measure,
    calibration,
    divide,
    measure,
    outcomes,
    persons_by_group,
)
from genderscope.evaluation.audit.verdicts import TESTED, Compared, compare, extremes, finite
from genderscope.evaluation.metrics import LEVEL, SMALLEST_N, Integers
from genderscope.evaluation.predictions import NO_ANSWER, OUTCOMES, UNSURE, Predictions

GENDER = "gender"  # the column that is the label itself
IDENTITY = "identity"  # the column of who is in a picture, where known
NEEDED = ("file", "label")  # the columns of a table of predictions
MOST_VALUES = 200
LIBRARIES = ("numpy", "scipy", "matplotlib")


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
    """Audit predictions by columns, of which ``gender`` is the label, and by up to ``depth``
    crossed ones. The seed of ``provenance`` is that of ``ece_by_chance``, the only random number.
    ``UsageError`` if a column is missing or has too many values to be groups, ``DatasetError``
    without any label.
    """
    labelled = predictions.truth >= 0
    if not labelled.any():
        raise DatasetError(f"{predictions.name} has no labelled picture, so no errors to count")
    truth, answers = predictions.truth[labelled], predictions.labels[labelled]
    score, forced = predictions.score[labelled], predictions.forced[labelled]
    columns = {
        name: np.array(values, dtype=str)[labelled] for name, values in predictions.columns.items()
    } | {GENDER: np.array(LABELS)[truth]}
    by = _columns(by, columns, predictions.name)
    person = _persons(columns.get(IDENTITY))
    values = outcomes(truth, forced, answers, score)
    groups = _Groups(truth, answers, score, person, provenance.seed or 0)
    everybody = Division((), ((),), np.zeros(len(truth), np.int64))
    measured = [(part, measure(values, part, person)) for part in divide(columns, by, depth)]
    compared = compare(measured)
    return results.Audit(
        provenance=provenance,
        name=predictions.name,
        dataset=dataset,
        split=split,
        detector=detector,
        n=len(truth),
        unlabelled=int((~labelled).sum()),
        no_answer=int((answers == NO_ANSWER).sum()),
        uncertain_without_score=int(((answers == UNSURE) & (forced == NO_ANSWER)).sum()),
        without_score=int(np.isnan(score).sum()),
        persons=None if person is None else int(person.max()) + 1,
        level=LEVEL,
        smallest_n=SMALLEST_N,
        few_n=FEW_N,
        calibrated_n=CALIBRATED_N,
        by=tuple(by),
        depth=depth,
        overall=groups(everybody, measure(values, everybody, person), {})[0],
        divisions=tuple(
            results.DivisionResult(
                columns=part.columns,
                groups=groups(part, measures, compared),
                extremes={name: _extremes(part, measures[name]) for name in TESTED},
            )
            for part, measures in measured
        ),
    )


def _columns(by: Sequence[str], columns: Columns, name: str) -> list[str]:
    chosen = list(dict.fromkeys(by))
    for column in chosen:
        if column not in columns:
            raise UsageError(f"{name} has no column {column!r}; there are: {', '.join(columns)}")
        if (values := len(np.unique(columns[column]))) > MOST_VALUES:
            raise UsageError(
                f"the column {column!r} has {values:,} values; groups are at most {MOST_VALUES}"
            )
    if not chosen:
        raise UsageError(f"no column is named to divide by: add --by {','.join(columns)}")
    return chosen


def _persons(identity: npt.NDArray[np.str_] | None) -> Integers | None:
    """Numbers of persons, (n,); each picture without an identity is a person of its own."""
    if identity is None:
        return None
    names, person = np.unique(identity, return_inverse=True)
    unknown = identity == ""
    person[unknown] = len(names) + np.arange(unknown.sum())
    numbers: Integers = np.unique(person, return_inverse=True)[1]
    return numbers


@dataclass(frozen=True, slots=True)
class _Groups:
    """Counts the labels and answers of each group, and puts all its numbers together."""

    truth: Integers
    answers: Integers
    score: Floats
    person: Integers | None
    seed: int

    def __call__(
        self, division: Division, measures: Mapping[str, Measure], compared: Compared
    ) -> tuple[results.GroupResult, ...]:
        groups, group = len(division.names), division.group
        n = np.bincount(group, minlength=groups)
        answers = np.bincount(group * 4 + self.answers % 4, minlength=groups * 4)  # -1 is last
        labels = np.bincount(group * 2 + self.truth, minlength=groups * 2)
        persons = None if self.person is None else persons_by_group(division, self.person)
        calibrated = calibration(self.truth, self.score, division, self.seed)
        return tuple(
            results.GroupResult(
                group=_group(division, place),
                n=int(n[place]),
                persons=None if persons is None else int(persons[place]),
                size=_size(n if persons is None else np.minimum(n, persons), place),
                labels=dict(zip(LABELS, labels.reshape(-1, 2)[place].tolist(), strict=True)),
                answers=dict(
                    zip(
                        (*OUTCOMES, "no answer"),
                        answers.reshape(-1, 4)[place].tolist(),
                        strict=True,
                    )
                ),
                measures={name: _estimate(of, place) for name, of in measures.items()},
                calibration=calibrated[place],
                comparisons=compared.get((division.columns, place), {}),
            )
            for place in range(groups)
        )


def _group(division: Division, place: int) -> results.Group:
    return dict(zip(division.columns, division.names[place], strict=True))


def _size(n: Integers, place: int) -> Literal["too small", "few", "enough"]:
    return "too small" if n[place] < SMALLEST_N else "few" if n[place] < FEW_N else "enough"


def _estimate(measure: Measure, place: int) -> Estimate:
    interval = (measure.low[place], measure.high[place])
    return metrics.estimate(measure.value[place], interval, measure.n[place])


def _extremes(division: Division, measure: Measure) -> results.Extremes | None:
    if (ends := extremes(measure)) is None:
        return None
    most, least = (
        results.Extreme(group=_group(division, place), value=float(measure.value[place]))
        for place in (ends.most, ends.least)
    )
    low, high = ends.ratio_interval
    return results.Extremes(
        most=most,
        least=least,
        difference=ends.difference,
        difference_interval=ends.difference_interval,
        ratio=finite(ends.ratio),
        ratio_interval=(low, finite(high)),
    )
