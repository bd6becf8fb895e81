"""What is drawn on a face stays where it belongs, turns with the head, and repeats by the seed."""

import cv2
import numpy as np
import pytest

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.types import TEMPLATE, Box, Face, points
from genderscope.data import counterfactuals
from genderscope.data.counterfactuals import apply, conditions, picture_seed, select
from genderscope.data.counterfactuals._pose import DEPTHS, Pose, pose

# What YuNet finds in the portrait.
EYES, NOSE, MOUTH = ((200.0, 101.5), (247.3, 102.3)), (220.3, 124.2), ((198.6, 143), (239.8, 143.5))
FACE = Face(Box(178, 62.7, 90.9, 113.8), 0.93, (*EYES, NOSE, *MOUTH))
DRAWN = [name for name, one in conditions().items() if one.kind in ("worn", "cue")]
# Rows of the portrait that a condition leaves alone: from the top down to, and from there on.
KEPT = {
    "clear glasses": (75, 135),
    "dark glasses": (75, 135),
    "surgical mask": (90, 190),
    "hat": (0, 116),
    "beard": (80, 205),
    "moustache": (118, 155),
    "lipstick": (128, 162),
    "eye make-up": (80, 115),
}


@pytest.fixture(scope="module")
def picture(portrait):
    return cv2.imread(str(portrait))


def turned(picture, face, degrees):
    """A picture and its face, turned about the picture's middle."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    places = np.array(face.landmarks) @ matrix[:, :2].T + matrix[:, 2]
    x, y = places.mean(0) - np.array([face.box.width, face.box.height]) / 2
    box = Box(float(x), float(y), face.box.width, face.box.height)
    marks = tuple((float(x), float(y)) for x, y in places)
    return cv2.warpAffine(picture, matrix, (width, height)), Face(box, 1.0, marks)


def moved(face, x, y, scale=1.0):
    """A face somewhere else, and of another size."""
    marks = tuple((x + scale * px, y + scale * py) for px, py in face.landmarks)
    box = face.box
    return Face(
        Box(x + scale * box.x, y + scale * box.y, scale * box.width, scale * box.height), 1.0, marks
    )


def difference(one, other):
    return abs(one.astype(int) - other).max(-1)


def test_there_are_all_that_were_asked_for():
    assert list(conditions()) == [
        *("head scarf", "hat", "clear glasses", "dark glasses", "surgical mask"),
        *("beard", "moustache", "lipstick", "eye make-up"),
        *("dark", "bright", "side light", "low contrast", "high contrast", "gamma"),
        *("blur", "JPEG", "small", "grey", "warm tint", "red as blue", "noise"),
        *(f"turned {degrees}" for degrees in (15, 30, 45, 90, 180, 270)),
        *("mirrored", "half size", "twice as wide", "twice as high", "shifted", "cut off"),
    ]
    assert len(plugins.names("data.counterfactuals")) == 5


@pytest.mark.parametrize("name", conditions())
def test_a_condition_changes_the_picture_the_same_way_each_time(picture, name):
    before = picture.copy()
    first, again, other = (apply(picture, FACE, name, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(picture, before)
    np.testing.assert_array_equal(first, again)
    assert (first.shape, first.dtype) == (picture.shape, picture.dtype)
    assert difference(first, picture).max() > 20
    if name in DRAWN:
        assert difference(first, other).max() > 5


def test_side_light_on_a_small_face_in_a_large_picture():
    wide = np.full((8, 4000, 3), 128, np.uint8)
    with np.errstate(over="raise"):
        ends = {apply(wide, moved(FACE, 0, 0, 0.1), "side light", n)[0, -1, 0] for n in range(9)}
    assert len(ends) == 2  # light from the left and from the right


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_far_from_the_face_changes(picture, name):
    change = difference(apply(picture, FACE, name, 1), picture)
    assert not change[:, 380:].any()
    assert not change[300:].any()
    if name == "head scarf":
        assert change[90:150, 205:240].max() <= 1  # the face in it
        assert np.median(change[75:170, 160:168]) > 20
        return
    above, below = KEPT[name]
    assert not change[:above].any()
    assert not change[below:].any()


@pytest.mark.parametrize("degrees", [-35, 20, 90])
def test_a_turned_face_turns_the_glasses(picture, degrees):
    def axis(image, face):
        """The direction in which the change is longest, in degrees, and its middle."""
        rows, columns = np.nonzero(difference(apply(image, face, "dark glasses", 1), image) > 40)
        places = np.stack([columns, rows])
        _, vectors = np.linalg.eigh(np.cov(places))
        return np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])), places.mean(1)

    straight, _ = axis(picture, FACE)
    image, face = turned(picture, FACE, degrees)
    tilted, middle = axis(image, face)
    assert (tilted - straight - degrees + 90) % 180 - 90 == pytest.approx(0, abs=4)
    assert abs(middle - np.mean(face.landmarks[:2], 0)).max() < 8


@pytest.mark.parametrize("yaw_deg", [-40, -20, 0, 20, 40])
@pytest.mark.parametrize("tilt_deg", [0, 25])
def test_a_pose_is_found_again(yaw_deg, tilt_deg):
    scale = 80 * np.exp(1j * np.radians(tilt_deg))
    head = Pose(complex(scale), 100 + 90j, np.radians(yaw_deg), 0.0)
    places = head.project(np.stack([TEMPLATE.real, TEMPLATE.imag, DEPTHS], 1))
    landmarks = tuple((float(place.real), float(place.imag)) for place in places)
    found = pose(Face(Box(0, 0, 9, 9), 1.0, landmarks))
    assert np.degrees(found.yaw) == pytest.approx(yaw_deg, abs=8)
    assert abs(found.scale - head.scale) < 6
    assert abs(found.origin - head.origin) < 4


def test_geometry_moves_points_about_the_face(picture):
    middle = pose(FACE).origin
    dotted = np.zeros_like(picture)
    cv2.circle(dotted, (round(middle.real) + 40, round(middle.imag)), 3, (255, 255, 255), -1)
    for name, place in {
        "turned 90": 40j,
        "turned 180": -40,
        "mirrored": -40,
        "half size": 20,
        "twice as wide": 40 * 2**0.5,
        "twice as high": 40 / 2**0.5,
    }.items():
        rows, columns = np.nonzero(apply(dotted, FACE, name, 0).min(-1) > 200)
        assert abs(columns.mean() + 1j * rows.mean() - middle - place) < 2, name


def test_without_landmarks_the_box_stands_for_a_face_that_looks_ahead(picture):
    box = FACE.box
    assert pose(Face(box)).origin == complex(*box.centre)
    on_one_point = Face(box, 1.0, ((5.0, 5.0),) * 5)
    assert pose(on_one_point) == pose(Face(box))
    changed = difference(apply(picture, Face(box), "dark glasses", 1), picture) > 40
    rows, columns = np.nonzero(changed)
    eyes = points(EYES).mean()
    assert abs(columns.mean() + 1j * rows.mean() - eyes) < 12


@pytest.mark.parametrize("name", conditions())
@pytest.mark.parametrize(
    ("x", "y"), [(-225, -60), (250, -60), (60, -150), (0, 380)], ids=["left", "right", "up", "down"]
)
def test_a_face_may_reach_out_of_the_picture(picture, name, x, y):
    face = moved(FACE, x, y)
    after = apply(picture, face, name, 1)
    assert after.shape == picture.shape
    if name in DRAWN:
        changed = difference(after, picture) > 0
        centre = pose(face).origin
        rows, columns = np.nonzero(changed)
        assert not changed.any() or abs(columns + 1j * rows - centre).max() < 240


@pytest.mark.parametrize("name", DRAWN)
def test_a_face_outside_leaves_the_picture_alone(picture, name):
    after = apply(picture, moved(FACE, 3000, 100), name, 1)
    np.testing.assert_array_equal(after, picture)


@pytest.mark.parametrize("name", conditions())
@pytest.mark.parametrize("height", [1, 12, 40])
def test_tiny_faces(picture, name, height):
    small = cv2.resize(picture, None, fx=height / 113.8, fy=height / 113.8)
    after = apply(small, moved(FACE, 0, 0, height / 113.8), name, 1)
    assert after.shape == small.shape
    assert height < 12 or difference(after, small).max() > 3


@pytest.mark.parametrize("name", DRAWN)
def test_a_black_and_white_picture_stays_so(picture, name):
    grey = apply(picture, FACE, "grey", 1)
    after = apply(grey, FACE, name, 1).astype(int)
    assert np.ptp(after, axis=-1).max() <= 1
    assert difference(after, grey).max() > 20


def test_what_is_drawn_has_the_pictures_light_and_sharpness(picture):
    inside = slice(140, 160), slice(205, 235)
    dim = apply(picture, FACE, "dark", 1)
    seed = next(
        s for s in range(9) if apply(picture, FACE, "surgical mask", s)[inside].mean() > 150
    )
    masks = {
        kind: apply(image, FACE, "surgical mask", seed)[inside].mean()
        for kind, image in (("as it is", picture), ("dim", dim))
    }
    assert masks["dim"] < 0.6 * masks["as it is"]
    blurred = apply(picture, FACE, "blur", 1)
    edges = [
        abs(np.diff(difference(apply(image, FACE, "dark glasses", 2), image), axis=0)).max()
        for image in (picture, blurred)
    ]
    assert edges[1] < 0.6 * edges[0]


def test_random_takes_turns_among_what_is_worn(picture):
    worn = [one for one in conditions().values() if one.kind == "worn"]
    small, face = cv2.resize(picture, None, fx=0.25, fy=0.25), moved(FACE, 0, 0, 0.25)
    seen = set()
    for seed in range(16):
        after = apply(small, face, counterfactuals.RANDOM, seed)
        [name] = [one.name for one in worn if (one.apply(small, face, seed) == after).all()]
        seen.add(name)
    assert seen == {one.name for one in worn}


def test_seeds_go_by_the_files_name(tmp_path):
    one, same, other = (tmp_path / name for name in ("a/1.jpg", "b/1.jpg", "a/2.jpg"))
    assert picture_seed(one, 0) == picture_seed(same, 0)
    assert len({picture_seed(one, 0), picture_seed(one, 1), picture_seed(other, 0)}) == 3


def test_conditions_are_named():
    assert [one.name for one in select("hat, blur,hat")] == ["hat", "blur"]
    assert [one.name for one in select("light,dark")][:2] == ["dark", "bright"]
    changed = [*select("all"), *select("geometry")]
    assert changed == list(conditions().values())
    with pytest.raises(UsageError, match="no condition 'monocle'; there are: all, head scarf"):
        select("hat,monocle")
