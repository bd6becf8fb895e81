"""The sheet of a recipe's steps, against the crops themselves."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from genderscope.core.types import Box, Face, Sample
from genderscope.data.prepare.preview import TILE_PX, sheet
from genderscope.data.prepare.shards import Recipe
from genderscope.imaging.contact_sheet import GAP_PX, LINE_PX, TEXT_PX
from genderscope.imaging.preprocess import PRESETS, crop, cut

FACE = Face(Box(180, 60, 80, 110))
SPECS = [*PRESETS.values(), replace(PRESETS["paper"], colour="bgr", size=32)]


def tile(page, row, column):
    top = GAP_PX + LINE_PX + row * (TILE_PX + GAP_PX + LINE_PX)
    left = GAP_PX + column * (TILE_PX + GAP_PX)
    return page[top : top + TILE_PX, left : left + TILE_PX]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.name} {spec.colour}")
def test_every_step_of_every_spec(spec, portrait, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    samples = [Sample(portrait, 0, FACE.box), Sample(broken, 1), Sample(portrait, None)]
    page = sheet(samples, Recipe(spec, None))
    image = cv2.imread(str(portrait))
    coloured, shown = cut(image, FACE, replace(spec, colour="bgr"))
    exact = crop(image, FACE, spec)

    def enlarged(small):
        small = small if small.ndim == 3 else np.repeat(small[..., None], 3, 2)
        return cv2.resize(small, (TILE_PX, TILE_PX), interpolation=cv2.INTER_NEAREST)

    np.testing.assert_array_equal(
        tile(page, 0, 1), enlarged(np.where(shown[..., None], coloured, 255))
    )
    np.testing.assert_array_equal(tile(page, 0, 2), enlarged(coloured))
    np.testing.assert_array_equal(tile(page, 0, 3), enlarged(exact))
    scaled = enlarged(exact).astype(float)
    stretched = (scaled - scaled.min()) / (scaled.max() - scaled.min()) * 255
    assert abs(tile(page, 0, 4) - stretched).max() < 2
    for column in range(5):  # a picture for the whole portrait too, words for the broken one
        assert tile(page, 2, column).std() > 30
        assert (tile(page, 1, column)[:-TEXT_PX] == 255).all()


def test_a_window_outside_the_picture_is_drawn_whole(portrait):
    wide = Sample(portrait, 0, Box(-60, -40, 300, 300))
    page = sheet([wide], Recipe(PRESETS["paper"], None))[..., ::-1]
    blue = (page == (86, 180, 233)).all(2)[: 40 + TILE_PX, : GAP_PX + TILE_PX]
    rows, columns = np.flatnonzero(blue.any(1)), np.flatnonzero(blue.any(0))
    assert columns[-1] - columns[0] == pytest.approx(rows[-1] - rows[0], abs=2)
    assert blue.sum() > 4 * (columns[-1] - columns[0])
