"""Calibration and abstention against hand-computed numbers, scikit-learn and simulated truth."""

import numpy as np
import pytest
from msgspec.structs import replace

from genderscope.evaluation import metrics
from genderscope.evaluation.metrics import calibration

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="needs the eval extra")
pytest.importorskip("scipy", reason="needs the eval extra")

NAN = np.nan


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch):
    monkeypatch.setattr(calibration, "RESAMPLES", 300)


def simulated(n: int, seed: int = 0, power: float = 1) -> tuple[np.ndarray, np.ndarray]:
    """Truths and scores that are their true probabilities, or for another power too sure."""
    random = np.random.default_rng(seed)
    score = random.beta(0.6, 0.4, n)
    truth = (random.random(n) < score).astype(np.int64)
    return truth, score**power / (score**power + (1 - score) ** power)


def test_calibration_by_hand():
    truth, score = np.array([1, 1, 0, 0, 1]), np.array([0.9, 0.9, 0.9, 0.4, NAN])
    measured = calibration.calibration(truth, score)
    # Three in one bin: 0.9 against 2/3; one alone in its bin: 0.6 against 1.
    assert measured.ece.n == 4
    assert measured.ece.value == pytest.approx((3 * (0.9 - 2 / 3) + 0.4) / 4)
    assert measured.brier.value == pytest.approx((0.01 + 0.01 + 0.81 + 0.16) / 4)
    assert measured.nll.value == pytest.approx(-np.log([0.9, 0.9, 0.1, 0.6]).mean())
    first, second = measured.bins
    assert (first.low, first.high) == (pytest.approx(9 / 15), pytest.approx(10 / 15))
    assert (first.accuracy.n, second.accuracy.n) == (1, 3)
    assert second.mean_confidence == pytest.approx(0.9)
    assert second.accuracy.value is None  # of three pictures


def test_bins_hold_every_answer_with_its_accuracy():
    truth, score = simulated(2000)
    bins = calibration.calibration(truth, score).bins
    assert sum(row.accuracy.n for row in bins) == 2000
    last = bins[-1]
    member = np.maximum(score, 1 - score) >= last.low
    right = (metrics.decide(score) == truth)[member]
    assert last.accuracy.value == right.mean()
    assert last.accuracy.interval == metrics.wilson(right.sum(), member.sum())
    assert last.low <= last.mean_confidence <= last.high


def test_brier_and_nll_are_those_of_scikit_learn():
    truth, score = simulated(300)
    measured = calibration.calibration(truth, score)
    assert measured.brier.value == pytest.approx(sklearn_metrics.brier_score_loss(truth, score))
    assert measured.nll.value == pytest.approx(sklearn_metrics.log_loss(truth, score))


def test_ece_tells_calibrated_from_overconfident():
    assert calibration.calibration(*simulated(20_000)).ece.value < 0.02
    assert calibration.calibration(*simulated(20_000, power=3)).ece.value > 0.08


def test_intervals_cover_the_truth(monkeypatch):
    with monkeypatch.context() as once:
        once.setattr(calibration, "RESAMPLES", 1)
        expected = calibration.calibration(*simulated(400_000, power=2))
    covered = dict.fromkeys(("ece", "brier", "nll"), 0)
    for seed in range(60):
        measured = calibration.calibration(*simulated(600, seed + 1, power=2), seed)
        for name in covered:
            low, high = getattr(measured, name).interval
            covered[name] += low <= getattr(expected, name).value <= high
    for name, times in covered.items():
        assert times / 60 > 0.85, name


def test_intervals_are_mirrored_at_the_measured_value():
    """Resampled errors lie above the measured one as that one lies above the true one."""
    ece = calibration.calibration(*simulated(600, power=2)).ece
    low, high = ece.interval
    assert low < ece.value < high
    assert high - ece.value < ece.value - low


def test_intervals_depend_on_the_seed_alone():
    given = simulated(200)
    assert calibration.calibration(*given, 1) == calibration.calibration(*given, 1)
    one, other = (calibration.risk_coverage(*given, seed).aurc.interval for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize("score", [[0.0, 1.0], [NAN, NAN]])
def test_calibration_at_the_ends(score):
    measured = calibration.calibration(np.array([0, 1]), np.array(score))
    assert measured.ece.value == (None if np.isnan(score[0]) else 0)
    assert (measured.nll.interval is None) == np.isnan(score[0])
    assert measured.nll.n == np.isfinite(score).sum()


def test_risk_coverage_by_hand():
    # In the order of confidence: right, wrong, two of the same of which one is wrong, no answer.
    truth, score = np.array([1, 0, 0, 1, 1]), np.array([0.99, 0.9, 0.2, 0.2, NAN])
    measured = calibration.risk_coverage(truth, score)
    assert measured.aurc.n == 5
    assert measured.aurc.value == pytest.approx((0 + 1 / 2 + 2 / 4 + 2 / 4 + 3 / 5) / 5)
    at = {row.coverage: row for row in measured.at}
    assert list(at) == [1, 0.95, 0.9, 0.8, 0.7, 0.5]
    assert (at[1].error.value, at[1].error.n, at[1].confidence) == (0.6, 5, 0)
    assert (at[0.8].error.value, at[0.8].error.n, at[0.8].confidence) == (0.5, 4, 0.8)
    assert at[0.5] == replace(at[0.7], coverage=0.5)  # both of the same confidence, or neither
    assert at[0.5].error.interval == metrics.wilson(2, 4)
    assert list(measured.curve.coverage[::20]) == [0.01, 0.21, 0.41, 0.61, 0.81]
    assert list(measured.curve.error[::20]) == [0, 0.5, 0.5, 0.5, 0.6]
    wrong_first = calibration.risk_coverage(np.array([0, 1]), np.array([0.9, 0.8]))
    assert wrong_first.aurc.value == (1 / 1 + 1 / 2) / 2


def test_the_whole_coverage_errs_as_often_as_the_accuracy_says():
    truth, score = simulated(500)
    score[:20] = NAN
    measured = calibration.risk_coverage(truth, score)
    error = (metrics.decide(score) != truth).mean()
    assert measured.at[0].error.value == measured.curve.error[-1] == error
    order = np.argsort(-np.nan_to_num(np.maximum(score, 1 - score)), kind="stable")
    wrong = (metrics.decide(score) != truth)[order]
    risks = wrong.cumsum() / np.arange(1, 501)
    assert measured.aurc.value == pytest.approx(risks.mean(), abs=1e-3)  # but for the unanswered
    low, high = measured.aurc.interval
    assert low < measured.aurc.value < high


def test_confidence_that_says_nothing_buys_nothing():
    random = np.random.default_rng(0)
    truth, score = random.integers(0, 2, 4000), random.random(4000)
    measured = calibration.risk_coverage(truth, score)
    assert measured.aurc.value == pytest.approx(0.5, abs=0.03)
