"""Metrics within each group of pictures. Needs the ``eval`` extra."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from genderscope.core.results import Estimate, Record
from genderscope.core.types import LABELS, Floats
from genderscope.evaluation import metrics
from genderscope.evaluation.metrics.calibration import calibration, risk_coverage

NOT_STATED = "not stated"  # the group of pictures without a value


class Group(Record, frozen=True, kw_only=True):
    """Metrics of one group; numbers over fewer than ``SMALLEST_N`` pictures are None."""

    accuracy: Estimate
    recall: dict[str, Estimate]
    ece: Estimate
    aurc: Estimate
    selective: metrics.Selective | None


def members(groups: npt.NDArray[np.str_]) -> Iterator[tuple[str, metrics.Bools]]:
    """Each group's name, 3-9 before 10-19, and its members, (n,)."""
    for name in sorted(set(groups.tolist()), key=metrics.group_order):
        yield name, groups == name


def by_group(
    truth: metrics.Integers,
    score: Floats,
    groups: npt.NDArray[np.str_],
    min_confidence: float,
    seed: int = 0,
) -> dict[str, Group]:
    """Metrics within each group, by its name; ``groups`` is (n,) of names."""
    return {
        name: _group(truth[member], score[member], min_confidence, seed)
        for name, member in members(groups)
    }


def _group(truth: metrics.Integers, score: Floats, min_confidence: float, seed: int) -> Group:
    right = metrics.decide(score) == truth
    accuracy = metrics.share(right)
    recall = {label: metrics.share(right[truth == k]) for k, label in enumerate(LABELS)}
    if accuracy.value is None:
        withheld = Estimate(n=len(truth), value=None, interval=None)
        return Group(accuracy=accuracy, recall=recall, ece=withheld, aurc=withheld, selective=None)
    return Group(
        accuracy=accuracy,
        recall=recall,
        ece=calibration(truth, score, seed).ece,
        aurc=risk_coverage(truth, score, seed).aurc,
        selective=metrics.selective(truth, score, min_confidence),
    )
