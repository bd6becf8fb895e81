"""Paired tests against hand-computed numbers, those of other packages, and simulation."""

import numpy as np
import pytest

from genderscope.evaluation import metrics
from genderscope.evaluation.metrics import paired

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="needs the eval extra")
pytest.importorskip("scipy", reason="needs the eval extra")


def pair(both: int, a_only: int, b_only: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = (both, a_only, b_only, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False] * 2, counts)


@pytest.mark.parametrize(
    ("counts", "p"),
    [
        ((10, 0, 0, 5), 1.0),
        ((0, 0, 0, 0), 1.0),
        ((50, 1, 5, 9), 2 * 7 / 64),  # 2 (C(6,0) + C(6,1)) / 2^6
        ((50, 3, 3, 9), 1.0),
        ((9, 0, 10, 1), 2 / 1024),
        # What statsmodels 0.15 gives: contingency_tables.mcnemar([[both, a], [b, none]]).pvalue.
        ((101, 121, 59, 33), 4.4344492637551645e-06),
        ((2000, 300, 250, 450), 0.036578745549102676),
    ],
)
def test_mcnemar(counts, p):
    found = paired.mcnemar(*pair(*counts))
    assert (found.a_only, found.b_only) == counts[1:3]
    assert found.p == pytest.approx(p, rel=1e-6)
    swapped = paired.mcnemar(*pair(counts[0], counts[2], counts[1], counts[3]))
    assert swapped.p == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize(
    ("counts", "expected"),
    # Newcombe (1998), Statistics in Medicine 17:2635-2650, table III, method 10.
    [
        ((36, 12, 2, 0), (0.0569, 0.3404)),
        ((54, 0, 0, 0), (-0.0664, 0.0664)),
    ],
)
def test_difference_as_published(counts, expected):
    assert paired.difference(*pair(*counts)).interval == pytest.approx(expected, abs=5e-5)


def test_difference_is_that_of_the_accuracies():
    a, b = pair(200, 60, 30, 10)
    found = paired.difference(a, b)
    assert (found.value, found.n) == (pytest.approx(0.1), 300)
    swapped = paired.difference(b, a)
    assert swapped.value == pytest.approx(-0.1)
    assert swapped.interval == pytest.approx((-found.interval[1], -found.interval[0]))
    # Fewer discordant pictures with the same difference: a narrower interval.
    narrower = paired.difference(*pair(230, 30, 0, 40))
    assert narrower.value == pytest.approx(0.1)
    assert np.ptp(narrower.interval) < np.ptp(found.interval)


@pytest.mark.parametrize("shares", [(0.8, 0.09, 0.05, 0.06), (0.9, 0.004, 0.004, 0.092)])
def test_difference_covers_the_truth(shares):
    drawn = np.random.default_rng(5).multinomial(400, shares, 400)
    intervals = [paired.difference(*pair(*counts)).interval for counts in drawn.tolist()]
    covered = sum(low <= shares[1] - shares[2] <= high for low, high in intervals)
    assert covered / 400 > 0.93


def test_nothing_has_no_difference_and_no_agreement():
    nothing, none_said = np.zeros(0, bool), np.zeros(0, np.int64)
    assert paired.difference(nothing, nothing).value is None
    assert paired.agreement(none_said, none_said).kappa.value is None


def test_agreement_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    a = random.integers(-1, 3, 500)
    b = np.where(random.random(500) < 0.6, a, random.integers(-1, 3, 500))
    found = paired.agreement(a, b)
    assert found.share.value == (a == b).mean()
    assert found.share.interval == metrics.wilson((a == b).sum(), 500)
    assert found.kappa.value == pytest.approx(sklearn_metrics.cohen_kappa_score(a, b))
    drawn = random.integers(0, 500, (400, 500))
    kappas = np.array([sklearn_metrics.cohen_kappa_score(a[d], b[d]) for d in drawn])
    np.testing.assert_allclose(found.kappa.interval, metrics.percentiles(kappas), atol=0.015)


def test_agreement_of_chance_and_of_one_word():
    a, b = np.array([0, 0, 1, 1] * 50), np.array([0, 1] * 100)
    assert paired.agreement(a, b).kappa.value == pytest.approx(0)
    one = paired.agreement(np.zeros(9, np.int64), np.zeros(9, np.int64))
    assert one.share.value == 1
    assert one.kappa.value is None
