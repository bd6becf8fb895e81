"""What predictions say of a model by group: everything measured, ready for JSON.

Knows predictions and their columns, nothing of pictures, pages or the command line. Needs the
``eval`` extra.
"""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from genderscope import __version__
from genderscope.core.errors import DatasetError, UsageError
from genderscope.core.types import LABELS, UNCERTAIN
from genderscope.evaluation.audit.disaggregate import (
    CALIBRATED_N,
    FEW_N,
    Division,
    Shares,
    calibration,
    divide,
    marks,
    shares,
)
from genderscope.evaluation.audit.verdicts import TESTED, Comparison, compare, extremes
from genderscope.evaluation.metrics import LEVEL, SMALLEST_N, Integers, plain
from genderscope.evaluation.predictions import NO_ANSWER, SAID, Predictions

GENDER = "gender"
"""The column that is the label itself."""
IDENTITY = "identity"
"""The column of who is in a picture, where known."""
MOST_VALUES = 200
LIBRARIES = ("numpy", "scipy", "fairlearn", "matplotlib")


def report(
    predictions: Predictions,
    by: Sequence[str],
    *,
    about: Mapping[str, str],
    depth: int = 2,
    seed: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """Everything that the predictions say by group; an undefined or withheld number is None.

    Args:
        by: columns of the predictions, or ``gender``, which is the label.
        about: what was audited, to be reported as it is.
        depth: how many columns are crossed at most.
        seed: of what calibration looks like by chance, the only number that is drawn.

    Raises:
        UsageError: there is no such column, or it has too many values to be groups.
        DatasetError: no picture has a label.
    """
    labelled = predictions.truth >= 0
    if not labelled.any():
        raise DatasetError(f"{predictions.name} has no labelled picture, so no errors to count")
    truth, said = predictions.truth[labelled], predictions.said[labelled]
    score, decided = predictions.score[labelled], predictions.decided[labelled]
    columns = {
        name: np.array(values, dtype=str)[labelled] for name, values in predictions.columns.items()
    } | {GENDER: np.array(LABELS)[truth]}
    by = _chosen(by, columns, predictions.name)
    person = _persons(columns.get(IDENTITY))
    measures = marks(truth, decided, said, score)
    everything = Division((), ((),), np.zeros(len(truth), np.int64))
    divisions = list(divide(columns, by, depth))
    found = [(division, shares(measures, division, person)) for division in divisions]
    undecided = (said == SAID.index(UNCERTAIN)) & (decided == NO_ANSWER)
    return {
        "about": {"name": predictions.name, **about},
        "n": len(truth),
        "unlabelled": int((~labelled).sum()),
        "no_answer": int((said == NO_ANSWER).sum()),
        "uncertain_without_score": int(undecided.sum()),
        "without_score": int(np.isnan(score).sum()),
        "persons": None if person is None else int(person.max()) + 1,
        "level": LEVEL,
        "smallest_n": SMALLEST_N,
        "few_n": FEW_N,
        "calibrated_n": CALIBRATED_N,
        "by": by,
        "depth": depth,
        "overall": _groups(
            everything, shares(measures, everything, person), said, truth, score, person, seed
        )[0],
        "divisions": [
            {
                "columns": list(division.columns),
                "groups": _groups(division, measured, said, truth, score, person, seed),
                "extremes": {name: _extremes(division, measured[name]) for name in TESTED},
            }
            for division, measured in found
        ],
        "comparisons": [_comparison(comparison) for comparison in compare(found)],
        "counterfactuals": None,
        "regions": None,
        "seed": seed,
        "versions": {
            "python": platform.python_version(),
            "genderscope": __version__,
            **{name: version(name) for name in LIBRARIES},
        },
        "command": command,
    }


def _chosen(by: Sequence[str], columns: Mapping[str, Any], name: str) -> list[str]:
    wanted = list(dict.fromkeys(by))
    for column in wanted:
        if column not in columns:
            raise UsageError(f"{name} has no column {column!r}; there are: {', '.join(columns)}")
        if (values := len(np.unique(columns[column]))) > MOST_VALUES:
            raise UsageError(
                f"the column {column!r} has {values:,} values; groups are at most {MOST_VALUES}"
            )
    if not wanted:
        raise UsageError(f"no column is named to divide by; there are: {', '.join(columns)}")
    return wanted


def _persons(identity: Any) -> Integers | None:
    """Numbers of persons, (n,); a picture of nobody known is of a person of its own."""
    if identity is None:
        return None
    names, person = np.unique(identity, return_inverse=True)
    unknown = identity == ""
    person[unknown] = len(names) + np.arange(unknown.sum())
    numbers: Integers = np.unique(person, return_inverse=True)[1]
    return numbers


def _groups(
    division: Division,
    measured: Mapping[str, Shares],
    said: Integers,
    truth: Integers,
    score: Any,
    person: Integers | None,
    seed: int,
) -> list[dict[str, Any]]:
    groups, group = len(division.names), division.group
    n = np.bincount(group, minlength=groups)
    answers = np.bincount(group * 4 + said % 4, minlength=groups * 4).reshape(-1, 4)  # -1 is last
    labels = np.bincount(group * 2 + truth, minlength=groups * 2).reshape(-1, 2)
    persons = None
    if person is not None:
        held = np.unique(np.stack([group, person]), axis=1)[0]
        persons = np.bincount(held, minlength=groups)
    calibrated = calibration(truth, score, division, seed)
    return [
        {
            "group": dict(zip(division.columns, names, strict=True)),
            "n": int(n[place]),
            "persons": None if persons is None else int(persons[place]),
            "size": _size(n if persons is None else np.minimum(n, persons), place),
            "labelled": dict(zip(LABELS, labels[place].tolist(), strict=True)),
            "said": dict(zip((*SAID, "no answer"), answers[place].tolist(), strict=True)),
            "measures": {
                name: plain(
                    {
                        "n": of.n[place],
                        "value": of.value[place],
                        "interval": None
                        if np.isnan(of.value[place])
                        else (of.low[place], of.high[place]),
                    }
                )
                for name, of in measured.items()
            },
            "calibration": calibrated[place],
        }
        for place, names in enumerate(division.names)
    ]


def _size(n: Integers, place: int) -> str:
    return "too small" if n[place] < SMALLEST_N else "few" if n[place] < FEW_N else "enough"


def _extremes(division: Division, of: Shares) -> dict[str, Any] | None:
    if (found := extremes(of)) is None:
        return None
    most, least = found.pop("most"), found.pop("least")
    ends = {
        name: {
            "group": dict(zip(division.columns, division.names[place], strict=True)),
            "value": of.value[place],
        }
        for name, place in (("most", most), ("least", least))
    }
    return _finite(ends | found)


def _comparison(comparison: Comparison) -> dict[str, Any]:
    division = comparison.division
    names = ("measure", "value", "others", "difference", "difference_interval", "ratio")
    return _finite(
        {
            "columns": list(division.columns),
            "group": dict(zip(division.columns, division.names[comparison.group], strict=True)),
            **{name: getattr(comparison, name) for name in names},
            "ratio_interval": comparison.ratio_interval,
            "p": comparison.p,
            "p_holm": comparison.p_holm,
            "verdict": comparison.verdict,
        }
    )


def _finite(value: dict[str, Any]) -> dict[str, Any]:
    """As JSON has it; a ratio to nothing is None, and so is the upper end of its interval."""
    ends = {name: tuple(map(_number, value[name])) for name in value if "interval" in name}
    result: dict[str, Any] = plain({**value, **ends, "ratio": _number(value["ratio"])})
    return result


def _number(value: Any) -> float:
    return float(value) if np.isfinite(value) else np.nan
