"""Closed intervals against published numbers, and whether they hold the truth as often as they say.

Each simulation makes 2,000 draws from known shares and asks all intervals at once.
"""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the eval extra")

from genderscope.evaluation import metrics
from genderscope.evaluation.audit import intervals
from genderscope.evaluation.audit.results import Extreme

DRAWS = 2_000


def drawn(shares: list[float], n: list[int], seed: int = 1) -> np.ndarray:
    """Observed shares, (draws, groups)."""
    return np.random.default_rng(seed).binomial(n, shares, (DRAWS, len(n))) / n


def coverage(between: tuple[np.ndarray, np.ndarray], truth: float) -> float:
    low, high = between
    return float(np.mean((low <= truth) & (truth <= high)))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    # Newcombe (1998), statistics in medicine 17:873-890, table II, method 10.
    [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0000)),
        ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ],
)
def test_difference_as_published(one, other, expected):
    pair = one[0] / one[1], one[1], other[0] / other[1], other[1]
    low, high = intervals.difference(*pair)
    assert (float(low), float(high)) == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_ratio_of_equals_is_symmetric(share):
    low, high = intervals.ratio(share, 400, share, 400)
    assert float(low * high) == pytest.approx(1)
    # Not far from the delta method's, for samples as large (Katz et al. 1978).
    assert float(np.log(high)) == pytest.approx(1.96 * (2 * (1 - share) / share / 400) ** 0.5, 0.1)


def test_ratio_to_nothing_has_no_upper_end():
    low, high = intervals.ratio(np.array([0.2, 0.0]), 100, np.array([0.0, 0.0]), 100)
    assert np.isinf(high).all()
    assert low[0] > 1
    assert low[1] == 0


@pytest.mark.parametrize(
    ("shares", "n"),
    [((0.13, 0.09), (700, 530)), ((0.03, 0.05), (300, 900)), ((0.05, 0.1), (400, 400))],
)
def test_intervals_hold_the_truth_as_often_as_they_say(shares, n):
    one, other = drawn(list(shares), list(n)).T
    pair = one, n[0], other, n[1]
    assert 0.94 <= coverage(metrics.wilson(one * n[0], n[0]), shares[0]) <= 0.96
    assert 0.94 <= coverage(intervals.difference(*pair), shares[0] - shares[1]) <= 0.96
    assert 0.94 <= coverage(intervals.ratio(*pair), shares[0] / shares[1]) <= 0.96


@pytest.mark.parametrize(
    ("shares", "n", "at_most"),
    [
        ((0.1, 0.15), (500, 500), 0.96),
        ((0.05, 0.12, 0.2), (400, 400, 400), 0.96),
        # With others near the two, the intervals are careful, and hold the truth more often.
        ((0.175, 0.11, 0.13, 0.12, 0.105, 0.1, 0.125), (700, 700, 680, 720, 550, 650, 1000), 1),
        ((0.2, 0.1, 0.1, 0.1, 0.1, 0.1), (600,) * 6, 1),
        ((0.12,) * 7, (600,) * 7, 1),
    ],
)
def test_the_largest_difference_and_ratio_are_held(shares, n, at_most):
    names = [{}] * len(n)
    found = [intervals.extremes(names, seen, np.array(n)) for seen in drawn(list(shares), list(n))]
    for between, truth in (
        ([each.difference_interval for each in found], max(shares) - min(shares)),
        ([each.ratio_interval for each in found], max(shares) / min(shares)),
    ):
        low, high = np.array(between).T
        assert 0.94 <= coverage((low, high), truth) <= at_most


def test_extremes_by_hand():
    names, n = [{"site": name} for name in "abc"], np.array([100, 100, 100])
    found = intervals.extremes(names, np.array([0.2, 0.1, 0.4]), n)
    assert found.most == Extreme(group={"site": "c"}, value=0.4)
    assert found.least == Extreme(group={"site": "b"}, value=0.1)
    assert found.difference == pytest.approx(0.3)
    assert found.ratio == pytest.approx(4)
    alike = intervals.extremes(names, np.zeros(3), n)
    assert alike.most.group != alike.least.group  # two groups, not one twice
    assert (alike.most.group, alike.least.group) == (names[0], names[2])
    assert (alike.ratio, alike.ratio_interval) == (None, (1, None))


def test_pictures_of_one_person_count_for_less():
    """2,000 data sets of 60 persons of 1 to 20 pictures, whose errors differ by person."""
    random, share, alike = np.random.default_rng(3), 0.3, 0.1
    held = plain = 0
    for _ in range(DRAWS):
        n = random.integers(1, 20, 60)
        own = random.beta(share * (1 / alike - 1), (1 - share) * (1 / alike - 1), 60)
        wrong = random.binomial(n, own)
        seen, effective_n = wrong.sum() / n.sum(), intervals.effective(n, wrong, wrong.sum())
        held += coverage(metrics.wilson(seen * effective_n, effective_n), share)
        plain += coverage(metrics.wilson(wrong.sum(), n.sum()), share)
    assert 0.94 <= held / DRAWS <= 0.96
    assert plain / DRAWS < 0.9  # what not knowing the persons would do


@pytest.mark.parametrize(
    ("n", "wrong", "most"),
    [
        ([5, 5, 5, 5] * 10, [1, 1, 1, 1] * 10, 200),  # all alike: pictures are pictures
        ([5, 5, 5, 5] * 10, [5, 0, 5, 0] * 10, 40),  # a person is all right or all wrong
        ([5] * 40, [0] * 40, 40),  # no error: a person is one picture
        ([5, 5], [0, 0], 0.05),  # two persons: Student's t has one degree of freedom
        ([200], [20], 1),
        ([], [], 0),
    ],
)
def test_worth_lies_between_persons_and_pictures(n, wrong, most):
    worth = intervals.effective(np.array(n), np.array(wrong), float(sum(wrong)))
    assert 0.9 * most <= worth <= most


def test_the_score_test_is_the_square_root_of_pearson_s():
    stats = pytest.importorskip("scipy.stats")
    table = [[30, 170], [60, 240]]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert float(intervals.score_test(0.15, 200, 0.2, 300)) == pytest.approx(expected)
    assert float(intervals.score_test(0.0, 200, 0.0, 300)) == 1


def test_holm_by_hand():
    adjusted = intervals.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, 0.02])


def test_a_false_verdict_is_as_rare_as_it_says():
    """2,000 data sets of eight groups of equal errors, each compared with all others."""
    n = np.array([400, 300, 500, 700, 250, 600, 450, 900])
    wrong = drawn([0.12] * 8, n.tolist()) * n
    others, others_n = (wrong.sum(1, keepdims=True) - wrong), n.sum() - n
    p = intervals.score_test(wrong / n, n, others / others_n, others_n)
    false = np.mean([(intervals.holm(row) <= 0.05).any() for row in p])
    assert 0.03 < false < 0.06
