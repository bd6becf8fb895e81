"""Both detectors on real pictures: where the face is, at any size, tilted, or absent."""

import cv2
import numpy as np
import pytest

from genderscope import detectors
from genderscope.contracts import Box, Face, ModelError, UsageError
from genderscope.preprocess import PRESETS, window

FACE = Box(178, 68, 86, 110)  # of the portrait, by hand


@pytest.fixture(scope="module")
def yunet(shared):
    return shared / "models" / "face_detection_yunet_2026may.onnx"


@pytest.fixture(scope="module", params=["haar", "yunet"])
def detector(request):
    if request.param == "haar":
        return detectors.create("haar")
    return detectors.create("yunet", model=request.getfixturevalue("yunet"))


@pytest.fixture(scope="module")
def picture(portrait):
    return cv2.imread(str(portrait))


def test_it_finds_the_face_of_the_portrait(detector, picture):
    [face] = detector(picture)
    assert face.box.iou(FACE) > 0.6
    assert 0.5 < face.score <= 1


@pytest.mark.parametrize("zoom", [0.4, 2, 5])
def test_it_finds_the_face_at_any_size_at_the_same_place(detector, picture, zoom):
    resized = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    box = detector(resized)[0].box
    back = Box(box.x / zoom, box.y / zoom, box.width / zoom, box.height / zoom)
    assert back.iou(FACE) > 0.5


def test_it_finds_a_small_face_in_a_large_picture(detector, picture):
    small = cv2.resize(picture, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    large = np.full((2400, 3200, 3), 128, np.uint8)
    large[2000 : 2000 + small.shape[0], 2800 : 2800 + small.shape[1]] = small
    expected = Box(2800 + 0.4 * FACE.x, 2000 + 0.4 * FACE.y, 0.4 * FACE.width, 0.4 * FACE.height)
    assert [face for face in detector(large) if face.box.iou(expected) > 0.5]


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 500, 3), (500, 3, 3), (64, 64, 3)])
def test_nothing_is_found_in_a_picture_of_nothing(detector, shape):
    assert detector(np.full(shape, 127, np.uint8)) == []


def test_faces_below_the_smallest_size_are_dropped(picture, yunet):
    assert detectors.create("yunet", model=yunet, min_face_px=200)(picture) == []


def test_landmarks_turn_with_the_face(picture, yunet):
    """They follow only about a third of a tilt, which is why training turns faces too."""
    detector = detectors.create("yunet", model=yunet)
    angles = []
    for turn_deg in (-25, 0, 25):
        turn = cv2.getRotationMatrix2D((220, 120), -turn_deg, 1)
        face = detector(cv2.warpAffine(picture, turn, (512, 512)))[0]
        angles.append(np.degrees(np.angle(window(face, PRESETS["aligned"])[0])))
    assert angles[0] + 3 < angles[1] < angles[2] - 3


def test_both_detectors_mean_the_same_box(picture, yunet):
    haar, best = detectors.create("haar")(picture)[0], detectors.create(model=yunet)(picture)[0]
    assert haar.box.iou(best.box) > 0.7


def test_group_photographs(shared, detector):
    picture = cv2.imread(str(shared / "data/photos/12_angry_men.jpg"))
    assert len(detector(picture)) >= 7


def test_yunet_is_the_default_only_where_its_weights_are(monkeypatch, tmp_path, yunet):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GENDERSCOPE_YUNET", raising=False)
    assert detectors.create().name == "haar"
    monkeypatch.setenv("GENDERSCOPE_YUNET", str(yunet))
    assert detectors.create().name == "yunet"


def test_weights_that_are_absent_or_broken_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"models pull yunet"):
        detectors.create("yunet", model=tmp_path / "absent.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_text("no network")
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        detectors.create("yunet", model=broken)
    with pytest.raises(UsageError, match="haar takes no weights"):
        detectors.create("haar", model=broken)


@pytest.mark.parametrize(
    ("boxes", "hint", "chosen"),
    [
        ([Box(0, 0, 30, 30), Box(40, 40, 30, 30)], None, (Box(40, 40, 30, 30), True)),
        ([Box(0, 0, 30, 30), Box(40, 40, 30, 30)], Box(2, 2, 28, 28), (Box(0, 0, 30, 30), True)),
        ([Box(0, 0, 30, 30)], Box(60, 60, 30, 30), (Box(60, 60, 30, 30), False)),
        ([], Box(60, 60, 30, 30), (Box(60, 60, 30, 30), False)),
    ],
)
def test_the_one_face_of_a_picture(boxes, hint, chosen):
    picture = np.zeros((110, 110, 3), np.uint8)

    def detector(_):
        return [Face(box) for box in boxes]

    face, found = detectors.find_one(picture, detector, PRESETS["aligned"], hint)
    assert (face.box, found) == chosen


def test_without_a_face_the_whole_picture_is_the_crop():
    picture = np.zeros((110, 110, 3), np.uint8)
    face, found = detectors.find_one(picture, lambda _: [], PRESETS["aligned"])
    assert not found
    assert window(face, PRESETS["aligned"]) == pytest.approx((110, 55 + 55j))
