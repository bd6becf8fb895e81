"""Two methods' predictions of the same pictures, compared: models of this package, of others, or
methods that do not look at faces.
"""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from genderscope.core.results import Document, Estimate, Provenance, Record
from genderscope.evaluation import metrics
from genderscope.evaluation.join import Pair
from genderscope.evaluation.metrics import paired
from genderscope.evaluation.metrics.groups import members
from genderscope.evaluation.metrics.paired import Agreement, McNemar
from genderscope.evaluation.predictions import NO_ANSWER, UNSURE, Integers

WITHOUT_ABSTENTION = (
    "every answer is the label that the score is nearer to; where there is no score either, an "
    "uncertain or absent answer is wrong"
)
AS_GIVEN = "uncertain is an answer that is neither right nor wrong"


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

    KIND: ClassVar[str] = "comparison"

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
    n, right = int(answered.sum()), int((labels == truth)[answered].sum())
    coverage = metrics.proportion(n, len(truth))
    return Answered(coverage=coverage, accuracy=metrics.proportion(right, n))
