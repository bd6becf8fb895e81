import cv2
import numpy as np
import pytest

from genderscope.core.types import UNCERTAIN, Box, Face, Image, Prediction, Result
from genderscope.imaging.draw import COLOURS, draw

WOMAN = Prediction((0.9, 0.1))
MAN = Prediction((0.2, 0.8))
UNSURE = Prediction((0.45, 0.55), min_confidence=0.7)


def grey(height: int, width: int) -> Image:
    return np.full((height, width, 3), 128, np.uint8)


def share(image: Image, colour: tuple[int, int, int]) -> float:
    """The share of a picture's pixels that have exactly a colour."""
    return float((image == colour).all(-1).mean())


def test_the_picture_that_comes_in_stays() -> None:
    image = grey(300, 400)
    drawn = draw(image, [Result(Face(Box(100, 100, 80, 90)), WOMAN)])
    assert (image == 128).all()
    assert (drawn != image).any()
    np.testing.assert_array_equal(draw(image, []), image)


@pytest.mark.parametrize("prediction", [WOMAN, MAN, UNSURE])
def test_each_label_has_its_colour(prediction: Prediction) -> None:
    drawn = draw(grey(300, 400), [Result(Face(Box(100, 100, 80, 90)), prediction)])
    assert share(drawn, COLOURS[prediction.label]) > 0.005
    for label in {"woman", "man", UNCERTAIN} - {prediction.label}:
        assert share(drawn, COLOURS[label]) == 0


@pytest.mark.parametrize(
    ("first", "second"), [("woman", "man"), ("woman", UNCERTAIN), ("man", UNCERTAIN)]
)
def test_colours_differ_for_those_who_see_no_red_or_green(first: str, second: str) -> None:
    """Viénot, Brettel and Mollon 1999: linear RGB as dichromats see it; black text reads on all."""
    dichromacies = (
        [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
        [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
    )
    linear = [(np.array(COLOURS[label][::-1]) / 255) ** 2.2 for label in (first, second)]
    for seen in (np.eye(3), *map(np.array, dichromacies)):
        one, other = (seen @ colour for colour in linear)
        assert abs(one - other).max() > 0.2
    for colour in linear:
        luminance = colour @ (0.2126, 0.7152, 0.0722)
        assert (luminance + 0.05) / 0.05 > 7  # the contrast that WCAG calls AAA


@pytest.mark.parametrize("size", [(1, 1), (8, 5), (24, 24), (64, 64), (60, 900), (3000, 2000)])
@pytest.mark.parametrize(
    "box", [(0.3, 0.3, 0.4, 0.4), (-0.5, -0.5, 2, 2), (0.9, 0.9, 0.5, 0.5), (-3, 5, 0.5, 0.5)]
)
def test_any_size_and_place(size: tuple[int, int], box: tuple[float, ...]) -> None:
    height, width = size
    face = Face(Box(box[0] * width, box[1] * height, box[2] * width, box[3] * height))
    drawn = draw(grey(height, width), [Result(face, UNSURE)])
    assert drawn.shape == (height, width, 3)
    assert (drawn != 128).any()


@pytest.mark.parametrize("corner", [(-0.1, -0.1), (0.9, -0.1), (-0.1, 0.9), (0.9, 0.9), (0.6, 0)])
@pytest.mark.parametrize("side", [100, 300, 1500])
def test_labels_are_whole_wherever_the_face_is(side: int, corner: tuple[float, float]) -> None:
    """A label has the same pixels in a corner as in the middle: nothing is cut off."""

    def drawn(x: float, y: float) -> Image:
        face = Face(Box(round(x * side), round(y * side), round(0.2 * side), round(0.2 * side)))
        return draw(grey(side, side), [Result(face, WOMAN)])

    middle, top = drawn(0.3, 0.5), round(0.5 * side)
    rows, columns = np.nonzero((middle[: top - 5] != 128).any(-1))
    label = middle[rows.min() : top, columns.min() : columns.max() + 1]
    differences = cv2.matchTemplate(drawn(*corner), label, cv2.TM_SQDIFF)
    assert differences.min() < 1


def test_text_grows_with_the_picture() -> None:
    def rows(side: int) -> int:
        face = Face(Box(side * 0.4, side * 0.5, side * 0.2, side * 0.2))
        drawn = draw(grey(side, side), [Result(face, MAN)])
        above = drawn[: round(side * 0.49)]
        return int((above != 128).any(axis=(1, 2)).sum())

    small, large = rows(300), rows(3000)
    assert small >= 11
    assert large > 5 * small
