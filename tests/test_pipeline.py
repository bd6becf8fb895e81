from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import genderscope
from fakes import BrightnessClassifier, CountingDetector
from genderscope import detection
from genderscope.api import Scope
from genderscope.core.errors import ModelError, PictureError, UsageError
from genderscope.core.types import UNCERTAIN, Box, Face, Frame, Image
from genderscope.imaging import decode
from genderscope.imaging.preprocess import crop, whole
from genderscope.inference import pipeline


def picture(faces: int, brightness: int = 100) -> Image:
    """What ``CountingDetector`` finds that many faces in."""
    image = np.full((20, 400, 3), brightness, np.uint8)
    image[0, 0] = faces
    return image


def fake_scope(min_confidence: float | None = None) -> tuple[Scope, BrightnessClassifier]:
    classifier = BrightnessClassifier()
    return Scope(classifier, CountingDetector(), min_confidence), classifier


def yunet(request: pytest.FixtureRequest) -> Path:
    return next(request.getfixturevalue("shared").glob("models/*yunet*.onnx"))


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 64])
def test_scenes_come_in_order_whatever_the_batch(batch_size: int) -> None:
    counts = [0, 3, 1, None, 0, 7, 2, 0, None]
    frames = [
        Frame(str(index), error="broken")
        if count is None
        else Frame(str(index), picture(count, 20 * index))
        for index, count in enumerate(counts)
    ]
    scope, classifier = fake_scope()
    scenes = list(scope.stream(frames, batch_size))
    assert [scene.frame for scene in scenes] == frames
    assert [len(scene.results) for scene in scenes] == [count or 0 for count in counts]
    assert max(classifier.batches) <= batch_size
    assert sum(classifier.batches) == 13
    for index, scene in enumerate(scenes):
        for place, result in enumerate(scene.results):
            assert result.face.box.x == 10 * place
            if place:  # the first crop holds the pixel that counts
                assert result.prediction.scores[1] == pytest.approx(20 * index / 255)


def test_faces_of_many_pictures_share_a_batch() -> None:
    scope, classifier = fake_scope()
    list(scope.stream((Frame("", picture(2)) for _ in range(20)), batch_size=16))
    assert classifier.batches == [16, 16, 8]


@pytest.mark.parametrize("faces", [0, 1, 9])
def test_few_pictures_wait(faces: int) -> None:
    """However few faces come, no more pictures are taken than a batch is large."""
    taken = 0

    def frames() -> Iterator[Frame]:
        nonlocal taken
        while True:
            taken += 1
            yield Frame(str(taken), picture(faces))

    stream = fake_scope()[0].stream(frames(), batch_size=8)
    for seen in range(1, 30):
        assert next(stream).frame.path == str(seen)
        assert taken - seen < 8


def test_large_pictures_do_not_wait_for_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "WAITING_BYTES", 3 * picture(1).nbytes)
    scope, classifier = fake_scope()
    list(scope.stream([Frame("", picture(1))] * 7, batch_size=64))
    assert classifier.batches == [3, 3, 1]


def test_an_error_in_a_source_ends_the_stream() -> None:
    def frames() -> Iterator[Frame]:
        yield Frame("", picture(1))
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(fake_scope()[0].stream(frames()))


@pytest.mark.parametrize(("min_confidence", "label"), [(None, "man"), (0.6, UNCERTAIN)])
def test_min_confidence_decides_what_is_uncertain(min_confidence: float, label: str) -> None:
    scope, _ = fake_scope(min_confidence)
    assert [result.prediction.label for result in scope(picture(2, 140))][1:] == [label]


def test_crops_that_are_faces_always_give_one() -> None:
    scope, _ = fake_scope()
    # The middle of the picture lies at x 200: nearest is the last of the faces, at 10 each.
    frames = [Frame("none", picture(0, 50)), Frame("many", picture(9, 50))]
    none, many = scope.stream(frames, crops_are_faces=True)
    assert [result.face for result in none.results] == [
        whole(frames[0].image, scope.classifier.spec)
    ]
    assert [result.face.box.x for result in many.results] == [80]


@pytest.mark.parametrize("min_confidence", [-0.1, 1.1, float("nan")])
def test_a_threshold_that_is_none_is_refused(min_confidence: float) -> None:
    with pytest.raises(UsageError, match="a number from 0 to 1"):
        fake_scope(min_confidence)


def test_a_file_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="is not there"):
        fake_scope()[0](tmp_path / "absent.jpg")


def test_load_refuses_what_is_not_there() -> None:
    with pytest.raises(ModelError, match="no model 'nothing'"):
        genderscope.load("nothing")


@pytest.mark.parametrize("detector", ["haar", "yunet"])
def test_a_portrait_from_end_to_end(
    model: str, detector: str, portrait: Path, request: pytest.FixtureRequest
) -> None:
    weights = yunet(request) if detector == "yunet" else None
    scope = genderscope.load(model, detector, weights)
    [result] = scope(portrait)
    assert result.prediction.label == "woman"
    assert 150 < result.face.box.x < 220
    assert 50 < result.face.box.y < 100


def test_a_face_turned_to_the_side_is_uncertain() -> None:
    def turned(image: Image) -> list[Face]:
        box = Box(10, 10, 20, 20)
        frontal = ((15.0, 16.0), (25.0, 16.0), (20.0, 20.0), (16.0, 25.0), (24.0, 25.0))
        aside = (*frontal[:2], (24.0, 20.0), *frontal[3:])
        return [Face(box, landmarks=frontal), Face(box, landmarks=aside), Face(box)]

    scope = pipeline.Pipeline(BrightnessClassifier(), turned, max_yaw=30)
    [scene] = scope.stream([Frame("", np.full((40, 40, 3), 250, np.uint8))])
    assert [result.prediction.label for result in scene.results] == ["man", UNCERTAIN, "man"]


@pytest.mark.parametrize("detector", ["haar", "yunet"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 10_000), (10_000, 1), (17, 5000), (5000, 17)])
def test_odd_shapes_end_no_stream(
    shape: tuple[int, int], detector: str, request: pytest.FixtureRequest
) -> None:
    weights = yunet(request) if detector == "yunet" else None
    scope = Scope(BrightnessClassifier(), detection.create(detector, model=weights))
    frames = [Frame("odd", np.zeros((*shape, 3), np.uint8))]
    for crops_are_faces in (False, True):
        [scene] = scope.stream(frames, crops_are_faces=crops_are_faces)
        assert len(scene.results) >= crops_are_faces


def test_a_batch_changes_no_score(model: str, portrait: Path) -> None:
    """What the pipeline says equals the classifier alone on the same crop."""
    scope = genderscope.load(model, "haar")
    image = decode.read(portrait)
    frames = [Frame(str(index), np.roll(image, index, 1)) for index in range(6)]
    for scene in scope.stream(frames, batch_size=4):
        for result in scene.results:
            alone = crop(scene.frame.image, result.face, scope.classifier.spec)
            expected = scope.classifier(alone[None])[0]
            np.testing.assert_allclose(result.prediction.scores, expected, atol=1e-5)
