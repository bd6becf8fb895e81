"""Groups, measures and verdicts on arrays whose errors are known, made or counted by hand."""

import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the eval extra")

from sklearn.metrics import recall_score, zero_one_loss

from genderscope.evaluation import metrics
from genderscope.evaluation.audit import compare, extremes
from genderscope.evaluation.audit.disaggregate import (
    Division,
    calibration,
    divide,
    measure,
    outcomes,
)
from genderscope.evaluation.metrics.calibration import calibration as whole_calibration
from genderscope.evaluation.predictions import Predictions

EXACT = {"rel": 0, "abs": 1e-9}
# Of each group: pictures, and how many are said wrongly, uncertain but nearer to the wrong label,
# uncertain but nearer to the right one, without an answer.
KNOWN = {
    ("Black", "woman"): (200, 30, 10, 20, 2),
    ("Black", "man"): (100, 5, 5, 0, 0),
    ("White", "woman"): (300, 15, 0, 10, 0),
    ("White", "man"): (29, 9, 0, 0, 0),  # n too small
}


def predicted(truth: np.ndarray, labels: np.ndarray, score: float | np.ndarray) -> Predictions:
    files = tuple(map(str, range(len(truth))))
    return Predictions("mine", files, truth, np.broadcast_to(score, len(truth)), labels)


def made() -> tuple[dict[str, np.ndarray], Predictions]:
    """Columns and predictions with the errors of ``KNOWN``, in mixed order."""
    rows = []
    for (race, gender), (n, wrong, near_wrong, near_right, none) in KNOWN.items():
        label = int(gender == "man")
        right = n - wrong - near_wrong - near_right - none
        for said, decided, confidence, count in (
            (label, label, 0.9, right),
            (1 - label, 1 - label, 0.8, wrong),
            (2, 1 - label, 0.55, near_wrong),
            (2, label, 0.6, near_right),
            (-1, -1, np.nan, none),
        ):
            score = confidence if decided == 1 else 1 - confidence
            rows += [(race, gender, label, said, score)] * count
    order = np.random.default_rng(0).permutation(len(rows))
    race, gender, *numbers = (np.array(column)[order] for column in zip(*rows, strict=True))
    return {"race": race, "gender": gender}, predicted(*numbers)


def one(n: int) -> Division:
    return Division((), ((),), np.zeros(n, np.int64))


def test_every_number_of_known_errors_is_right():
    columns, predictions = made()
    divisions = {d.columns: d for d in divide(columns, ["race", "gender"], depth=2)}
    assert list(divisions) == [("race",), ("gender",), ("race", "gender")]
    crossed = divisions["race", "gender"]
    assert crossed.names == tuple(sorted(KNOWN))
    found = measure(outcomes(predictions), crossed)
    for place, name in enumerate(crossed.names):
        n, wrong, near_wrong, near_right, none = KNOWN[name]
        undecided, errors = near_wrong + near_right, wrong + near_wrong + none
        answered, scored = n - undecided - none, n - none
        confidence = 0.9 * (answered - wrong) + 0.8 * wrong + 0.55 * near_wrong + 0.6 * near_right
        expected = {
            "error": (errors / n, n),
            "missed": ((wrong + undecided + none) / n, n),
            "uncertain": (undecided / n, n),
            "answered_error": (wrong / answered, answered),
            f"recall_{name[1]}": (1 - errors / n, n),
            "overconfidence": ((confidence - (scored - wrong - near_wrong)) / scored, scored),
        }
        for key, (value, counted) in expected.items():
            of = found[key]
            assert of.n[place] == counted, (name, key)
            if n < metrics.SMALLEST_N:
                assert np.isnan([of.value[place], of.low[place], of.high[place]]).all()
                continue
            assert of.value[place] == pytest.approx(value, **EXACT), (name, key)
            if key != "overconfidence":
                between = metrics.wilson(round(value * counted), counted)
                assert (of.low[place], of.high[place]) == pytest.approx(between, **EXACT)
        other = {"woman": "man", "man": "woman"}[name[1]]
        assert found[f"recall_{other}"].n[place] == 0
        assert np.isnan(found[f"recall_{other}"].value[place])


def test_is_what_scikit_learn_says():
    columns, predictions = made()
    [division] = divide(columns, ["race"], depth=1)
    found = measure(outcomes(predictions), division)
    errors = {}
    for place, (race,) in enumerate(division.names):
        member = columns["race"] == race
        truth, decided = predictions.truth[member], predictions.forced[member]
        errors[race] = zero_one_loss(truth, decided)
        recall = recall_score(truth, decided, labels=[0], average="macro")
        assert found["error"].value[place] == pytest.approx(errors[race], **EXACT)
        assert found["recall_woman"].value[place] == pytest.approx(recall, **EXACT)
    np.testing.assert_allclose(found["recall_man"].value, [0.9, np.nan])  # of 100, and of 29
    apart = extremes(division, found["error"])
    assert apart.difference == pytest.approx(errors["Black"] - errors["White"], **EXACT)
    assert apart.ratio == pytest.approx(errors["Black"] / errors["White"], **EXACT)
    assert apart.most.group == {"race": "Black"}


def test_groups_are_in_their_order_and_any_name_is_one():
    odd = ["10-19", "3-9", "", "a,b", "<b>", "N/A", "nan", "\n", "é" * 300, "more than 70"]
    divisions = list(divide({"age": np.array(odd * 2)}, ["age"], depth=3))
    assert len(divisions) == 1
    names = [name for (name,) in divisions[0].names]
    assert names[:2] == ["3-9", "10-19"]
    assert sorted(names) == sorted(odd)
    assert np.bincount(divisions[0].group).tolist() == [2] * len(odd)


def test_depth_limits_how_many_columns_are_crossed():
    columns = {name: np.array(["x", "y"] * 50) for name in "abcd"}
    assert len(list(divide(columns, list("abcd"), depth=1))) == 4
    assert len(list(divide(columns, list("abcd"), depth=2))) == 4 + 6
    assert len(list(divide(columns, list("abcd"), depth=9))) == 4 + 6 + 4 + 1


def test_intervals_of_groups_hold_the_truth():
    """2,000 draws are 2,000 groups: errors, recall, and confidence less accuracy."""
    draws, n, random = 2_000, 300, np.random.default_rng(5)
    group = np.repeat(np.arange(draws), n)
    score = random.beta(2, 2, draws * n)  # of being man, and so overconfident by a known amount
    probability = 0.5 + 0.7 * (score - 0.5)
    truth = (random.random(draws * n) < probability).astype(np.int64)
    decided = (score > 0.5).astype(np.int64)
    names = tuple((str(place),) for place in range(draws))
    values = outcomes(predicted(truth, decided, score))
    found = measure(values, Division(("draw",), names, group))
    # Means of |s - 1/2| for Beta(2, 2): 3/16.
    truths = {"error": 0.5 - 0.7 * 3 / 16, "overconfidence": 0.3 * 3 / 16}
    for key, expected in truths.items():
        of = found[key]
        held = np.mean((of.low <= expected) & (expected <= of.high))
        assert 0.94 <= held <= 0.96, (key, held)


def test_pictures_of_known_persons_widen_the_intervals():
    random = np.random.default_rng(6)
    person = np.repeat(np.arange(80), 5)
    wrong = np.repeat(random.random(80) < 0.2, 5)
    group = (person % 2).astype(np.int64)
    truth, decided = np.zeros(400, np.int64), wrong.astype(np.int64)
    division = Division(("side",), (("left",), ("right",)), group)
    measures = outcomes(predicted(truth, decided, np.nan))
    alone, known = measure(measures, division), measure(measures, division, person)
    np.testing.assert_array_equal(alone["error"].value, known["error"].value)
    assert known["error"].effective_n == pytest.approx([40, 40], rel=0.1)
    assert known["error"].others_effective_n == pytest.approx([40, 40], rel=0.1)
    widths = [of["error"].high - of["error"].low for of in (alone, known)]
    assert (widths[1] > 1.8 * widths[0]).all()
    few = measure(measures, division, person // 4)  # 20 persons, 10 to 20 of them a group
    assert np.isnan(few["error"].value).all()


def test_verdicts_come_only_where_the_intervals_allow_them():
    n = np.array([1000, 1000, 1000, 40, 20])
    rate = np.array([0.05, 0.10, 0.15, 0.2, 0.9])
    group = np.repeat(np.arange(5), n)
    wrong = np.concatenate(
        [np.arange(k) < round(k * share) for k, share in zip(n, rate, strict=True)]
    )
    truth, decided = np.zeros(n.sum(), np.int64), wrong.astype(np.int64)
    division = Division(("g",), tuple((name,) for name in "abcde"), group)
    found = compare([(division, measure(outcomes(predicted(truth, decided, np.nan)), division))])
    errors = {division.names[group][0]: c["error"] for (_, group), c in found.items()}
    assert {name: c.verdict for name, c in errors.items()} == {
        "a": "fewer",
        "b": "inconclusive",
        "c": "more",
        "d": "inconclusive",  # twice as many errors, of few pictures; and of e nothing is said
    }
    others = (wrong.sum() - 50) / (n.sum() - 1000)
    assert errors["a"].others == pytest.approx(others, **EXACT)
    assert errors["a"].difference == pytest.approx(0.05 - others, **EXACT)
    assert errors["a"].ratio == pytest.approx(0.05 / others, **EXACT)
    for comparisons in found.values():
        assert set(comparisons) == {"error", "missed", "uncertain"}
        assert all(c.p <= c.p_holm <= 1 for c in comparisons.values())


def errors_of(n: list[int], wrong: list[int]) -> list:
    """The comparisons of groups of so many pictures, so many of them wrong."""
    group = np.repeat(np.arange(len(n)), n)
    decided = np.concatenate(
        [np.arange(k) < errors for k, errors in zip(n, wrong, strict=True)]
    ).astype(np.int64)
    truth = np.zeros(sum(n), np.int64)
    division = Division(("g",), tuple((str(place),) for place in range(len(n))), group)
    found = compare([(division, measure(outcomes(predicted(truth, decided, np.nan)), division))])
    return [comparisons["error"] for comparisons in found.values()]


def test_verdicts_are_corrected_for_the_number_of_tests():
    *_, last = errors_of([200] * 10, [20] * 9 + [32])
    assert last.p < 0.05 < last.p_holm
    assert last.difference_interval[0] > 0
    assert last.verdict == "inconclusive"
    *_, last = errors_of([200] * 10, [20] * 9 + [45])
    assert last.p_holm < 0.05
    assert last.verdict == "more"


def test_a_group_of_the_smallest_size_is_compared():
    """And with others of the smallest size; one picture less has no numbers."""
    smallest = metrics.SMALLEST_N
    assert [c.difference for c in errors_of([smallest, 90], [15, 9])] == [0.5 - 0.1]
    assert [c.difference for c in errors_of([90, smallest], [45, 3])] == [0.5 - 0.1]
    assert len(errors_of([smallest, smallest, 90], [3, 6, 9])) == 3
    assert errors_of([smallest - 1, 90], [15, 9]) == []
    person = np.arange(2 * smallest) // 2
    division = one(2 * smallest)
    values = {"error": np.ones(2 * smallest)}
    assert measure(values, division, person)["error"].value == [1]
    fewer = np.maximum(person - 1, 0)
    assert np.isnan(measure(values, division, fewer)["error"].value).all()
    assert metrics.share(np.ones(smallest, bool)).value == 1
    assert metrics.share(np.ones(smallest - 1, bool)).value is None


@pytest.mark.parametrize("values", [["x"] * 100, ["x"] * 60 + ["y"] * 40])
def test_one_group_has_no_comparison_and_two_have_one(values):
    truth, decided = np.zeros(100, np.int64), (np.arange(100) % 3 == 0).astype(np.int64)
    [division] = divide({"c": np.array(values)}, ["c"], depth=2)
    found = measure(outcomes(predicted(truth, decided, np.nan)), division)
    several = len(set(values)) > 1
    assert (extremes(division, found["error"]) is not None) == several
    comparisons = compare([(division, found)]).values()
    assert sum(map(len, comparisons)) == (3 if several else 0)


def test_calibration_is_that_of_the_whole_and_has_its_chance_level():
    random = np.random.default_rng(7)
    score = random.random(4_000)
    truth = (random.random(4_000) < score).astype(np.int64)
    predictions = predicted(truth, metrics.decide(score), score)
    [found] = calibration(predictions, one(4_000), seed=0)
    expected = whole_calibration(truth, score)
    assert found.ece == pytest.approx(expected.ece.value, **EXACT)
    assert found.confidence == pytest.approx(np.maximum(score, 1 - score).mean(), **EXACT)
    assert found.accuracy == pytest.approx(((score > 0.5) == truth).mean(), **EXACT)
    assert calibration(predictions, one(4_000), seed=0) == [found]


def test_calibrated_scores_stay_below_the_chance_level_as_often_as_it_says():
    random, n, sets = np.random.default_rng(8), 600, 2_000
    score = np.tile(random.beta(0.5, 0.5, n), sets)
    truth = (random.random(n * sets) < score).astype(np.int64)
    names = tuple((str(place),) for place in range(sets))
    group = np.repeat(np.arange(sets), n)
    predictions = predicted(truth, metrics.decide(score), score)
    found = calibration(predictions, Division(("set",), names, group), seed=0)
    below = np.mean([each.ece <= each.ece_by_chance for each in found])
    assert 0.94 <= below <= 0.96


def test_calibration_of_few_or_of_no_scores_is_withheld():
    truth = np.zeros(499, np.int64)
    for score in (0.2, np.nan):
        assert calibration(predicted(truth, truth, score), one(499), seed=0) == [None]
