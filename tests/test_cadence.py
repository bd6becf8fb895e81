"""How often the faces of a video are cropped and scored."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from fakes import BrightnessClassifier, CountingDetector
from genderscope import detection
from genderscope.core.types import UNCERTAIN, Box, Face, Floats, Frame, Image, Prediction, Result
from genderscope.imaging import decode
from genderscope.inference import locate
from genderscope.inference.classifier import GUIDED, Classifier, find
from genderscope.inference.explainer import Explainer
from genderscope.inference.pipeline import Pipeline
from genderscope.video import Live, LiveScene
from genderscope.video.tracking import MIN_HITS, Tracker

SIZE = (640, 480)
PEOPLE = 6


class Counting(Classifier):
    """Keeps how many faces it scores at a time."""

    batches: list[int]

    def __call__(self, crops: Image) -> Floats:
        self.batches.append(len(crops))
        return super().__call__(crops)


@pytest.fixture
def cropped(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Face]]:
    """The faces that are cropped."""
    faces: list[Face] = []
    crop = locate.crop

    def counted(image: Image, face: Face, *arguments: Any) -> Image:
        faces.append(face)
        return crop(image, face, *arguments)

    monkeypatch.setattr(locate, "crop", counted)
    return faces


@pytest.fixture
def watch(model: str, shared: Path) -> Callable[..., tuple[list[LiveScene], list[int]]]:
    """Scenes of frames, and how many faces the network scored at a time."""
    weights = next(shared.glob("models/*yunet*.onnx"))

    def run(frames: Iterable[Frame], **options: Any) -> tuple[list[LiveScene], list[int]]:
        classifier = Counting.load(model)
        classifier.batches = []
        scope = Pipeline(classifier, detection.create("yunet", model=weights))
        scenes = list(Live(scope, drawn=False, **options).stream(frames))
        assert all(len(scene.results) == PEOPLE for scene in scenes)
        return scenes, classifier.batches

    return run


def crowd(frames: int, rate: float | None) -> Iterator[Frame]:
    """Six heads that move a little."""
    head = decode.read(decode.PORTRAIT)[:300, 80:380]
    image = np.tile(cv2.resize(head, (150, 150), interpolation=cv2.INTER_AREA), (2, 3, 1))
    for index in range(frames):
        moved = np.roll(image, index % 6, 1)
        yield Frame("crowd", moved, index=index, time_s=index / rate if rate else None)


def labels(scenes: list[LiveScene]) -> list[list[tuple[int, str]]]:
    return [sorted((r.track.number, r.label) for r in scene.results) for scene in scenes]


def test_a_track_is_cropped_and_scored_ten_times_a_second(
    watch: Callable[..., Any], cropped: list[Face]
) -> None:
    scenes, batches = watch(crowd(30, 30))
    assert batches[:MIN_HITS] == [PEOPLE] * MIN_HITS  # while they are new
    assert len(cropped) == sum(batches) == PEOPLE * (MIN_HITS + 9)
    assert max(batches[MIN_HITS:]) <= PEOPLE / 2  # they take turns
    everyone, batches = watch(crowd(30, 30), detect_every=1)
    assert batches == [PEOPLE] * 30
    assert labels(scenes) == labels(everyone)


@pytest.mark.parametrize("rate", [9, None])
def test_slow_frames_and_those_without_a_time_are_all_scored(
    watch: Callable[..., Any], rate: float | None
) -> None:
    assert watch(crowd(12, rate))[1] == [PEOPLE] * 12


def test_explained_faces_are_scored_in_every_frame(model: str, watch: Callable[..., Any]) -> None:
    if not find(model).with_suffix(GUIDED).is_file():
        pytest.skip("needs the model's guided graph")
    scenes, _ = watch(crowd(8, 30), explainer=Explainer.load(model))
    assert [len(scene.maps) for scene in scenes] == [PEOPLE] * 8


def test_between_two_scores_the_last_one_counts_again() -> None:
    frames = [np.full((120, 400, 3), 10 * (index + 1), np.uint8) for index in range(9)]
    for frame in frames:
        frame[0, 0] = 1  # one face
    scope = Pipeline(BrightnessClassifier(), CountingDetector())
    stream = Live(scope).stream(Frame("", f, time_s=i / 30) for i, f in enumerate(frames))
    results = [result for scene in stream for result in scene.results]
    scores = [result.track.scores[1] for result in results]
    assert [a != b for a, b in pairwise(scores[2:])].count(True) == 2
    odds = np.log(np.divide(scores, np.subtract(1, scores))).mean()
    assert results[-1].scores["man"] == pytest.approx(1 / (1 + np.exp(-odds)))


def due(times: Iterable[float], aside: Iterable[int] = ()) -> list[bool]:
    """In which frames the face of a track is scored; ``aside`` it is turned too far."""
    tracker, found = Tracker(), []
    for index, time_s in enumerate(times):
        result = Result(Face(Box(300, 200, 80, 80)), Prediction((0.2, 0.8)))
        if index in aside:
            result = replace(result, prediction=replace(result.prediction, steady=UNCERTAIN))
        [track] = tracker.match([result.face], time_s, SIZE)
        found.append(track.due)
        track.add(result)
    return found


@pytest.mark.parametrize("rate", [15, 25, 30, 60])
def test_irregular_frames_do_not_change_how_often_a_face_is_scored(rate: int) -> None:
    random = np.random.default_rng(0)
    times = (np.arange(10 * rate) + random.uniform(-0.4, 0.4, 10 * rate)) / rate
    assert 98 <= sum(due(times)[MIN_HITS:]) <= 100


def test_a_face_that_was_turned_aside_is_scored_at_once() -> None:
    found = due(np.arange(20) / 60, aside=range(8, 12))
    assert found[9:13] == [True] * 4
    assert found.count(True) < 12
