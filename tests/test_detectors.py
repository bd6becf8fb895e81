"""Both detectors on real pictures: where the face is, at any size, tilted, or absent."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import genderscope
from genderscope import detection
from genderscope.core.errors import ModelError, UsageError
from genderscope.core.types import Box, Face, LeftOut
from genderscope.detection import views, windows
from genderscope.imaging.preprocess import PRESETS, crop, window

FACE = Box(178, 68, 86, 110)  # of the portrait, by hand


@pytest.fixture(scope="module")
def yunet(shared):
    return shared / "models" / "face_detection_yunet_2026may.onnx"


@pytest.fixture(scope="module", params=["haar", "yunet"])
def detector(request):
    if request.param == "haar":
        return detection.create("haar")
    return detection.create("yunet", model=request.getfixturevalue("yunet"))


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


@pytest.mark.parametrize(
    ("limits", "left_out"),
    [
        ({"min_face_px": 100}, LeftOut(small=1)),  # its face is 91 pixels wide
        ({"min_face_px": 200}, LeftOut()),  # less than half of it
        ({"min_score": 0.99}, LeftOut(faint=1)),
    ],
)
def test_faces_below_the_limits_are_left_out_and_counted(picture, yunet, limits, left_out):
    found = detection.create("yunet", model=yunet, **limits)(picture)
    assert (found, found.left_out) == ([], left_out)


def test_landmarks_turn_with_the_face(picture, yunet):
    """They follow only about a third of a tilt, which is why training turns faces too."""
    detector = detection.create("yunet", model=yunet)
    angles = []
    for turn_deg in (-25, 0, 25):
        turn = cv2.getRotationMatrix2D((220, 120), -turn_deg, 1)
        face = detector(cv2.warpAffine(picture, turn, (512, 512)))[0]
        angles.append(np.degrees(np.angle(window(face, PRESETS["aligned"])[0])))
    assert angles[0] + 3 < angles[1] < angles[2] - 3


def test_both_detectors_mean_the_same_box(picture, yunet):
    haar, best = detection.create("haar")(picture)[0], detection.create(model=yunet)(picture)[0]
    assert haar.box.iou(best.box) > 0.7


def test_yunet_says_what_opencvs_own_says(shared, yunet, picture):
    """The same network in ONNX Runtime: the same faces, to a thousandth of a pixel."""
    reference = cv2.FaceDetectorYN.create(str(yunet), "", (64, 64), 0.6, 0.3, 5000)
    detector = detection.create("yunet", model=yunet, min_face_px=1)
    pictures = [cv2.imread(str(file)) for file in (shared / "data/photos").glob("*.jpg")]
    for view in (picture, *(cv2.resize(each, (640, 470)) for each in pictures), picture[:70, :333]):
        reference.setInputSize(view.shape[1::-1])
        rows = reference.detect(view)[1]
        found = [
            (f.box.x, f.box.y, f.box.width, f.box.height, *np.ravel(f.landmarks), f.score)
            for f in detector.find(view)
        ]
        np.testing.assert_allclose(
            np.reshape(found, (-1, 15)),
            np.reshape([] if rows is None else rows, (-1, 15)),
            atol=1e-3,
        )


def test_a_bounded_view_loses_no_face_of_the_photographs(shared, yunet):
    """Against the whole picture at its own size, where YuNet takes a shoe for a face (0.71)."""
    for file in (shared / "data/photos").glob("*.jpg"):
        image = cv2.imread(str(file))
        whole = detection.create("yunet", model=yunet).find(image)
        found = detection.create("yunet", model=yunet)(image)
        for face in whole:
            assert face.score < 0.75 or max(face.box.iou(other.box) for other in found) > 0.4


@pytest.mark.parametrize(
    ("size", "wanted", "shapes"),
    [
        ((300, 400), 0.5, [(300, 400)]),  # nothing small is shrunk
        ((500, 640), 0.5, [(500, 640), (96, 123)]),
        ((720, 1280), 0.5, [(360, 640), (96, 171)]),
        ((720, 1280), 0.1, [(360, 640), (96, 171)]),
        ((720, 1280), 1.0, [(720, 1280), (96, 171)]),
        ((1536, 2048), 0.5, [(768, 1024), (96, 128)]),
        ((3000, 4000), 0.25, [(750, 1000), (96, 128)]),
        ((3000, 4000), 0.5, [*[(830, 1080)] * 4, (150, 200)]),
        ((1, 9000), 1.0, [(1, 1265)] * 8),
    ],
)
def test_views_are_as_small_as_the_smallest_and_the_largest_face_allow(size, wanted, shapes):
    picture = np.zeros((*size, 3), np.uint8)
    made = list(views.views(picture, 1280, wanted))
    assert [view.image.shape[:2] for view in made] == shapes
    last = made[-1]  # the views reach the picture's last pixel
    assert last.left + last.image.shape[1] / last.scale == pytest.approx(size[1], abs=8)
    assert last.top + last.image.shape[0] / last.scale == pytest.approx(size[0], abs=8)


@pytest.mark.parametrize("orientation", ["auto", "any"])
def test_turned_faces_are_found_and_cut_the_right_way_up(picture, yunet, orientation):
    detector = detection.create("yunet", model=yunet, orientation=orientation)
    spec = PRESETS["aligned"]
    [upright] = detector(picture)
    assert upright.box.iou(detection.create("yunet", model=yunet)(picture)[0].box) > 0.8
    expected = crop(picture, upright, spec).astype(int)
    for quarters in (1, 2, 3):
        view = np.ascontiguousarray(np.rot90(picture, -quarters))
        [face] = detector(view)
        assert face.turn_deg % 360 == 90 * quarters
        assert abs(crop(view, face, spec) - expected).mean() < 3
        assert abs(crop(view, replace(face, landmarks=None), spec) - expected).mean() < 40


def test_a_face_at_45_degrees_is_found_at_any_angle(picture, yunet):
    turn = cv2.getRotationMatrix2D((220, 120), -45, 1)
    view = cv2.warpAffine(picture, turn, (512, 512))
    [face] = detection.create("yunet", model=yunet, orientation="any")(view)
    assert face.turn_deg == 45
    assert face.roll_deg == pytest.approx(45, abs=8)


def test_a_doubtful_face_that_no_turned_window_confirms_is_none():
    def find(view):
        return [Face(Box(10, 10, 40, 40), 0.45)]

    options = {"detection_size": 640, "min_face_px": 24, "smallest_px": 12, "orientation": "any"}
    view = np.zeros((100, 100, 3), np.uint8)
    assert detection.search(view, find, **options)
    none = detection.search(view, find, **options, min_score=0.6, least_score=0.6)
    assert (none, none.left_out) == ([], LeftOut())


@pytest.mark.parametrize("step", [1.5, 2.5, 48, 49, 99])
def test_a_window_shows_its_middle_in_its_middle(step):
    image = np.zeros((300, 7000, 3), np.uint8)
    image[:, round(3000 - 3 * step) : round(3000 + 3 * step)] = 255
    seen = []

    def find(view):
        seen.append(view[32, :, 0].astype(float))
        return []

    windows.search(image, find, [(complex(3000, 150), complex(step))], 64)
    [row] = seen
    assert np.average(np.arange(64) + 0.5, weights=row) == pytest.approx(32, abs=0.1)


def test_a_face_that_fills_a_large_picture_is_found_once(picture, yunet):
    left, top, right, bottom = (int(v) for v in (FACE.x - 40, FACE.y - 60, 308, 230))
    for side in (640, 3000):
        view = cv2.resize(picture[top:bottom, left:right], (side, side))
        [face] = detection.create("yunet", model=yunet)(view)
        assert face.box.height > side / 3


@pytest.mark.parametrize(
    ("photograph", "zooms", "faces"),
    [("12_angry_men.jpg", (1, 2, 4), 9), ("test_image.jpg", (1, 2), 6)],
)
def test_an_enlarged_photograph_shows_as_many_faces(shared, yunet, photograph, zooms, faces):
    """At one look, a man behind another's hat and shoes come and go with the size."""
    detector = detection.create("yunet", model=yunet, orientation="auto")
    image = cv2.imread(str(shared / "data/photos" / photograph))
    for zoom in zooms:
        large = cv2.resize(image, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC)
        assert len(detector(large)) == faces


def test_one_box_inside_another_is_the_same_face():
    large, inside, beside = Box(0, 0, 100, 100), Box(40, 40, 30, 30), Box(80, 0, 100, 100)
    faces = [Face(inside, 0.7), Face(large, 0.9), Face(beside, 0.8)]
    assert [face.box for face in views.distinct(faces)] == [large, beside]
    turned = Face(large, 0.92, turn_deg=180)
    assert views.distinct([turned, faces[1]]) == [faces[1]]  # not better by enough


def test_group_photographs(shared, detector):
    picture = cv2.imread(str(shared / "data/photos/12_angry_men.jpg"))
    assert len(detector(picture)) >= 7


def test_haar_takes_no_background_for_a_face(shared, yunet):
    """Where the default cascade alone finds 14 boxes and more, most of them background."""
    picture = cv2.imread(str(shared / "data/photos/test_image.jpg"))
    haar = detection.create("haar")
    people = detection.create(model=yunet)(picture)
    found = haar(picture)
    assert len(found) >= 5
    for face in found:
        assert max(face.box.iou(other.box) for other in people) > 0.3
    assert haar(picture[1024:1408, 1408:1792]) == []


def test_yunet_is_the_default_only_where_its_weights_are(monkeypatch, tmp_path, yunet):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("GENDERSCOPE_YUNET", raising=False)
    assert detection.create().name == "haar"
    monkeypatch.setenv("GENDERSCOPE_YUNET", str(yunet))
    assert detection.create().name == "yunet"


def test_an_unknown_orientation_is_refused():
    with pytest.raises(UsageError, match="no orientation 'down'; there are: auto, upright, any"):
        detection.create("haar", orientation="down")


def test_weights_that_are_absent_or_broken_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"models pull yunet"):
        detection.create("yunet", model=tmp_path / "absent.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_text("no network")
    with pytest.raises(ModelError, match=r"broken\.onnx"):
        detection.create("yunet", model=broken)
    other = Path(genderscope.__file__).parent / "weights" / "mini_xception.onnx"
    with pytest.raises(ModelError, match="is not a YuNet model"):
        detection.create("yunet", model=other)
    with pytest.raises(UsageError, match="haar takes no weights"):
        detection.create("haar", model=broken)
