"""Counts of tracks, and their correction where the truth is known because it was drawn."""

import json
from pathlib import Path

import numpy as np
import pytest

from genderscope.core.errors import ModelError
from genderscope.core.types import UNCERTAIN, Box, Face, Prediction, Result, Sighting
from genderscope.inference.classifier import shipped
from genderscope.video.counts import (
    ONLY_RIGHT_WHERE,
    Confusion,
    Counts,
    corrected,
    known_confusion,
)

KNOWN = Confusion(((90, 10), (20, 80)), {"file": "made.json"})


def seen(track: int, label: str, man: float = 0.5, counted: bool = True) -> Result:
    prediction = Prediction((1 - man, man), steady=label)
    sighting = Sighting(track, 5, counted, prediction.scores)
    return Result(Face(Box(0, 0, 9, 9)), prediction, sighting)


def test_each_track_counts_once_by_its_last_label() -> None:
    counts = Counts(None)
    counts.add([seen(1, "woman"), seen(2, UNCERTAIN)], 0)
    counts.add([seen(2, "man"), seen(3, "man", counted=False)], 1)
    counts.add([], 2)
    counts.add([seen(1, "woman"), seen(4, UNCERTAIN)], 3)
    report = counts.report()
    assert report["n"] == 3
    assert report["total"] == {"woman": 1, "man": 1, UNCERTAIN: 1}
    assert report["seconds"] == 3
    assert report["corrected"] is None
    assert "no result of this model" in report["not_corrected"]


def test_intervals_hold_who_was_seen_in_them() -> None:
    counts = Counts(KNOWN, interval_s=10)
    ended = [
        counts.add([seen(1, "woman")], 1),
        counts.add([seen(1, "woman"), seen(2, "man")], 9.9),
        counts.add([seen(2, UNCERTAIN)], 10),
        counts.add([seen(3, "man")], 35),
        counts.add([], None),
    ]
    assert ended == [False, False, True, True, False]
    intervals = counts.report()["intervals"]
    assert [interval["start_s"] for interval in intervals] == [0, 10, 20, 30]
    assert [interval["n"] for interval in intervals] == [2, 1, 0, 1]
    assert [interval["new"] for interval in intervals] == [2, 0, 0, 1]
    assert intervals[0]["woman"] == intervals[0]["man"] == 1
    assert intervals[1][UNCERTAIN] == 1
    assert sum(interval["new"] for interval in intervals) == counts.report()["n"] == 3


def test_the_correction_takes_uncertain_ones_by_their_higher_score() -> None:
    counts = Counts(KNOWN)
    labels = [("woman", 0.1)] * 3 + [(UNCERTAIN, 0.45)] * 2 + [(UNCERTAIN, 0.55), ("man", 0.9)]
    counts.add([seen(number, *label) for number, label in enumerate(labels)], 0)
    report = counts.report()
    assert report["total"] == {"woman": 3, "man": 1, UNCERTAIN: 3}
    assert report["corrected"]["called_without_abstention"] == {"woman": 5, "man": 2}
    assert report["corrected"]["only_right_where"] == ONLY_RIGHT_WHERE
    assert report["corrected"]["confusion_from"] == {"file": "made.json"}
    assert json.loads(json.dumps(report))
    for label, share in corrected(2, 7, KNOWN).items():
        assert report["corrected"][label] == share


def test_no_track_gives_no_correction() -> None:
    report = Counts(KNOWN).report()
    assert (report["n"], report["corrected"]) == (0, None)
    assert report["not_corrected"] == "no track was counted"


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_expected_answers_are_corrected_to_the_truth(share: float) -> None:
    """Rogan and Gladen undo exactly what the confusion does."""
    n = 100_000
    men = round(n * (share * 0.8 + (1 - share) * 0.1))
    found = corrected(men, n, KNOWN)
    assert found["man"]["share"] == pytest.approx(share, abs=1e-9)
    assert found["woman"]["share"] == pytest.approx(1 - share, abs=1e-9)
    assert found["man"]["tracks"] + found["woman"]["tracks"] == pytest.approx(n)


def test_impossible_shares_are_cut_off() -> None:
    found = corrected(0, 50, KNOWN)
    assert (found["man"]["share"], found["woman"]["share"]) == (0, 1)
    low, high = found["man"]["share_interval"]
    assert low == 0 < high < 0.3
    assert found["woman"]["share_interval"] == [1 - high, 1 - low]
    assert found["woman"]["tracks_interval"] == pytest.approx([50 * (1 - high), 50])


@pytest.mark.parametrize("n", [10, 100, 1000])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.85])
@pytest.mark.parametrize(
    ("recalls", "known"), [((0.87, 0.87), 2400), ((0.8, 0.95), 60), ((0.7, 0.65), 500)]
)
def test_intervals_hold_the_truth_as_often_as_they_say(
    n: int, share: float, recalls: tuple[float, float], known: int
) -> None:
    """People, the model's errors on them, and its known confusion are drawn anew each time."""
    random = np.random.default_rng(0)
    draws, held = 1200, 0
    for _ in range(draws):
        men = random.binomial(n, share)
        called = random.binomial(men, recalls[1]) + random.binomial(n - men, 1 - recalls[0])
        woman, man = random.binomial(known, recalls[0]), random.binomial(known, recalls[1])
        confusion = Confusion(((woman, known - woman), (known - man, man)), {})
        low, high = corrected(called, n, confusion)["man"]["share_interval"]
        held += low <= share <= high
    assert held / draws > 0.93


def test_little_knowledge_of_the_confusion_widens_the_interval() -> None:
    widths = []
    for times in (1, 10, 100):
        counts = (90 * times, 10 * times), (20 * times, 80 * times)
        low, high = corrected(400, 1000, Confusion(counts, {}))["man"]["share_interval"]
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 1.5 * widths[2]


@pytest.mark.parametrize(("men", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share_is_refused(men: int, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        corrected(men, n, KNOWN)


def test_a_model_that_tells_nothing_apart_corrects_nothing() -> None:
    with pytest.raises(ValueError, match="tells nothing apart"):
        corrected(1, 2, Confusion(((50, 50), (60, 40)), {}))


@pytest.mark.parametrize("name", shipped())
def test_shipped_models_bring_their_confusion_without_leaks(name: str) -> None:
    found = known_confusion(name, "yunet")
    assert found.origin["file"] == f"{name}.fairface-val-no-leaks.yunet.json"
    assert sum(map(sum, found.counts)) == found.origin["n"] > 4000
    assert known_confusion(name, "haar").origin["detector"] == "haar"
    assert known_confusion(name, "mine") is None


def test_the_confusion_lies_beside_a_model_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.onnx").touch()
    assert known_confusion(tmp_path / "own.onnx", "yunet") is None
    result = {"confusion": {"counts": [[9, 1], [2, 8]]}, "dataset": "d", "split": "s"}
    file = tmp_path / "own.fairface-val.yunet.json"
    file.write_text(json.dumps(result))
    with pytest.raises(ModelError, match="is no result of a model"):
        known_confusion(tmp_path / "own.onnx", "yunet")
    file.write_text(json.dumps(result | {"detector": "yunet", "n": 20}))
    assert known_confusion(tmp_path / "own.onnx", "yunet").counts == ((9, 1), (2, 8))


def test_a_confusion_knows_both_labels() -> None:
    with pytest.raises(ValueError, match="some of both"):
        Confusion(((0, 0), (1, 2)), {})


def test_such_a_model_leaves_the_counts_uncorrected() -> None:
    counts = Counts(Confusion(((50, 50), (60, 40)), {}))
    counts.add([seen(1, "woman")], 0)
    assert counts.report()["corrected"] is None
    assert "tells nothing apart" in counts.report()["not_corrected"]
