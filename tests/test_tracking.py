"""Boxes whose truth is known: they cross, hide, leave, jitter, and change their labels."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from genderscope.core.types import UNCERTAIN, Box, Face, Prediction, Result
from genderscope.video.tracking import Tracker, padded_iou

SIZE = (640, 480)


def seen(x: float, y: float = 200, side: float = 80, man: float = 0.9, threshold: float = 0.5):
    box = Box(x - side / 2, y - side / 2, side, side)
    return Result(Face(box), Prediction((1 - man, man), threshold))


def numbers(results) -> list[int]:
    return [result.track.number for result in results]


def test_boxes_overlap_with_padding() -> None:
    box = np.array([[0.5, 0.5, 0.1, 0.1]])
    for apart, expected in ((0, 1), (0.1, 1 / 3), (0.2, 0), (0.5, 0)):
        assert padded_iou(box, box + np.array([apart, 0, 0, 0]))[0, 0] == pytest.approx(expected)


@pytest.mark.parametrize("frame_rate", [4, 8, 25])
@pytest.mark.parametrize("seed", range(5))
def test_two_who_cross_keep_their_numbers(frame_rate: int, seed: int) -> None:
    """While they overlap, the detector sees one alone; which one, only their faces would tell."""
    random = np.random.default_rng(seed)
    tracker = Tracker()
    owners: dict[int, set[str]] = {}
    for index in range(5 * frame_rate):
        time_s = index / frame_rate
        places = {"front": 60 + 100 * time_s, "behind": 560 - 100 * time_s}
        if abs(places["front"] - places["behind"]) < 45:
            del places["behind"]
        people = random.permutation(list(places)).tolist()
        found = [seen(places[p] + random.normal(0, 2), 200 + random.normal(0, 2)) for p in people]
        for person, number in zip(
            people, numbers(tracker.update(found, time_s, SIZE)), strict=True
        ):
            owners.setdefault(number, set()).update([person] if len(people) == 2 else [])
    assert sorted(map(sorted, owners.values())) == [["behind"], ["front"]]


@pytest.mark.parametrize(("hidden_s", "tracks"), [(0.3, 1), (0.9, 1), (1.5, 2), (10, 2)])
def test_only_a_short_absence_keeps_a_number(hidden_s: float, tracks: int) -> None:
    tracker = Tracker()
    times = np.concatenate([np.arange(0, 1, 0.1), 0.9 + hidden_s + np.arange(0, 1, 0.1)])
    found = [numbers(tracker.update([seen(300)], time_s, SIZE)) for time_s in times]
    assert len({number for [number] in found}) == tracks


def test_empty_frames_between_count_as_absence() -> None:
    tracker = Tracker(max_age_s=0.5)
    assert numbers(tracker.update([seen(300)], 0, SIZE)) == [1]
    for time_s in (0.1, 0.2, 0.3):
        assert tracker.update([], time_s, SIZE) == ()
        [expected] = tracker.hidden(SIZE)
        assert expected.centre == pytest.approx((300, 200))
    assert numbers(tracker.update([seen(300)], 0.4, SIZE)) == [1]
    assert tracker.hidden(SIZE) == []


def test_one_who_is_elsewhere_is_another() -> None:
    tracker = Tracker()
    tracker.update([seen(100)], 0, SIZE)
    assert numbers(tracker.update([seen(500), seen(100)], 0.1, SIZE)) == [2, 1]


def test_a_frame_of_another_size_is_the_same_place() -> None:
    tracker = Tracker()
    for index in range(5):
        tracker.update([seen(300)], index / 10, SIZE)
    assert numbers(tracker.update([seen(150, 100, 40)], 0.5, (320, 240))) == [1]


def test_the_score_is_the_mean_of_the_log_odds() -> None:
    tracker = Tracker()
    scores = [0.9, 0.8, 0.3]
    for index, man in enumerate(scores):
        [result] = tracker.update([seen(300, man=man)], index / 10, SIZE)
        assert result.track.scores[1] == pytest.approx(man)
        assert result.track.frames == index + 1
        assert result.track.confirmed == (index == 2)
    odds = np.prod([man / (1 - man) for man in scores]) ** (1 / 3)
    assert result.prediction.scores[1] == pytest.approx(odds / (1 + odds))


def test_no_single_frame_decides_for_ever() -> None:
    tracker = Tracker()
    for index, man in enumerate([1.0] + [0.05] * 9):
        [result] = tracker.update([seen(300, man=man)], index / 10, SIZE)
    assert result.prediction.label == "woman"


@pytest.mark.parametrize("threshold", [0.5, 0.63])
@pytest.mark.parametrize("middle", [0.35, 0.5, 0.63, 0.9])
def test_labels_do_not_flicker(threshold: float, middle: float) -> None:
    """Scores that jump about, also around the threshold: at most one change in ten seconds."""
    for seed in range(8):
        random = np.random.default_rng(seed)
        tracker, labels = Tracker(), []
        for index in range(250):
            log_odds = np.log(middle / (1 - middle)) + random.normal(0, 0.7)
            man = 1 / (1 + np.exp(-log_odds))
            [result] = tracker.update([seen(300, man=man, threshold=threshold)], index / 25, SIZE)
            labels.append(result.prediction.label)
        assert sum(before != after for before, after in pairwise(labels)) <= 1


@pytest.mark.parametrize(
    ("first", "then", "labels"),
    [(0.9, 0.02, ["man", "woman"]), (0.6, 0.95, [UNCERTAIN, "man"]), (0.9, 0.55, ["man"])],
)
def test_a_label_changes_where_the_scores_clearly_do(
    first: float, then: float, labels: list[str]
) -> None:
    tracker, found = Tracker(), []
    for index in range(60):
        man = first if index < 10 else then
        [result] = tracker.update([seen(300, man=man, threshold=0.63)], index / 25, SIZE)
        found.append(result.prediction.label)
    # Through "uncertain", where it lies between the two.
    assert [label for label in dict.fromkeys(found) if label in labels] == labels
    assert found[-1] == labels[-1]


def test_a_new_track_has_the_label_of_its_first_frame() -> None:
    [result] = Tracker().update([seen(300, man=0.7)], 0, SIZE)
    assert result.prediction.label == "man"


def test_a_frame_of_a_face_turned_aside_does_not_count() -> None:
    tracker = Tracker()
    aside = seen(300, man=0.01)
    aside = replace(aside, prediction=replace(aside.prediction, steady=UNCERTAIN))
    for index, (result, label, man) in enumerate(
        [(aside, UNCERTAIN, 0.5), (seen(300, man=0.8), "man", 0.8), (aside, "man", 0.8)]
    ):
        [tracked] = tracker.update([result], index / 25, SIZE)
        assert tracked.label == label
        assert tracked.scores["man"] == pytest.approx(man)
