"""Contact sheets: where the tiles, the frames and the texts are."""

import numpy as np
import pytest

from genderscope.imaging.contact_sheet import (
    GAP_PX,
    HIGHLIGHT,
    LINE_PX,
    Tile,
    contact_sheet,
    fitted,
    in_columns,
)

BLUE = np.full((30, 40, 3), (255, 0, 0), np.uint8)
GREY = np.full((20, 20), 90, np.uint8)


def test_tiles_stand_in_rows_of_the_largest_size():
    page = contact_sheet([[Tile(BLUE), Tile(GREY)], [Tile(None), Tile(BLUE)]])
    assert page.shape == (GAP_PX + 2 * (30 + GAP_PX), GAP_PX + 2 * (40 + GAP_PX), 3)
    np.testing.assert_array_equal(page[GAP_PX : GAP_PX + 30, GAP_PX : GAP_PX + 40], BLUE)
    grey = page[GAP_PX:, 2 * GAP_PX + 40 :]
    assert (grey[:20, :20] == 90).all()
    assert (grey[20:30, :20] == 255).all()
    assert (page[GAP_PX + 30 :, : GAP_PX + 40] == 255).all()


def test_texts_take_their_lines():
    plain = contact_sheet([[Tile(BLUE, "one\ntwo"), Tile(BLUE)]])
    assert plain.shape[0] == 2 * GAP_PX + 30 + 2 * LINE_PX
    titled = contact_sheet([[Tile(BLUE)]], title="a long title, longer than the tile", heads=["x"])
    assert titled.shape[0] == 2 * GAP_PX + 30 + 2 * LINE_PX
    assert titled.shape[1] > 2 * GAP_PX + 40
    named = contact_sheet([[Tile(BLUE)]], names=["row"])
    assert named.shape[1] > 2 * GAP_PX + 40
    np.testing.assert_array_equal(named[GAP_PX:, -GAP_PX - 40 :][:30, :40], BLUE)


def test_a_highlighted_tile_has_a_frame():
    frame = (HIGHLIGHT[2], HIGHLIGHT[1], HIGHLIGHT[0])
    for highlighted in (False, True):
        page = contact_sheet([[Tile(BLUE, highlighted=highlighted)]])
        assert (page[GAP_PX - 1, GAP_PX - 1] == frame).all() == highlighted


def test_in_columns():
    tiles = [Tile(None, str(number)) for number in range(5)]
    assert [len(row) for row in in_columns(tiles, 2)] == [2, 2, 1]
    assert contact_sheet([]).size


@pytest.mark.parametrize(("shape", "expected"), [((60, 30), (40, 20)), ((2, 900), (1, 40))])
def test_fitted(shape, expected):
    assert fitted(np.zeros((*shape, 3), np.uint8), 40).shape == (*expected, 3)
    assert fitted(np.zeros(shape, np.uint8), 40).shape == expected
