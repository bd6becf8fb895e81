"""Metrics within groups: those of the group's pictures, withheld where they are few."""

import numpy as np
import pytest

from genderscope.core.results import Estimate
from genderscope.evaluation import metrics
from genderscope.evaluation.metrics import calibration
from genderscope.evaluation.metrics.groups import by_group

pytest.importorskip("sklearn", reason="needs the eval extra")


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch):
    monkeypatch.setattr(calibration, "RESAMPLES", 300)


def test_what_is_too_small_is_withheld():
    truth = np.array([0] * 29 + [1] * 31 + [1] * 5)
    score = np.where(np.arange(65) % 2, 0.9, 0.1)
    measured = by_group(truth, score, np.array(["large"] * 60 + ["small"] * 5), 0.7)
    right = metrics.decide(score) == truth

    large = measured["large"]
    assert large.accuracy == metrics.proportion(right[:60].sum(), 60)
    assert large.recall["woman"] == Estimate(n=29, value=None, interval=None)
    assert large.recall["man"].value == right[29:60].mean()
    assert large.ece == calibration.calibration(truth[:60], score[:60]).ece
    assert large.aurc == calibration.risk_coverage(truth[:60], score[:60]).aurc
    assert large.selective == metrics.selective(truth[:60], score[:60], 0.7)

    small, withheld = measured["small"], Estimate(n=5, value=None, interval=None)
    assert small.accuracy == small.ece == small.aurc == withheld
    assert small.selective is None


def test_numbers_are_ordered_as_numbers():
    names = np.array(["more than 70", "10-19", "3-9", "0-2", ""])
    measured = by_group(np.zeros(5, np.int64), np.zeros(5), names, 0.7)
    assert list(measured) == ["0-2", "3-9", "10-19", "", "more than 70"]


def test_a_group_without_predictions():
    group = by_group(np.zeros(40, np.int64), np.full(40, np.nan), np.array(["x"] * 40), 0.7)["x"]
    assert group.ece.value is None
    assert group.aurc.value == 1
    assert group.selective.coverage.value == 0
