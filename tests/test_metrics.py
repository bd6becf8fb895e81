"""Metrics against hand-computed numbers, scikit-learn and simulated truth."""

import numpy as np
import pytest

from genderscope.core.results import Estimate
from genderscope.evaluation import metrics

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="needs the eval extra")
stats = pytest.importorskip("scipy.stats", reason="needs the eval extra")

NAN = np.nan
# 10 women, 7 of them right, 1 without an answer; 20 men, 16 right.
COUNTS = np.array([[7, 2, 1], [4, 16, 0]])


def simulated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are true probabilities of the truths."""
    random = np.random.default_rng(seed)
    score = random.beta(0.6, 0.4, n)
    return (random.random(n) < score).astype(np.int64), score


def test_decide_and_confusion():
    score = np.array([0.2, 0.5, 0.51, NAN, 1.0, 0.0])
    predicted = metrics.decide(score)
    assert predicted.tolist() == [0, 0, 1, -1, 1, 0]
    counts = metrics.confusion(np.array([0, 1, 1, 1, 0, 0]), predicted)
    assert counts.tolist() == [[2, 1, 0], [1, 1, 1]]


def test_rates_by_hand():
    rates = metrics.rates(COUNTS)
    expected = {
        "accuracy": 23 / 30,
        "recall": [7 / 10, 16 / 20],
        "balanced_accuracy": 0.75,
        "recall_gap": 0.1,
        "precision": [7 / 11, 16 / 18],
        "macro_precision": (7 / 11 + 16 / 18) / 2,
        "f1": [14 / 21, 32 / 38],
        "macro_f1": (14 / 21 + 32 / 38) / 2,
    }
    assert rates.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(rates[name], value, err_msg=name)


@pytest.mark.parametrize("answers", [(0, 1), (0, 1, -1), (1,)])
def test_rates_are_those_of_scikit_learn(answers):
    random = np.random.default_rng(1)
    truth, predicted = random.integers(0, 2, 200), random.choice(answers, 200)
    rates = metrics.rates(metrics.confusion(truth, predicted))
    theirs = sklearn_metrics.precision_recall_fscore_support(
        truth, predicted, labels=[0, 1], zero_division=NAN
    )
    for name, value in zip(("precision", "recall", "f1"), theirs[:3], strict=True):
        np.testing.assert_allclose(rates[name], value, err_msg=name)
    assert rates["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted))


def test_trivial_classifiers():
    trivial = metrics.trivial(COUNTS)
    assert trivial["always_man"].accuracy == pytest.approx(20 / 30)
    assert trivial["always_woman"].accuracy == pytest.approx(10 / 30)
    assert trivial["always_man"].f1 == pytest.approx({"woman": 0, "man": 2 * 20 / 50})
    assert trivial["always_man"].recall == {"woman": 0, "man": 1}
    assert trivial["always_man"].precision == {"woman": None, "man": pytest.approx(20 / 30)}
    assert trivial["prior_random"].accuracy == pytest.approx(1 / 9 + 4 / 9)
    for name in ("recall", "precision", "f1"):
        expected = {"woman": pytest.approx(1 / 3), "man": pytest.approx(2 / 3)}
        assert getattr(trivial["prior_random"], name) == expected


def test_estimated_rates_are_the_rates_with_their_n():
    estimated, rates = metrics.estimated_rates(COUNTS), metrics.rates(COUNTS)
    assert (estimated.accuracy.n, estimated.accuracy.value) == (30, rates["accuracy"])
    assert [recall.n for recall in estimated.recall.values()] == [10, 20]
    assert [precision.n for precision in estimated.precision.values()] == [11, 18]
    assert estimated.precision["man"].value == rates["precision"][1]
    assert estimated.recall["woman"] == metrics.proportion(7, 10)
    for name in ("balanced_accuracy", "recall_gap", "macro_precision", "macro_f1"):
        estimate = getattr(estimated, name)
        low, high = estimate.interval
        assert low <= estimate.value <= high
        assert estimate.value == rates[name]


@pytest.mark.parametrize(
    ("successes", "n", "expected"),
    # Newcombe (1998), table I, method 3.
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611))],
)
def test_wilson_as_published(successes, n, expected):
    assert metrics.wilson(successes, n) == pytest.approx(expected, abs=5e-5)
    theirs = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert metrics.wilson(successes, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert metrics.proportion(successes, n).interval == metrics.wilson(successes, n)


def test_wilson_of_arrays_is_that_of_each():
    low, high = metrics.wilson(np.array([81, 0, 2.5]), np.array([263, 0, 7.5]))
    assert (low[0], high[0]) == metrics.wilson(81, 263)
    assert (low[1], high[1]) == (pytest.approx(0), 1)
    assert (low[2], high[2]) == metrics.wilson(2.5, 7.5)


def test_a_share_of_nothing_is_undefined():
    assert metrics.proportion(0, 0) == Estimate(n=0, value=None, interval=None)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_wilson_covers_the_truth(share):
    n = 80  # the exact coverage: every outcome with its probability
    covered = sum(
        stats.binom.pmf(k, n, share)
        for k in range(n + 1)
        if metrics.wilson(k, n)[0] <= share <= metrics.wilson(k, n)[1]
    )
    assert 0.92 < covered < 0.98


@pytest.mark.parametrize("missed", [(0.05, 0.05), (0.1, 0.05), (0.01, 0.03)])
def test_intervals_of_rates_cover_the_truth(missed):
    women, men = (np.array([0.5 * (1 - share), 0.5 * share]) for share in missed)
    truth = np.array([[*women, 0.0], [*men[::-1], 0.0]])
    expected = metrics.rates(truth)
    drawn = np.random.default_rng(3).multinomial(400, truth.ravel(), 500).reshape(-1, 2, 3)
    names = ("recall_gap", "balanced_accuracy", "macro_precision", "macro_f1", "f1", "precision")
    covered = dict.fromkeys(names, 0)
    for rates in map(metrics.estimated_rates, drawn):
        for name in names:
            found, value = getattr(rates, name), expected[name]
            if isinstance(found, dict):
                found, value = found["woman"], value[0]
            covered[name] += found.interval[0] <= value <= found.interval[1]
    for name, times in covered.items():
        assert times / 500 > 0.92, name


def test_rates_without_an_error_have_intervals_with_a_width():
    rates = metrics.estimated_rates(np.array([[30, 0, 0], [0, 30, 0]]))
    for rate in (rates.balanced_accuracy, rates.macro_precision, rates.macro_f1, rates.f1["man"]):
        assert rate.value == 1
        assert 0.85 < rate.interval[0] < 0.97
        assert rate.interval[1] == 1
    assert rates.recall_gap.value == rates.recall_gap.interval[0] == 0
    assert 0.05 < rates.recall_gap.interval[1] < 0.15
    assert metrics.estimated_rates(np.array([[1, 0, 0], [0, 0, 9]])).precision[
        "woman"
    ].interval == (metrics.wilson(1, 1))


def test_the_interval_of_a_gap_is_that_of_the_signed_difference():
    rates = metrics.estimated_rates(np.array([[80, 20, 0], [5, 95, 0]]))
    low, high = metrics.difference(0.95, 100, 0.8, 100)
    assert low > 0
    assert rates.recall_gap.interval == pytest.approx((low, high))
    mirrored = metrics.estimated_rates(np.array([[95, 5, 0], [20, 80, 0]]))
    assert mirrored.recall_gap.interval == pytest.approx((low, high))


def test_bootstrap_of_counts_is_that_of_pictures():
    truth, score = simulated(300)
    predicted = metrics.decide(score)
    replicates = metrics.resample(metrics.confusion(truth, predicted), seed=0)
    values = np.array([metrics.rates(counts)["balanced_accuracy"] for counts in replicates])
    drawn = np.random.default_rng(1).integers(0, 300, (2000, 300))
    right = predicted[drawn] == truth[drawn]
    recalls = [np.mean(right, axis=1, where=truth[drawn] == k) for k in (0, 1)]
    np.testing.assert_allclose(
        metrics.percentiles(values),
        metrics.percentiles((recalls[0] + recalls[1]) / 2),
        atol=0.01,
    )


def test_bootstrap_depends_on_its_seed_alone():
    assert (metrics.resample(COUNTS, 1) == metrics.resample(COUNTS, 1)).all()
    assert (metrics.resample(COUNTS, 1) != metrics.resample(COUNTS, 2)).any()


def test_percentiles_skip_what_is_undefined():
    values = np.array([[0.0, NAN, NAN], [1.0, NAN, 0.5]])
    low, high = metrics.percentiles(values)
    np.testing.assert_allclose(low, [0.025, NAN, 0.5])
    np.testing.assert_allclose(high, [0.975, NAN, 0.5])


def test_roc_auc_and_its_interval():
    truth, score = simulated(500)
    estimate = metrics.roc_auc(truth, score)
    low, high = estimate.interval
    assert estimate.value == sklearn_metrics.roc_auc_score(truth, score)
    drawn = np.random.default_rng(0).integers(0, 500, (400, 500))
    areas = np.array([sklearn_metrics.roc_auc_score(truth[d], score[d]) for d in drawn])
    np.testing.assert_allclose((low, high), metrics.percentiles(areas), atol=0.01)


def test_roc_auc_is_of_the_answered_and_unknown_without_both_classes():
    truth, score = np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9, NAN])
    assert metrics.roc_auc(truth, score) == Estimate(n=4, value=1.0, interval=(1.0, 1.0))
    assert metrics.roc_auc(np.zeros(5, np.int64), score).value is None


def test_selective():
    truth, score = np.array([1, 0, 1, 0, 1]), np.array([0.95, 0.3, 0.4, 0.8, NAN])
    measured = metrics.selective(truth, score, 0.7)
    assert measured.coverage == metrics.proportion(3, 5)
    assert measured.accuracy.n == 3
    assert measured.accuracy.value == pytest.approx(2 / 3)
    assert measured.accuracy.interval == metrics.wilson(2, 3)
    assert metrics.selective(truth, score, 0.99).accuracy.value is None
