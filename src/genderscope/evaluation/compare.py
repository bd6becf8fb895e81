"""Two methods' predictions of the same pictures, joined and compared: models of this package, of
others, or methods that do not look at faces.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError
from genderscope.core.results import Document, Estimate, Provenance, Record
from genderscope.core.types import LABELS, Sample
from genderscope.evaluation import metrics
from genderscope.evaluation.metrics import paired
from genderscope.evaluation.metrics.groups import members
from genderscope.evaluation.metrics.paired import Agreement, McNemar
from genderscope.evaluation.predictions import NO_ANSWER, UNSURE, Answer, Integers, Predictions, of

WITHOUT_ABSTENTION = (
    "every answer is the label that the score is nearer to; where there is no score either, an "
    "uncertain or absent answer is wrong"
)
AS_GIVEN = "uncertain is an answer that is neither right nor wrong"
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


def joined(a: Predictions, b: Predictions, labels: Predictions | None) -> tuple[Pair, list[str]]:
    """Two methods joined, with a data set's labels if given, and the missing pictures in words."""
    missing: dict[str, None] = {}
    if labels is not None:
        both = [join(method, labels) for method in (a, b)]
        missing |= {f"not in the data set: {file}": None for one in both for file in one.only_a}
        a, b = (one.a for one in both)
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


class Accuracies(Record, frozen=True, kw_only=True):
    """Accuracies on the same pictures; ``difference`` is A's minus B's; None below 30 pictures."""

    a: Estimate
    b: Estimate
    difference: Estimate
    both_right: int
    neither_right: int
    mcnemar: McNemar


class Answered(Record, frozen=True, kw_only=True):
    """How often a method answers, and how often that is right."""

    coverage: Estimate
    accuracy: Estimate


class Forced(Record, frozen=True, kw_only=True):
    """Without abstention: how a prediction becomes an answer, and the missing answers by side."""

    means: str
    n_no_answer: dict[str, int]
    accuracies: Accuracies
    agreement: Agreement


class AsGiven(Record, frozen=True, kw_only=True):
    """The comparison of what was predicted, ``uncertain`` included: how an answer is made of a
    prediction, and ``both_answered``, where neither is uncertain.
    """

    means: str
    a: Answered
    b: Answered
    both_answered: Accuracies
    agreement: Agreement


class Comparison(Document, frozen=True, kw_only=True):
    """Methods ``a`` and ``b`` on the same pictures, matched as in ``join``; those that only one of
    them has; by group without abstention, by column, then by group; and in words what could not be
    read or compared. Data set and split are None where the labels are from the tables.
    """

    KIND = "comparison"

    dataset: str | None
    split: str | None
    a: str
    b: str
    n_pictures: int
    n_unlabelled: int
    joined_by: str
    without_abstention: Forced
    as_given: AsGiven
    by_group: dict[str, dict[str, Accuracies]]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    failed: tuple[str, ...]


def compare(
    pair: Pair,
    provenance: Provenance,
    *,
    dataset: str | None = None,
    split: str | None = None,
    failed: Iterable[str] = (),
) -> Comparison:
    """Compare two methods; without labels, their agreement. The provenance has the seed."""
    a, b, truth, seed = pair.a, pair.b, pair.a.truth, provenance.seed or 0
    labelled = truth >= 0
    answered = labelled & (a.labels != UNSURE) & (b.labels != UNSURE)

    def accuracies(rows: npt.NDArray[np.bool_]) -> Accuracies:
        return _accuracies(truth[rows], a.forced[rows], b.forced[rows], seed)

    return Comparison(
        provenance=provenance,
        dataset=dataset,
        split=split,
        a=a.name,
        b=b.name,
        n_pictures=len(a),
        n_unlabelled=int((~labelled).sum()),
        joined_by=pair.joined_by,
        without_abstention=Forced(
            means=WITHOUT_ABSTENTION,
            n_no_answer={
                side: int((method.forced[labelled] == NO_ANSWER).sum())
                for side, method in (("a", a), ("b", b))
            },
            accuracies=accuracies(labelled),
            agreement=paired.agreement(a.forced, b.forced, seed),
        ),
        as_given=AsGiven(
            means=AS_GIVEN,
            a=_answered(truth[labelled], a.labels[labelled]),
            b=_answered(truth[labelled], b.labels[labelled]),
            both_answered=accuracies(answered),
            agreement=paired.agreement(a.labels, b.labels, seed),
        ),
        by_group={
            column: {
                name: accuracies(labelled & member)
                for name, member in members(groups)
                if (labelled & member).any()
            }
            for column, groups in a.groups.items()
        },
        only_a=pair.only_a,
        only_b=pair.only_b,
        failed=tuple(failed),
    )


def _accuracies(truth: Integers, a: Integers, b: Integers, seed: int) -> Accuracies:
    a_right, b_right = a == truth, b == truth
    enough = len(truth) >= metrics.SMALLEST_N
    return Accuracies(
        a=metrics.share(a_right),
        b=metrics.share(b_right),
        difference=paired.difference(a_right, b_right, seed)
        if enough
        else Estimate(n=len(truth), value=None, interval=None),
        both_right=int((a_right & b_right).sum()),
        neither_right=int((~a_right & ~b_right).sum()),
        mcnemar=paired.mcnemar(a_right, b_right),
    )


def _answered(truth: Integers, labels: Integers) -> Answered:
    answered = labels != UNSURE
    right = (labels == truth)[answered]
    return Answered(coverage=metrics.share(answered, 1), accuracy=metrics.share(right, 1))
