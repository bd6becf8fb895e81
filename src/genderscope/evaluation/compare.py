"""Two methods' predictions of the same pictures, brought together and compared.

A and B are whatever made the tables: two models of this package, another vendor's, or methods that
look at something else than faces. Knows nothing of how they came about, nor of screens.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError
from genderscope.core.types import LABELS, UNCERTAIN, Sample
from genderscope.evaluation import metrics
from genderscope.evaluation.metrics import paired
from genderscope.evaluation.predictions import NO_ANSWER, SAID, Answer, Integers, Predictions, of

UNSURE = SAID.index(UNCERTAIN)
JOINED_BY = {"path": None, "folder and name": 2, "name": 1}
"""How pictures of two tables are recognised as the same: so many last parts of the path."""
WITHOUT_ABSTENTION = (
    "every answer is the label that the score is nearer to; where there is no score either, an "
    "uncertain or absent answer is wrong"
)
AS_GIVEN = "uncertain is an answer that is neither right nor wrong"


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Predictions of the same n pictures, in the same order and with the same truths and columns.

    Attributes:
        joined_by: one of ``JOINED_BY``.
        only_a, only_b: the pictures that only the one of them had.
    """

    a: Predictions
    b: Predictions
    joined_by: str
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def join(a: Predictions, b: Predictions) -> Pair:
    """Bring together what two say of the same pictures, in A's order.

    Pictures are the same if their paths are, or their folders and names, or their names alone:
    whichever of these tells the pictures of either apart and finds the most in both. Labels and
    columns are taken from where they are, A's first.

    Raises:
        DatasetError: a picture comes twice in one of them, none is in both, or the two give one
            different labels.
    """
    joined_by, rows_a, rows_b = _match(a, b)
    truth_a, truth_b = a.truth[rows_a], b.truth[rows_b]
    if (odd := (truth_a >= 0) & (truth_b >= 0) & (truth_a != truth_b)).any():
        row = int(odd.argmax())
        raise DatasetError(
            f"{a.files[rows_a[row]]} is labelled {LABELS[truth_a[row]]} in {a.name} and "
            f"{LABELS[truth_b[row]]} in {b.name}"
        )
    first, second = _taken(a, rows_a), _taken(b, rows_b)
    truth = np.where(truth_a < 0, truth_b, truth_a)
    columns = second.columns | first.columns
    return Pair(
        replace(first, truth=truth, columns=columns),
        replace(second, truth=truth, columns=columns),
        joined_by,
        _others(a, rows_a),
        _others(b, rows_b),
    )


def truths(samples: Iterable[Sample], name: str) -> Predictions:
    """A data set as predictions that say nothing, to take labels and columns from."""
    return of((Answer(sample, error="not asked") for sample in samples), name)


def report(pair: Pair, seed: int = 0) -> dict[str, Any]:
    """Everything that the two say about each other, ready for JSON; what is undefined is None.

    The truth is the labels'; without any, all that is left is how far the two agree.
    """
    a, b, truth = pair.a, pair.b, pair.a.truth
    known = truth >= 0
    answered = known & (a.said != UNSURE) & (b.said != UNSURE)

    def compared(rows: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return _compared(truth[rows], a.decided[rows], b.decided[rows], seed)

    found: dict[str, Any] = metrics.plain(
        {
            "a": a.name,
            "b": b.name,
            "n_pictures": len(a),
            "n_unlabelled": int((~known).sum()),
            "joined_by": pair.joined_by,
            "without_abstention": {
                "is": WITHOUT_ABSTENTION,
                "n_no_answer": {"a": _unanswered(a, known), "b": _unanswered(b, known)},
                **compared(known),
                "agreement": paired.agreement(a.decided, b.decided, seed),
            },
            "as_given": {
                "is": AS_GIVEN,
                "a": _answered(truth[known], a.said[known]),
                "b": _answered(truth[known], b.said[known]),
                "both_answered": compared(answered),
                "agreement": paired.agreement(a.said, b.said, seed),
            },
            "by_group": {
                column: {
                    str(name): compared(known & (groups == name))
                    for name in sorted(set(groups[known]), key=metrics.group_order)
                }
                for column, groups in a.groups.items()
            },
            "only_a": pair.only_a,
            "only_b": pair.only_b,
            "seed": seed,
        }
    )
    return found


def _compared(truth: Integers, a_said: Integers, b_said: Integers, seed: int) -> dict[str, Any]:
    """Both accuracies, their difference and its test; None over fewer than 30 pictures."""
    right = {"a": a_said == truth, "b": b_said == truth}
    shares = {side: metrics.share(those) for side, those in right.items()}
    small = shares["a"]["n_too_small"]
    difference = paired.difference(right["a"], right["b"], seed)
    return {
        "n": len(truth),
        "n_too_small": small,
        **{
            side: {"accuracy": share["value"], "interval": share["interval"]}
            for side, share in shares.items()
        },
        "difference": None if small else difference["difference"],
        "difference_interval": None if small else difference["interval"],
        "both_right": int((right["a"] & right["b"]).sum()),
        "neither_right": int((~right["a"] & ~right["b"]).sum()),
        "mcnemar": paired.mcnemar(right["a"], right["b"]),
    }


def _answered(truth: Integers, said: Integers) -> dict[str, Any]:
    """How much one answered, and how often that is right."""
    answered = said != UNSURE
    n, right = int(answered.sum()), int((said == truth)[answered].sum())
    return {
        "n_answered": n,
        "coverage": n / len(truth) if len(truth) else np.nan,
        "coverage_interval": metrics.wilson(n, len(truth)),
        "accuracy_of_answered": right / n if n else np.nan,
        "interval": metrics.wilson(right, n),
    }


def _unanswered(given: Predictions, known: npt.NDArray[np.bool_]) -> int:
    return int((given.decided[known] == NO_ANSWER).sum())


def _match(a: Predictions, b: Predictions) -> tuple[str, Integers, Integers]:
    """How pictures are recognised, and the rows of A and of B that are the same pictures."""
    if a.files == b.files:
        rows = np.arange(len(a))
        return "path", rows, rows
    for given in (a, b):
        if twice := next((f for f, n in Counter(given.files).items() if n > 1), None):
            raise DatasetError(f"{twice} comes twice in {given.name}")
    best = "path", np.zeros(0, np.int64), np.zeros(0, np.int64)
    for joined_by, parts in JOINED_BY.items():
        places = [
            {PurePath(file).parts[-(parts or 0) :]: row for row, file in enumerate(given.files)}
            for given in (a, b)
        ]
        if [len(place) for place in places] != [len(a), len(b)]:
            continue
        common = [key for key in places[0] if key in places[1]]
        if len(common) > len(best[1]):
            rows_a, rows_b = (np.array([place[key] for key in common]) for place in places)
            best = joined_by, rows_a, rows_b
    if not len(best[1]):
        raise DatasetError(
            f"{a.name} and {b.name} have no picture in common, by path, folder or name; the first "
            f"of each: {', '.join(given.files[0] for given in (a, b) if given.files)}"
        )
    return best


def _taken(given: Predictions, rows: Integers) -> Predictions:
    places = rows.tolist()
    return Predictions(
        given.name,
        tuple(given.files[row] for row in places),
        given.truth[rows],
        given.score[rows],
        given.said[rows],
        {name: tuple(column[row] for row in places) for name, column in given.columns.items()},
    )


def _others(given: Predictions, rows: Integers) -> tuple[str, ...]:
    taken = set(rows.tolist())
    return tuple(file for row, file in enumerate(given.files) if row not in taken)
