"""Joining two methods' predictions of the same pictures."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np

from genderscope.core.errors import DatasetError
from genderscope.core.types import LABELS, Sample
from genderscope.evaluation.predictions import Answer, Integers, Predictions, of

JOINED_BY = {"path": None, "folder and name": 2, "name": 1}
"""How pictures of two tables are matched: by so many last parts of their paths."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Predictions of the same n pictures, in the same order and with the same truths and columns;
    the pictures that only one has are in ``only_a`` and ``only_b``.
    """

    a: Predictions
    b: Predictions
    joined_by: str
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]


def join(a: Predictions, b: Predictions) -> Pair:
    """Match the pictures of two methods, in A's order.

    Pictures are matched by their paths, by their folders and names, or by their names alone:
    whichever is unique on both sides and matches most. Labels and columns are A's first, then B's.
    ``DatasetError`` if a picture occurs twice on one side, none is on both, or their labels differ.
    """
    joined_by, rows_a, rows_b = _match(a, b)
    truth_a, truth_b = a.truth[rows_a], b.truth[rows_b]
    if (odd := (truth_a >= 0) & (truth_b >= 0) & (truth_a != truth_b)).any():
        row = int(odd.argmax())
        raise DatasetError(
            f"{a.files[rows_a[row]]} is labelled {LABELS[truth_a[row]]} in {a.name} and "
            f"{LABELS[truth_b[row]]} in {b.name}"
        )
    first, second = _selected(a, rows_a), _selected(b, rows_b)
    truth = np.where(truth_a < 0, truth_b, truth_a)
    columns = second.columns | first.columns
    first, second = (replace(one, truth=truth, columns=columns) for one in (first, second))
    return Pair(first, second, joined_by, _others(a, rows_a), _others(b, rows_b))


def truths(samples: Iterable[Sample], name: str) -> Predictions:
    """A data set's labels and columns, as predictions without answers."""
    return of((Answer(sample, error="not asked") for sample in samples), name)


def compared(a: Predictions, b: Predictions, labels: Predictions | None) -> tuple[Pair, list[str]]:
    """Two methods joined, with a data set's labels if given, and the missing pictures in words."""
    missing: dict[str, None] = {}
    if labels is not None:
        joined = [join(method, labels) for method in (a, b)]
        missing |= {f"not in the data set: {file}": None for one in joined for file in one.only_a}
        a, b = (one.a for one in joined)
    pair = join(a, b)
    missing |= {f"only in {a.name}: {file}": None for file in pair.only_a}
    missing |= {f"only in {b.name}: {file}": None for file in pair.only_b}
    return pair, list(missing)


def _match(a: Predictions, b: Predictions) -> tuple[str, Integers, Integers]:
    """How pictures are matched, and the rows of A and of B that are the same pictures."""
    if a.files == b.files:
        rows = np.arange(len(a))
        return "path", rows, rows
    for method in (a, b):
        if twice := next((f for f, n in Counter(method.files).items() if n > 1), None):
            raise DatasetError(f"{twice} occurs twice in {method.name}")
    best = "path", np.zeros(0, np.int64), np.zeros(0, np.int64)
    for joined_by, parts in JOINED_BY.items():
        places = [
            {PurePath(file).parts[-(parts or 0) :]: row for row, file in enumerate(method.files)}
            for method in (a, b)
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
            f"of each: {', '.join(method.files[0] for method in (a, b) if method.files)}"
        )
    return best


def _selected(method: Predictions, rows: Integers) -> Predictions:
    places = rows.tolist()
    return Predictions(
        method.name,
        tuple(method.files[row] for row in places),
        method.truth[rows],
        method.score[rows],
        method.labels[rows],
        {name: tuple(column[row] for row in places) for name, column in method.columns.items()},
    )


def _others(method: Predictions, rows: Integers) -> tuple[str, ...]:
    taken = set(rows.tolist())
    return tuple(file for row, file in enumerate(method.files) if row not in taken)
