"""Results onto a picture: boxes and labels. Pure: the picture that comes in stays as it is.

Knows nothing of files, models or how results came about.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from genderscope.contracts import LABELS, UNCERTAIN, Floats, Image, Result

# BGR, from the palette of Okabe and Ito, which colour-blind people tell apart; black text reads on
# each of them.
COLOURS = {LABELS[0]: (0, 159, 230), LABELS[1]: (233, 180, 86), UNCERTAIN: (215, 215, 215)}
BLACK = (0, 0, 0)
SMALLEST_TEXT_PX = 11


def draw(image: Image, results: Sequence[Result]) -> Image:
    """A copy of a picture with each face's box, label and confidence.

    Lines and letters grow with the picture and the face; a label that has no room above its box
    moves down into it, and nothing is cut off at the picture's edge.

    Args:
        image: (height, width, 3) uint8 BGR.

    Returns:
        (height, width, 3) uint8 BGR.
    """
    drawn = np.ascontiguousarray(image).copy()
    for result in results:
        _box(drawn, result)
    for result in results:  # after all boxes, so that no line crosses a label
        _label(drawn, result)
    return drawn


def _corners(image: Image, result: Result) -> tuple[tuple[int, int], tuple[int, int]]:
    """Left top and right bottom of a face's box, moved into the picture."""
    box, last = result.face.box, np.array(image.shape[1::-1]) - 1
    ends = np.array([(box.x, box.y), (box.x + box.width, box.y + box.height)])
    (left, top), (right, bottom) = ends.round().clip(0, last).astype(int).tolist()
    return (left, top), (right, bottom)


def _box(image: Image, result: Result) -> None:
    first, last = _corners(image, result)
    line = round(min(max(image.shape[:2]) / 400, result.face.box.width / 20))
    # Bright inside dark, so that it shows on any ground.
    cv2.rectangle(image, first, last, BLACK, max(line, 1) + 2)
    cv2.rectangle(image, first, last, COLOURS[result.prediction.label], max(line, 1))


def _label(image: Image, result: Result) -> None:
    height, width = image.shape[:2]
    (left, top), _ = _corners(image, result)
    largest = max(height, width) / 30
    wanted = min(max(result.face.box.width / 6, largest / 2), largest * 2)
    prediction = result.prediction
    ink = _text(f"{prediction.label} {prediction.confidence:.0%}", max(wanted, SMALLEST_TEXT_PX))
    if (fit := min(height / ink.shape[0], width / ink.shape[1])) < 1:
        size = (max(int(ink.shape[1] * fit), 1), max(int(ink.shape[0] * fit), 1))
        ink = cv2.resize(ink, size, interpolation=cv2.INTER_AREA).astype(np.float64, copy=False)
    top = max(top - ink.shape[0], 0)
    left = min(left, width - ink.shape[1])
    plate = (1 - ink[..., None]) * COLOURS[prediction.label]
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = plate.round()


def _text(text: str, size_px: float) -> Floats:
    """How much ink of a line of text each pixel has, 0-1, with a rim around it."""
    font = PIL.ImageFont.load_default(size_px)
    rim = round(size_px / 4)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
    canvas = PIL.Image.new("L", (right - left + 2 * rim, bottom - top + 2 * rim))
    PIL.ImageDraw.Draw(canvas).text((rim - left, rim - top), text, font=font, fill=255)
    return np.asarray(canvas) / 255
