"""The one loop, on the test video: who is who, what they are called, what is drawn and counted."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, count, islice, pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import genderscope
from fakes import BrightnessClassifier, CountingDetector
from genderscope import detection
from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.protocols import Detector
from genderscope.core.types import Box, Face, Frame, Image, Prediction, Result, Scene
from genderscope.detection.ignored import ignoring
from genderscope.imaging import decode, draw
from genderscope.inference.classifier import GUIDED, Classifier, find
from genderscope.inference.explainer import Explainer
from genderscope.inference.pipeline import Pipeline
from genderscope.video import Live, LiveScene
from genderscope.video.cameras import open_source
from genderscope.video.correction import measured_confusion
from genderscope.video.counts import LabelCounts, TrackCounter
from genderscope.video.tracking import Tracker
from moving_pictures import FACE_PX, RATE, WALKS, walk, where

SETTINGS = {"detection_size": 320, "min_face_px": 28}


def yunet(request: pytest.FixtureRequest) -> Path:
    return next(request.getfixturevalue("shared").glob("models/*yunet*.onnx"))


def video() -> Iterator[Frame]:
    for index, image in enumerate(walk()):
        yield Frame("walk", image, index=index, time_s=index / RATE)


@pytest.fixture(scope="session")
def scenes(model: str, shared: Path) -> list[LiveScene]:
    """The test video as ``Live`` sees it with YuNet."""
    weights = next(shared.glob("models/*yunet*.onnx"))
    live = Live(genderscope.load(model, "yunet", weights, **SETTINGS), private=True)
    return list(live.stream(video()))


def owner(result: Result, index: int) -> str:
    """Whose face it is, by where everybody was."""
    here = complex(*result.face.box.centre)
    distances = {
        person: abs(here - complex(*centre))
        for person in WALKS
        if (centre := where(person, index)) is not None
    }
    person = min(distances, key=distances.__getitem__)
    assert distances[person] < FACE_PX / 2
    return person


def apart(index: int) -> bool:
    """The two do not hide each other."""
    places = [place for person in WALKS if (place := where(person, index)) is not None]
    return len(places) < 2 or abs(complex(*places[0]) - complex(*places[1])) > FACE_PX


def labels(scenes: list[LiveScene]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for scene in scenes:
        for result in scene.results:
            found.setdefault(result.track.number, []).append(result.prediction.label)
    return found


def check(scenes: list[LiveScene]) -> None:
    """Identities are steady, labels do not flicker, counts are right."""
    people: dict[int, set[str]] = {}
    for scene in scenes:
        for result in scene.results:
            if apart(scene.frame.index):
                number = result.track.number
                people.setdefault(number, set()).add(owner(result, scene.frame.index))
    # One who left and came back is a new track.
    assert sorted(map(sorted, people.values())) == [["astronaut"], ["hopper"], ["hopper"]]
    for track in labels(scenes).values():
        assert sum(before != after for before, after in pairwise(track)) <= 1
    counts = TrackCounter(measured_confusion("mini_xception", "haar"), interval_s=5)
    for scene in scenes:
        counts.add(scene.results, scene.frame.time_s)
    report = counts.counts()
    assert report.n == 3
    # What the model says of the two portraits, one of which it is wrong about.
    assert report.total == LabelCounts(woman=1, man=2, uncertain=0)
    assert [interval.new for interval in report.intervals] == [2, 1, 0]
    low, high = report.corrected.woman.tracks.interval
    assert 0 <= low < report.corrected.woman.tracks.value < high <= 3


def test_the_test_video_with_yunet(scenes: list[LiveScene]) -> None:
    check(scenes)
    hidden = [m for m in scenes if not apart(m.frame.index) and len(m.results) == 1]
    assert hidden, "the two never hid each other: the video tests nothing"


def test_the_test_video_with_haar_at_four_frames_a_second(model: str) -> None:
    tracker = Tracker(max_age_s=1.5)  # where the two cross, it misses one for longer
    live = Live(genderscope.load(model, "haar", **SETTINGS), tracker=tracker, drawn=False)
    check(list(live.stream(islice(video(), 0, None, 3))))


def test_scores_are_those_of_the_track_and_of_the_frame(scenes: list[LiveScene]) -> None:
    singles = [
        result.track.scores[1]
        for scene in scenes
        for result in scene.results
        if result.track.number == 1
    ]
    [last] = [r for m in scenes[:95] for r in m.results if r.track.number == 1][-1:]
    singles = singles[: last.track.frames]
    odds = np.log(np.divide(singles, np.subtract(1, singles))).mean()
    assert last.prediction.scores[1] == pytest.approx(1 / (1 + np.exp(-odds)))
    assert np.std(singles) > 0.02


def test_every_stage_has_its_time(scenes: list[LiveScene]) -> None:
    assert list(scenes[5].stage_ms) == ["read", "detect", "track", "crop", "classify", "draw"]
    assert min(scenes[5].stage_ms.values()) >= 0


def test_no_face_is_left_in_private_pictures(scenes: list[LiveScene], shared: Path) -> None:
    detector = detection.create("yunet", model=next(shared.glob("models/*yunet*.onnx")))
    for scene in scenes[::10]:
        assert scene.results
        assert detector(scene.frame.image)
        for face in detector(scene.drawn):
            assert all(face.box.iou(result.face.box) < 0.1 for result in scene.results)


def fake(drawn: bool = True, private: bool = False) -> Live:
    return Live(Pipeline(BrightnessClassifier(), CountingDetector()), drawn=drawn, private=private)


def picture(faces: int, ground: int = 100) -> Image:
    image = np.full((120, 400, 3), ground, np.uint8)
    image[0, 0] = faces
    return image


def test_a_face_that_the_detector_lost_for_a_scene_stays_hidden() -> None:
    ground = np.random.default_rng(0).integers(0, 255, (120, 400, 3), np.uint8)
    frames = []
    for index, faces in enumerate([1, 1, 0, 0]):
        image = ground.copy()
        image[0, 0] = faces
        frames.append(Frame("", image, index=index, time_s=index / 10))
    scenes = list(fake(private=True).stream(frames))
    for scene in scenes:
        inside = scene.drawn[7:13, 2:8].astype(int)
        assert abs(np.diff(inside, axis=1)).mean() < 30  # as in the ground: 85
    frames = [Frame("", frames[-1].image, index=9, time_s=5.0)]
    [later] = fake(private=True).stream(frames)
    np.testing.assert_array_equal(later.drawn, later.frame.image)


def test_all_faces_of_a_frame_are_one_batch() -> None:
    classifier = BrightnessClassifier()
    live = Live(Pipeline(classifier, CountingDetector()))
    frames = [Frame("", picture(n), index=n, time_s=n) for n in (3, 0, 20)]
    assert [len(scene.results) for scene in live.stream(frames)] == [3, 0, 20]
    assert classifier.batches == [3, 20]


def test_frames_with_errors_pass_through_and_nothing_is_drawn_unasked() -> None:
    frames = [Frame("a", error="broken"), Frame("b", picture(1), index=1, time_s=0.1)]
    broken, good = fake(drawn=False).stream(frames)
    assert (broken.frame.error, broken.results, broken.drawn) == ("broken", (), None)
    assert good.drawn is None
    assert len(good.results) == 1


def test_an_error_in_the_source_ends_the_stream() -> None:
    def frames() -> Iterator[Frame]:
        yield Frame("", picture(1), index=0, time_s=0.0)
        raise OSError("gone")

    stream = fake().stream(frames())
    next(stream)
    with pytest.raises(OSError, match="gone"):
        next(stream)


@pytest.fixture
def explainer(model: str) -> Explainer:
    if not find(model).with_suffix(GUIDED).is_file():
        pytest.skip("needs the model's guided graph")
    return Explainer.load(model)


def test_explaining_can_be_put_on_and_off_and_changes_no_answer(
    model: str, explainer: Explainer, portrait: Path
) -> None:
    image = decode.read(portrait)
    frames = (Frame("", image, index=index, time_s=index / 10) for index in range(4))
    live = Live(genderscope.load(model, "haar"))
    stream = live.stream(frames)
    plain = next(stream)
    live.explainer = explainer
    next(stream)
    explained = next(stream)
    live.explainer = None
    last = next(stream)
    assert "classify" in plain.stage_ms
    assert "explain" in explained.stage_ms
    assert "explain" not in last.stage_ms
    assert not plain.maps
    assert not last.maps
    size = explainer.spec.size
    assert [one.shape for one in explained.maps] == [(size, size)] * len(explained.results)
    scores = [scene.results[0].track.scores for scene in (plain, explained, last)]
    np.testing.assert_allclose(scores, scores[:1] * 3, atol=1e-5)
    # The map is on the picture, beside the face.
    box = explained.results[0].face.box
    right = slice(round(box.x + box.width) + 4, round(box.x + 2 * box.width) - 4)
    rows = slice(round(box.y) + 4, round(box.y + box.height) - 4)
    assert np.ptp(explained.drawn[rows, right], axis=2).max() == 0
    assert np.ptp(plain.drawn[rows, right], axis=2).max() > 0


@pytest.mark.parametrize("drawn", [True, False])
def test_faces_without_room_for_a_map_are_only_classified(
    model: str, explainer: Explainer, drawn: bool
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (10, 50, 3), np.uint8)
    image[0, 0] = 3  # faces side by side, 10 pixels each: only the last has room
    classifier, calls = Classifier.load(model), []

    class Counting(Explainer):
        def __call__(self, crops: Image, classes: Any = None) -> Any:
            calls.append(len(crops))
            return super().__call__(crops, classes)

    scope = Pipeline(classifier, CountingDetector())
    [plain] = Live(scope, drawn=False).stream([Frame("", image)])
    [explained] = Live(scope, Counting.load(model), drawn=drawn).stream([Frame("", image)])
    with_map = [one is not None for one in explained.maps]
    assert with_map == ([False, False, True] if drawn else [True] * 3)
    assert calls == [sum(with_map)]
    for one, other in zip(explained.results, plain.results, strict=True):
        assert one.prediction.scores == pytest.approx(other.prediction.scores, abs=1e-5)


def test_maps_of_hidden_faces_are_refused(model: str, explainer: Explainer) -> None:
    with pytest.raises(UsageError, match="choose one"):
        Live(genderscope.load(model, "haar"), explainer, private=True)


# What is drawn


def test_pixelated_boxes_hold_few_colours() -> None:
    image = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    boxes = [Box(50, 60, 60, 80), Box(-20, -20, 50, 50), Box(280, 190, 90, 90)]
    hidden = draw.pixelated(image, boxes)
    for rows, columns in ((slice(60, 140), slice(50, 110)), (slice(0, 30), slice(0, 30))):
        assert len(np.unique(hidden[rows, columns].reshape(-1, 3), axis=0)) <= draw.BLOCKS**2
    np.testing.assert_array_equal(hidden[:, 150:245], image[:, 150:245])
    assert image.std() > 70  # the one that came in is as it was


@pytest.mark.parametrize("box", [Box(-90, -90, 20, 20), Box(5, 5, 0.5, 0.5), Box(0, 0, 900, 900)])
@pytest.mark.parametrize("shape", [(1, 1, 3), (60, 40, 3)])
def test_any_box_in_any_picture(box: Box, shape: tuple[int, int, int]) -> None:
    image = np.zeros(shape, np.uint8)
    results = [Result(Face(box), Prediction((0.5, 0.5)))]
    drawn, rooms = draw.pixelated(draw.draw(image, results), [box]), draw.rooms(image, [box])
    drawn = draw.beside(drawn, rooms, [np.zeros((8, 8), np.uint8)])
    assert draw.caption(drawn, ["a", "long line of text"]).shape == shape


def test_maps_lie_beside_their_faces_and_on_no_other() -> None:
    image = np.full((200, 400, 3), 50, np.uint8)
    faces = [Box(40, 60, 50, 50), Box(100, 60, 50, 50), Box(340, 60, 50, 50)]
    rooms = draw.rooms(image, faces)
    assert rooms[0] is None  # the second is too near
    drawn = draw.beside(image, rooms, [np.full((64, 64), 255, np.uint8)] * 3)
    for box in faces:
        inside = drawn[65:105, round(box.x) + 5 : round(box.x) + 45]
        assert (inside == 50).all()
    assert (drawn[65:105, 155:195] == 255).all()  # right of the second
    assert (drawn[65:105, 295:335] == 255).all()  # left of the third, at the edge


def test_the_times_on_the_picture_stay_for_half_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    slower = accumulate(0.001 * (1 + call / 200) for call in count())  # with each call
    now = {"s": 0.0}

    def clock() -> float:
        now["s"] = next(slower)
        return now["s"]

    monkeypatch.setattr("genderscope.video.time.perf_counter", clock)
    scope = Pipeline(BrightnessClassifier(), CountingDetector())
    changed_s, last = [], None
    for scene in Live(scope).stream([Frame("", np.zeros((120, 400, 3), np.uint8))] * 300):
        if last is not None and (scene.drawn != last).any():
            changed_s.append(now["s"])
        last = scene.drawn
    assert len(changed_s) > 5
    assert min(np.diff(changed_s)) > 0.45


# Sinks


def test_a_video_can_be_read_again_with_its_times(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    file = tmp_path / "out.mp4"
    times = [0, 0.04, 0.5, 0.5, 2.0]
    shapes = [(49, 65), (49, 65), (98, 130), (200, 20), (49, 65)]
    with plugins.load("sinks", "video").create(str(file)) as sink:
        sink.write(Scene(Frame("", error="broken")))
        for time_s, shape in zip(times, shapes, strict=True):
            sink.write(Scene(Frame("", np.full((*shape, 3), 120, np.uint8), time_s=time_s)))
    frames = list(open_source(str(file)))
    assert [frame.image.shape for frame in frames] == [(50, 66, 3)] * 5
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=0.002)
    assert frames[2].image[5:-5, 5:-5].min() > 100  # shrunk to fit
    assert frames[3].image[:, :20].max() < 40  # black beside what is narrow


def test_pictures_too_wide_for_the_codec_are_shrunk(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    file = tmp_path / "out.mp4"
    with plugins.load("sinks", "video").create(str(file)) as sink:
        sink.write(Scene(Frame("", np.full((20, 17_000, 3), 120, np.uint8), time_s=0)))
    [frame] = open_source(str(file))
    assert frame.image.shape == (20, 16_384, 3)


@pytest.mark.parametrize(("name", "message"), [("a.txt", "should end in"), ("no/a.mp4", "cannot")])
def test_a_video_that_cannot_be_written(name: str, message: str, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    with pytest.raises(UsageError, match=message):
        plugins.load("sinks", "video").create(str(tmp_path / name))


def test_a_video_without_a_frame_is_none(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="needs the extra [video]")
    with plugins.load("sinks", "video").create(str(tmp_path / "a.mp4")):
        pass
    assert not list(tmp_path.iterdir())


def test_windows_give_what_whole_frames_give(
    model: str, shared: Path, scenes: list[LiveScene]
) -> None:
    weights = next(shared.glob("models/*yunet*.onnx"))
    scope = genderscope.load(model, "yunet", weights, **SETTINGS)
    whole = list(Live(scope, detect_every=1, drawn=False).stream(video()))

    def tracks(of: list[LiveScene]) -> dict[int, str]:
        """The last label of each confirmed track."""
        confirmed = (result for scene in of for result in scene.results if result.track.confirmed)
        return {result.track.number: result.prediction.label for result in confirmed}

    assert tracks(scenes) == tracks(whole)
    faces = [sum(len(scene.results) for scene in of) for of in (scenes, whole)]
    assert faces[0] == pytest.approx(faces[1], rel=0.03)


def test_windows_keep_only_what_whole_frames_keep(model: str, shared: Path) -> None:
    weights = next(shared.glob("models/*yunet*.onnx"))
    limits = {"detection_size": 320, "min_face_px": 38, "min_score": 0.85}
    detector = ignoring(detection.create("yunet", model=weights, **limits), ["160,0,160,240"])
    live = Live(Pipeline(Classifier.load(model), detector), drawn=False)
    faces = [result.face for scene in live.stream(video()) for result in scene.results]
    assert len(faces) > 20
    assert max(face.box.centre[0] for face in faces) < 160
    assert min(face.score for face in faces) >= 0.85
    assert min(min(face.box.width, face.box.height) for face in faces) >= 38


def test_a_face_has_the_same_scores_however_often_the_whole_frame_is_searched(
    model: str, shared: Path
) -> None:
    portrait = decode.read(decode.PORTRAIT)
    frames = [
        Frame("pan", portrait[:400, shift : shift + 400].copy(), index=shift, time_s=shift / 20)
        for shift in range(0, 24, 2)  # slow enough that each frame is scored
    ]
    scope = genderscope.load(model, "yunet", next(shared.glob("models/*yunet*.onnx")))
    often, seldom = (
        [[(result.face.box, result.prediction.scores) for result in scene.results] for scene in of]
        for of in (Live(scope, detect_every=every, drawn=False).stream(frames) for every in (1, 5))
    )
    assert often == seldom
    assert all(len(faces) == 1 for faces in often)


class Searches:
    """Counts how often the whole frame is searched, and how often windows are."""

    name = "searches"

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.whole = self.windows = 0

    def __call__(self, image: Image) -> list[Face]:
        self.whole += 1
        return self._detector(image)

    def find(self, view: Image) -> list[Face]:
        self.windows += 1
        return self._detector.find(view)


@pytest.fixture
def searches(shared: Path) -> Searches:
    weights = next(shared.glob("models/*yunet*.onnx"))
    return Searches(detection.create("yunet", model=weights, **SETTINGS))


def at_30_frames_a_second(images: Iterable[Image]) -> Iterator[Frame]:
    for index, image in enumerate(images):
        yield Frame("walk", image, index=index, time_s=index / 30)


def test_most_frames_are_searched_in_windows(model: str, searches: Searches) -> None:
    scope = Pipeline(Classifier.load(model), searches)
    frames = islice(at_30_frames_a_second(walk()), 25)  # before the two cross
    scenes = list(Live(scope, drawn=False).stream(frames))
    assert searches.whole <= 7
    assert all(len(scene.results) == 2 for scene in scenes[1:])


def crowd(columns: int, rows: int, cell: int) -> Image:
    head = decode.read(decode.PORTRAIT)[:300, 80:380]
    return np.tile(cv2.resize(head, (cell, cell), interpolation=cv2.INTER_AREA), (rows, columns, 1))


def test_windows_of_a_crowd_that_cost_more_than_the_whole_frame_are_not_searched(
    model: str, shared: Path
) -> None:
    weights = next(shared.glob("models/*yunet*.onnx"))
    detector = Searches(ignoring(detection.create("yunet", model=weights), ["0,0,1,1"]))
    live = Live(Pipeline(Classifier.load(model), detector), drawn=False)
    frames = at_30_frames_a_second([crowd(10, 6, 128)] * 3)  # 1280 x 768, searched at half of it
    assert [len(scene.results) for scene in live.stream(frames)] == [60] * 3
    assert (detector.whole, detector.windows) == (3, 0)


def test_windows_that_lack_faces_again_and_again_are_searched_seldom(
    model: str, searches: Searches, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = searches.find
    monkeypatch.setattr(searches, "find", lambda view: found(view)[1:])
    live = Live(Pipeline(Classifier.load(model), searches), drawn=False)
    frames = list(at_30_frames_a_second([crowd(3, 2, 105)] * 50))
    assert [len(scene.results) for scene in live.stream(frames)] == [6] * 50
    assert searches.windows < 10


def test_a_face_that_enters_is_found_within_six_frames(model: str, searches: Searches) -> None:
    frames = list(islice(walk(), 12))
    ground = [frame.copy() for frame in frames]
    for image in ground[:6]:
        image[:, :130] = 90  # the hopper is not there yet
    scope = Pipeline(Classifier.load(model), searches)
    scenes = list(Live(scope, drawn=False).stream(at_30_frames_a_second(ground)))
    assert [len(scene.results) for scene in scenes[1:6]] == [1] * 5
    assert len(scenes[11].results) == 2


def test_a_large_face_may_leave_fast(model: str, shared: Path) -> None:
    """It is then predicted far outside the frame."""
    portrait = decode.read(decode.PORTRAIT)[:400, 50:450]
    images = [np.full((400, 640, 3), 128, np.uint8) for _ in range(30)]
    for index, image in enumerate(images):
        left = 100 + 40 * max(index - 4, 0)
        image[:, left : left + 400] = portrait[:, : max(640 - left, 0)]
    scope = genderscope.load(model, "yunet", next(shared.glob("models/*yunet*.onnx")))
    scenes = list(Live(scope, drawn=False).stream(at_30_frames_a_second(images)))
    assert [len(scenes[index].results) for index in (0, 10, 29)] == [1, 1, 0]


def test_a_face_that_is_lost_has_the_whole_frame_searched_at_once(
    model: str, searches: Searches
) -> None:
    frames = list(islice(walk(), 10))
    for index, image in enumerate(frames):
        image[:, 160:] = 90  # one face is left
        if index >= 8:
            image[:] = np.roll(image, 160, 1)
    scope = Pipeline(Classifier.load(model), searches)
    scenes = [
        (len(scene.results), searches.whole)
        for scene in Live(scope, drawn=False).stream(at_30_frames_a_second(frames))
    ]
    assert scenes[6][1] == scenes[7][1]
    assert scenes[8] == (1, scenes[7][1] + 1)
