"""Comparison of two methods' predictions of the same pictures: models of this package, third-party
models, or methods that use no face.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from os import path
from pathlib import PurePath

import numpy as np

from genderscope.core.errors import DatasetError
from genderscope.core.results import Document, Estimate, Provenance, Record
from genderscope.core.storage import text
from genderscope.core.types import LABELS, Sample
from genderscope.evaluation import metrics
from genderscope.evaluation.metrics import Bools, Integers, paired
from genderscope.evaluation.metrics.groups import members
from genderscope.evaluation.metrics.paired import Agreement, McNemar
from genderscope.evaluation.predictions import NO_ANSWER, Answer, Predictions, of

WITHOUT_ABSTENTION = (
    "uncertain becomes the label nearer to the score; an uncertain answer without a score, or a "
    "missing answer, is wrong"
)
AS_GIVEN = "uncertain is an answer that is neither right nor wrong"
JOINED_BY = {"path": 0, "folder and name": 2, "name": 1}
"""How pictures of two tables are matched: by this many trailing parts of their paths, 0 for all."""


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Predictions of the same n pictures, in the same order and with the same truths and columns;
    ``only_a`` and ``only_b`` are pictures that the other method lacks.
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
    ``DatasetError`` if a picture occurs twice on one side, unless both have the same pictures in
    the same order, none is on both, or their labels differ.
    """
    joined_by, rows_a, rows_b = _match(a, b)
    truth_a, truth_b = a.truth[rows_a], b.truth[rows_b]
    if (conflict := (truth_a >= 0) & (truth_b >= 0) & (truth_a != truth_b)).any():
        row = int(conflict.argmax())
        raise DatasetError(
            f"{a.files[rows_a[row]]} is labelled {LABELS[truth_a[row]]} in {a.name} and "
            f"{LABELS[truth_b[row]]} in {b.name}"
        )
    matched_a, matched_b = a.rows(rows_a), b.rows(rows_b)
    truth = np.where(truth_a < 0, truth_b, truth_a)
    columns = matched_b.columns | matched_a.columns
    return Pair(
        replace(matched_a, truth=truth, columns=columns),
        replace(matched_b, truth=truth, columns=columns),
        joined_by,
        a.rows(np.delete(np.arange(len(a)), rows_a)).files,
        b.rows(np.delete(np.arange(len(b)), rows_b)).files,
    )


def truths(samples: Iterable[Sample], name: str) -> Predictions:
    """A data set's labels and columns, as predictions without answers."""
    return of((Answer(sample, error="not predicted") for sample in samples), name)


def joined(a: Predictions, b: Predictions, labels: Predictions | None) -> tuple[Pair, list[str]]:
    """Join two methods, with a data set's labels if given; also list the missing pictures."""
    missing: dict[str, None] = {}
    if labels is not None:
        pairs = [join(method, labels) for method in (a, b)]
        missing |= {f"not in the data set: {file}": None for pair in pairs for file in pair.only_a}
        a, b = (pair.a for pair in pairs)
    pair = join(a, b)
    missing |= {f"only in {a.name}: {file}": None for file in pair.only_a}
    missing |= {f"only in {b.name}: {file}": None for file in pair.only_b}
    return pair, list(missing)


def _match(a: Predictions, b: Predictions) -> tuple[str, Integers, Integers]:
    """How pictures are matched, and the rows of A and of B that match."""
    if a.files == b.files:
        rows = np.arange(len(a))
        return "path", rows, rows
    for method in (a, b):
        if twice := next((f for f, n in Counter(method.files).items() if n > 1), None):
            raise DatasetError(f"{twice} occurs twice in {method.name}")
    best_by, best = "path", list[tuple[int, int]]()
    # Absolute: a table may be named by its absolute path, and the other by a relative one.
    paths = [[PurePath(path.abspath(text(f))).parts for f in method.files] for method in (a, b)]
    for joined_by, last in JOINED_BY.items():
        keyed_a, keyed_b = (
            {parts[-last:]: row for row, parts in enumerate(of_method)} for of_method in paths
        )
        unique = len(keyed_a) == len(a) and len(keyed_b) == len(b)
        matched = [(row, keyed_b[key]) for key, row in keyed_a.items() if key in keyed_b]
        if unique and len(matched) > len(best):
            best_by, best = joined_by, matched
    if not best:
        raise DatasetError(
            f"{a.name} and {b.name} have no picture in common, by path, folder or name; the first "
            f"of each: {', '.join(method.files[0] for method in (a, b) if method.files)}"
        )
    rows_a, rows_b = np.array(best).T
    return best_by, rows_a, rows_b


class Accuracies(Record, frozen=True, kw_only=True):
    """Accuracies on the same pictures; ``difference`` is A's minus B's; None below 30 pictures."""

    a: Estimate
    b: Estimate
    difference: Estimate
    both_right: int
    neither_right: int
    mcnemar: McNemar


class Answered(Record, frozen=True, kw_only=True):
    """How often a method answers with a label, and how often that is right."""

    coverage: Estimate
    accuracy: Estimate


class Forced(Record, frozen=True, kw_only=True):
    """Without abstention: how a prediction becomes a label, and the missing answers by method. The
    agreement leaves out pictures that neither method answers.
    """

    means: str
    n_no_answer: dict[str, int]
    accuracies: Accuracies
    agreement: Agreement


class AsGiven(Record, frozen=True, kw_only=True):
    """Predictions compared as given, ``uncertain`` included, and ``both_answered``, where each is a
    label. The agreement is as in ``Forced``.
    """

    means: str
    a: Answered
    b: Answered
    both_answered: Accuracies
    agreement: Agreement


class Comparison(Document, frozen=True, kw_only=True):
    """Methods ``a`` and ``b`` on the same pictures, matched as in ``join``. ``by_group`` is without
    abstention, by column, then by group; ``only_a`` and ``only_b`` are pictures of one method only;
    ``failed`` says what could not be read or compared. Data set and split are None where the labels
    are from the tables.
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
    """Compare two methods; without labels, only their agreement. The provenance has the seed."""
    a, b, seed = pair.a, pair.b, provenance.seed or 0
    labelled = a.truth >= 0
    a_right, b_right, answered = a.right, b.right, (a.answered & b.answered)[labelled]
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
            accuracies=_accuracies(a_right, b_right),
            agreement=_agreement(a.forced, b.forced, seed),
        ),
        as_given=AsGiven(
            means=AS_GIVEN,
            a=_answered(a),
            b=_answered(b),
            both_answered=_accuracies(a_right[answered], b_right[answered]),
            agreement=_agreement(a.labels, b.labels, seed),
        ),
        by_group={
            column: {
                name: _accuracies(a_right[member], b_right[member])
                for name, member in members(groups[labelled])
            }
            for column, groups in a.groups.items()
        },
        only_a=pair.only_a,
        only_b=pair.only_b,
        failed=tuple(failed),
    )


def _accuracies(a_right: Bools, b_right: Bools) -> Accuracies:
    return Accuracies(
        a=metrics.share(a_right),
        b=metrics.share(b_right),
        difference=paired.difference(a_right, b_right, metrics.SMALLEST_N),
        both_right=int((a_right & b_right).sum()),
        neither_right=int((~a_right & ~b_right).sum()),
        mcnemar=paired.mcnemar(a_right, b_right),
    )


def _agreement(a: Integers, b: Integers, seed: int) -> Agreement:
    either = (a != NO_ANSWER) | (b != NO_ANSWER)
    return paired.agreement(a[either], b[either], seed)


def _answered(method: Predictions) -> Answered:
    answered = method.answered[method.truth >= 0]
    accuracy = metrics.share(method.right[answered], 1)
    return Answered(coverage=metrics.share(answered, 1), accuracy=accuracy)
