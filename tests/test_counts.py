"""Counts of tracks, and their correction where the truth is known because it was drawn."""

import json
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest

from genderscope.core.errors import ModelError
from genderscope.core.results import Provenance
from genderscope.core.types import UNCERTAIN, Box, Face, Prediction, Result, TrackState
from genderscope.inference.classifier import shipped
from genderscope.video.correction import ASSUMPTION, Confusion, correct, measured_confusion
from genderscope.video.counts import Counts, LabelCounts, TrackCounter


def confusion_of(counts) -> Confusion:
    n = sum(map(sum, counts))
    return Confusion(
        counts=counts, file="made.json", dataset="made", split="val", detector="haar", n=n
    )


KNOWN = confusion_of(((90, 10), (20, 80)))


def seen(track: int, label: str, man: float = 0.5, confirmed: bool = True) -> Result:
    prediction = Prediction((1 - man, man), steady=label)
    state = TrackState(track, 5, confirmed, prediction.scores)
    return Result(Face(Box(0, 0, 9, 9)), prediction, state)


def test_each_track_counts_once_by_its_last_label() -> None:
    counts = TrackCounter(None)
    counts.add([seen(1, "woman"), seen(2, UNCERTAIN)], 0)
    counts.add([seen(2, "man"), seen(3, "man", confirmed=False)], 1)
    counts.add([], 2)
    counts.add([seen(1, "woman"), seen(4, UNCERTAIN)], 3.2504)
    report = counts.counts()
    assert report.n == 3
    assert report.total == LabelCounts(woman=1, man=1, uncertain=1)
    assert report.seconds == 3.25
    assert report.corrected is None
    assert "no evaluation of fairface val with this detector" in report.not_corrected


def test_intervals_hold_who_was_seen_in_them() -> None:
    counts = TrackCounter(KNOWN, interval_s=10)
    ended = [
        counts.add([seen(1, "woman")], 1),
        counts.add([seen(1, "woman"), seen(2, "man")], 9.9),
        counts.add([seen(2, UNCERTAIN)], 10),
        counts.add([seen(3, "man")], 35),
        counts.add([], None),
    ]
    assert ended == [False, False, True, True, False]
    intervals = counts.counts().intervals
    assert [interval.start_s for interval in intervals] == [0, 10, 20, 30]
    assert [interval.end_s for interval in intervals] == [10, 20, 30, 40]
    assert [interval.n for interval in intervals] == [2, 1, 0, 1]
    assert [interval.new for interval in intervals] == [2, 0, 0, 1]
    assert intervals[0].labels.woman == intervals[0].labels.man == 1
    assert intervals[1].labels.uncertain == 1
    assert sum(interval.new for interval in intervals) == counts.counts().n == 3


def test_the_correction_takes_uncertain_ones_by_their_higher_score() -> None:
    counts = TrackCounter(KNOWN)
    labels = [("woman", 0.1)] * 3 + [(UNCERTAIN, 0.45)] * 2 + [(UNCERTAIN, 0.55), ("man", 0.9)]
    counts.add([seen(number, *label) for number, label in enumerate(labels)], 0)
    report = counts.counts()
    assert report.total == LabelCounts(woman=3, man=1, uncertain=3)
    assert report.corrected.uncorrected == {"woman": 5, "man": 2}
    assert report.corrected.assumption == ASSUMPTION
    assert report.corrected.confusion == KNOWN
    assert report.corrected == correct(2, 7, KNOWN)


def test_counts_are_a_document(tmp_path: Path) -> None:
    counter = TrackCounter(KNOWN, interval_s=10)
    counter.add([seen(1, "woman"), seen(2, "man")], 12)
    counts = Counts(
        provenance=Provenance(command="genderscope watch a.mp4", versions={}),
        source="a.mp4",
        model="m",
        detector="haar",
        min_confidence=0.5,
        frames=9,
        frames_dropped=0,
        tracks=counter.counts(),
    )
    counts.save(tmp_path / "counts.json")
    assert Counts.load(tmp_path / "counts.json") == counts


def test_no_track_gives_no_correction() -> None:
    report = TrackCounter(KNOWN).counts()
    assert (report.n, report.seconds, report.corrected) == (0, 0, None)
    assert report.not_corrected == "there is no track"


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.0])
def test_expected_answers_are_corrected_to_the_truth(share: float) -> None:
    """Rogan and Gladen undo exactly what the confusion does."""
    n = 100_000
    men = round(n * (share * 0.8 + (1 - share) * 0.1))
    found = correct(men, n, KNOWN)
    assert found.man.share.value == pytest.approx(share, abs=1e-9)
    assert found.woman.share.value == pytest.approx(1 - share, abs=1e-9)
    assert found.man.tracks.value + found.woman.tracks.value == pytest.approx(n)


def test_impossible_shares_are_cut_off() -> None:
    found = correct(0, 50, KNOWN)
    assert (found.man.share.value, found.woman.share.value) == (0, 1)
    low, high = found.man.share.interval
    assert low == 0 < high < 0.3
    assert found.woman.share.interval == (1 - high, 1 - low)
    assert found.woman.tracks.interval == pytest.approx((50 * (1 - high), 50))


@pytest.mark.parametrize("men", [20, 900])
def test_a_share_that_contradicts_the_confusion_is_not_corrected(men: int) -> None:
    counts = TrackCounter(KNOWN)
    labels = [("man", 0.9)] * men + [("woman", 0.1)] * (1000 - men)
    counts.add([seen(number, *label) for number, label in enumerate(labels)], 0)
    report = counts.counts()
    assert report.corrected is None
    assert f"no share of men explains {men} of 1,000 tracks called man" in report.not_corrected


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
        confusion = confusion_of(((woman, known - woman), (known - man, man)))
        try:
            low, high = correct(called, n, confusion).man.share.interval
        except ValueError:  # too few or too many, by chance
            continue
        held += low <= share <= high
    assert held / draws > 0.93


def test_the_interval_is_that_of_lang_and_reiczigel() -> None:
    """As in their R code, where it is that of a prevalence by a test's sensitivity and specificity.

    At 99%, because the square of z at 95% is nearly its double.
    """
    men, n, z = 20, 50, NormalDist().inv_cdf(0.995)
    low, high = correct(men, n, confusion_of(((90, 10), (20, 80))), 0.99).man.share.interval
    sensitivity, specificity, known = 81 / 102, 91 / 102, 102
    total = n + z**2
    positive = (men + z**2 / 2) / total
    excess = sensitivity + specificity - 1
    prevalence = (positive + specificity - 1) / excess
    missed = sensitivity * (1 - sensitivity) / known
    alarmed = specificity * (1 - specificity) / known
    shift = 2 * z**2 * (prevalence * missed - (1 - prevalence) * alarmed)
    variance = positive * (1 - positive) / total
    variance += prevalence**2 * missed + (1 - prevalence) ** 2 * alarmed
    half = z * variance**0.5 / excess
    assert (low, high) == pytest.approx((prevalence + shift - half, prevalence + shift + half))
    assert 0 < low < high < 1  # or it would be cut off


def test_little_knowledge_of_the_confusion_widens_the_interval() -> None:
    widths = []
    for times in (1, 10, 100):
        counts = (90 * times, 10 * times), (20 * times, 80 * times)
        low, high = correct(400, 1000, confusion_of(counts)).man.share.interval
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 1.5 * widths[2]


@pytest.mark.parametrize(("men", "n"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_share_is_refused(men: int, n: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        correct(men, n, KNOWN)


def test_a_model_that_tells_nothing_apart_corrects_nothing() -> None:
    with pytest.raises(ValueError, match="no better than chance"):
        correct(1, 2, confusion_of(((50, 50), (60, 40))))


@pytest.mark.parametrize("name", shipped())
def test_shipped_models_bring_their_confusion_without_leaks(name: str) -> None:
    found = measured_confusion(name, "yunet")
    assert found.file == f"{name}.fairface-val-no-leaks.yunet.json"
    assert sum(map(sum, found.counts)) == found.n > 4000
    assert measured_confusion(name, "haar").detector == "haar"
    assert measured_confusion(name, "mine") is None


def test_the_confusion_lies_beside_a_model_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.onnx").touch()
    assert measured_confusion(tmp_path / "own.onnx", "yunet") is None
    result = {"confusion": {"counts": [[9, 1], [2, 8]]}, "dataset": "fairface:d", "split": "val"}
    result |= {"provenance": {"command": "", "versions": {}}}
    file = tmp_path / "own.by-any-name.yunet.json"
    file.write_text(json.dumps(result))
    with pytest.raises(ModelError, match="is not a valid evaluation"):
        measured_confusion(tmp_path / "own.onnx", "yunet")
    file.write_text(json.dumps(result | {"detector": "yunet", "n": 20}))
    assert measured_confusion(tmp_path / "own.onnx", "yunet").counts == ((9, 1), (2, 8))
    file.write_text(json.dumps(result | {"detector": "yunet", "n": 20, "split": "train"}))
    assert measured_confusion(tmp_path / "own.onnx", "yunet") is None


def test_the_results_of_another_version_of_a_model_are_not_its_own(tmp_path: Path) -> None:
    result = {
        "dataset": "fairface:d",
        "split": "val",
        "detector": "yunet",
        "n": 20,
        "confusion": {"counts": [[9, 1], [2, 8]]},
    }
    for stem, exclusions in (
        ("own[1]", None),
        ("own[1].int8", {"file": "a", "sha256": "b", "pictures": 1}),
    ):
        (tmp_path / f"{stem}.onnx").touch()
        made_by = {"command": "", "versions": {}, "exclusions": exclusions}
        file = tmp_path / f"{stem}.fairface-val.yunet.json"
        file.write_text(json.dumps(result | {"provenance": made_by}))
        assert measured_confusion(tmp_path / f"{stem}.onnx", "yunet").file == file.name
    first = measured_confusion(tmp_path / "own[1].onnx", "yunet")
    assert first.file == "own[1].fairface-val.yunet.json"


def test_a_confusion_knows_both_labels() -> None:
    with pytest.raises(ValueError, match="both labels"):
        confusion_of(((0, 0), (1, 2)))


def test_such_a_model_leaves_the_counts_uncorrected() -> None:
    counts = TrackCounter(confusion_of(((50, 50), (60, 40))))
    counts.add([seen(1, "woman")], 0)
    assert counts.counts().corrected is None
    assert "no better than chance" in counts.counts().not_corrected
