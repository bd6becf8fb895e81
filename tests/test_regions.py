"""Regions of a face: they divide the crop, follow the face, and take their energy from maps."""

import numpy as np
import pytest

from genderscope.core.types import TEMPLATE, Box, Face
from genderscope.evaluation import regions
from genderscope.evaluation.regions import REGIONS
from genderscope.imaging.preprocess import PRESETS, crop

SIZE = 128


def face(turn: complex = 1, shift: complex = 0) -> np.ndarray:
    """The average face, 100 pixels high in the middle of the crop, turned about its middle."""
    places = 100 * turn * TEMPLATE + SIZE / 2 * (1 + 1j) + shift
    return np.stack([places.real, places.imag], 1)


def region_at(marks: np.ndarray, point: complex) -> str:
    """The region at a point of the face, in units of its height from its middle."""
    pixel = 100 * point + SIZE / 2 * (1 + 1j)
    return REGIONS[regions.masks(marks[None], SIZE)[0, int(pixel.imag), int(pixel.real)]]


@pytest.mark.parametrize(
    ("point", "region"),
    [
        (TEMPLATE[0], "eyes"),
        (TEMPLATE[1], "eyes"),
        (TEMPLATE[0] - 0.12j, "brows"),
        (TEMPLATE[1] - 0.12j, "brows"),
        (TEMPLATE[2], "nose"),
        (-0.1j, "nose"),
        (TEMPLATE[3], "mouth/beard"),
        (0.4j, "mouth/beard"),
        (-0.45j, "hair/forehead"),
        (0.3 - 0.4j, "hair/forehead"),
        (-0.3 + 0.05j, "cheeks"),
        (0.3 + 0.05j, "cheeks"),
        (-0.2j, "cheeks"),
        (0.5 + 0.1j, "outside"),
        (-0.5 + 0.5j, "outside"),
        (0.6 - 0.6j, "outside"),
    ],
)
def test_what_lies_where_on_an_upright_face(point, region):
    assert region_at(face(), complex(point)) == region


def test_every_pixel_has_one_region_and_every_region_pixels():
    found = regions.masks(np.stack([face(), face(0.5), face(1j)]), SIZE)
    assert found.shape == (3, SIZE, SIZE)
    for one in found:
        assert set(np.unique(one)) == set(range(len(REGIONS)))
    areas = regions.areas(np.stack([face(), face(0.5)]), SIZE)
    np.testing.assert_allclose(areas.sum(1), 1)
    # Half as wide and high a face has a quarter of the pixels; more is outside.
    np.testing.assert_allclose(areas[1, :3] / areas[0, :3], 0.25, rtol=0.1)


def test_regions_turn_and_move_with_the_face():
    upright, turned, moved = regions.masks(np.stack([face(), face(1j), face(1, 10 + 5j)]), SIZE)
    assert (np.rot90(upright, -1) == turned).mean() > 0.99
    assert (upright[:-5, :-10] == moved[5:, 10:]).all()


def test_a_map_in_one_region_has_all_its_energy_there():
    marks = np.stack([face()] * len(REGIONS))
    found = regions.masks(marks, SIZE)
    maps = np.stack([(one == index) * -2.0 for index, one in enumerate(found)])
    np.testing.assert_allclose(regions.shares(maps, marks), np.eye(len(REGIONS)))
    np.testing.assert_allclose(regions.shares(maps[..., None] * [1, 0, 3], marks), np.eye(7))


def test_energy_is_the_square_and_an_empty_map_has_no_shares():
    marks = np.stack([face()] * 2)
    maps = np.zeros((2, SIZE, SIZE), np.float32)
    eye, brow = (face()[0].astype(int), (face()[0] - [0, 12]).astype(int))
    maps[0, eye[1], eye[0]], maps[0, brow[1], brow[0]] = 3, -1
    shares = regions.shares(maps, marks)
    assert shares[0].tolist() == [0.9, 0.1, 0, 0, 0, 0, 0]
    assert np.isnan(shares[1]).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_landmarks_in_the_crop_lie_where_they_lie_in_the_picture(preset):
    spec = PRESETS[preset]
    places = 90 * TEMPLATE * np.exp(0.2j) + 150 + 120j
    found = Face(Box(105, 75, 90, 90), landmarks=tuple((p.real, p.imag) for p in places))
    marks = regions.landmarks(found, spec)
    for (x, y), place in zip(marks, places, strict=True):
        # A bright spot at the landmark comes out at its place in the crop.
        picture = np.zeros((240, 300, 3), np.uint8)
        across, down = np.ogrid[:240, :300][::-1]
        picture[abs(across + 0.5 + 1j * (down + 0.5) - place) < 4] = 255
        pixels = crop(picture, found, spec).reshape(spec.size, spec.size, -1)[..., 0]
        rows, columns = np.nonzero(pixels > 128)
        assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx((x, y), abs=0.6)


def test_a_face_without_landmarks_has_those_of_the_average():
    spec = PRESETS["aligned"]
    bare = Face(Box(10, 20, 80, 100))
    places = 100 * TEMPLATE + complex(50, 70)
    marked = Face(bare.box, landmarks=tuple((p.real, p.imag) for p in places))
    np.testing.assert_allclose(regions.landmarks(bare, spec), regions.landmarks(marked, spec))
