"""Draw on a copy of a picture: boxes, labels, maps and text; pixelate faces."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from genderscope.core.terminal import percent
from genderscope.core.types import LABELS, UNCERTAIN, Box, Floats, Image, Result

# BGR, from the colour-blind safe palette of Okabe and Ito; black text is legible on each.
COLOURS = {LABELS[0]: (0, 159, 230), LABELS[1]: (233, 180, 86), UNCERTAIN: (215, 215, 215)}
BLACK = (0, 0, 0)
SMALLEST_TEXT_PX = 11
BLOCKS, HIDDEN_MARGIN = 6, 0.35  # blocks across a pixelated face, with hair and chin


def draw(image: Image, results: Sequence[Result]) -> Image:
    """A copy of a picture with each face's box, label and confidence, both (height, width, 3) uint8
    BGR.

    Lines and text scale with the picture and the face. A label without room above its box moves
    into it, and nothing is clipped at the picture's edge.
    """
    drawn = np.ascontiguousarray(image).copy()
    for result in results:
        _box(drawn, result)
    for result in results:  # after all boxes, so that no line crosses a label
        _label(drawn, result)
    return drawn


def pixelated(image: Image, boxes: Sequence[Box]) -> Image:
    """A copy of a picture with the boxes pixelated to a few blocks each."""
    hidden = np.ascontiguousarray(image).copy()
    for box in boxes:
        x, y = box.width * HIDDEN_MARGIN, box.height * HIDDEN_MARGIN
        wide = Box(box.x - x, box.y - y, box.width + 2 * x, box.height + 2 * y)
        (left, top), (right, bottom) = _corners(image, wide)
        part = hidden[top : bottom + 1, left : right + 1]
        blocks = [max(min(BLOCKS, side), 1) for side in part.shape[1::-1]]
        few = cv2.resize(part, blocks, interpolation=cv2.INTER_AREA)
        part[:] = cv2.resize(few, part.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return hidden


def rooms(image: Image, boxes: Sequence[Box]) -> list[Box | None]:
    """A free square of whole pixels beside each face's box, for its map; None without room."""
    height, width = image.shape[:2]
    taken, found = list(boxes), list[Box | None]()
    for box in boxes:
        side = round(min(box.height, height, width))
        y = round(min(max(box.y, 0), height - side))
        lefts = (round(left) for left in (box.x + box.width, box.x - side) if side)
        places = (Box(x, y, side, side) for x in lefts if 0 <= x <= width - side)
        room = next((x for x in places if all(x.iou(other) < 0.02 for other in taken)), None)
        found.append(room)
        taken += [room] if room else []
    return found


def beside(image: Image, rooms: Sequence[Box | None], maps: Sequence[Image | None]) -> Image:
    """A copy of a picture with each face's map, (side, side) uint8 grey, in its room."""
    drawn = np.ascontiguousarray(image).copy()
    for room, map_ in zip(rooms, maps, strict=True):
        if room is not None and map_ is not None:
            x, y, side = int(room.x), int(room.y), int(room.width)
            grey = cv2.resize(map_, (side, side), interpolation=cv2.INTER_LINEAR)
            drawn[y : y + side, x : x + side] = grey[..., None]
    return drawn


def caption(image: Image, lines: Sequence[str]) -> Image:
    """A copy of a picture with text in its lower left corner, the last lines that fit."""
    drawn = np.ascontiguousarray(image).copy()
    size_px = max(max(image.shape[:2]) / 45, SMALLEST_TEXT_PX)
    bottom = image.shape[0]
    for line in reversed(lines):
        ink = _text(line, size_px)[:, : image.shape[1], None]
        if (top := bottom - ink.shape[0]) < 0:
            break
        part = drawn[top:bottom, : ink.shape[1]]
        part[:] = cv2.convertScaleAbs(part * (0.35 - 0.35 * ink) + 255 * ink)
        bottom = top
    return drawn


def _corners(image: Image, box: Box) -> tuple[tuple[int, int], tuple[int, int]]:
    """The top left and bottom right corners of a box, clipped to the picture."""
    last = np.array(image.shape[1::-1]) - 1
    ends = np.array([(box.x, box.y), (box.x + box.width, box.y + box.height)])
    (left, top), (right, bottom) = ends.round().clip(0, last).astype(int).tolist()
    return (left, top), (right, bottom)


def _box(image: Image, result: Result) -> None:
    first, last = _corners(image, result.face.box)
    line = round(min(max(image.shape[:2]) / 400, result.face.box.width / 20))
    # A bright line on a wider dark one is visible on any background.
    cv2.rectangle(image, first, last, BLACK, max(line, 1) + 2)
    cv2.rectangle(image, first, last, COLOURS[result.prediction.label], max(line, 1))


def _label(image: Image, result: Result) -> None:
    height, width = image.shape[:2]
    (left, top), _ = _corners(image, result.face.box)
    largest = max(height, width) / 30
    wanted = min(max(result.face.box.width / 6, largest / 2), largest * 2)
    prediction = result.prediction
    track = f"{result.track.number}: " if result.track else ""
    text = f"{track}{prediction.label} {percent(prediction.confidence)}"
    plate = _plate(text, round(max(wanted, SMALLEST_TEXT_PX)), COLOURS[prediction.label])
    if (fit := min(height / plate.shape[0], width / plate.shape[1])) < 1:
        size = (max(int(plate.shape[1] * fit), 1), max(int(plate.shape[0] * fit), 1))
        plate = cv2.resize(plate, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    top = max(top - plate.shape[0], 0)
    left = min(left, width - plate.shape[1])
    image[top : top + plate.shape[0], left : left + plate.shape[1]] = plate


@lru_cache(maxsize=256)  # a track keeps its text for many frames
def _plate(text: str, size_px: int, colour: tuple[int, int, int]) -> Image:
    """Black text on a coloured background."""
    plate: Image = ((1 - _text(text, size_px)[..., None]) * colour).round().astype(np.uint8)
    return plate


@lru_cache(maxsize=16)  # a caption stays for many frames
def _text(text: str, size_px: float) -> Floats:
    """The coverage of each pixel by a line of text, 0-1, with a margin around it."""
    font = _font(round(size_px))
    rim = round(size_px / 4)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
    canvas = PIL.Image.new("L", (right - left + 2 * rim, bottom - top + 2 * rim))
    PIL.ImageDraw.Draw(canvas).text((rim - left, rim - top), text, font=font, fill=255)
    return np.asarray(canvas) / 255


@lru_cache(maxsize=32)
def _font(size_px: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    return PIL.ImageFont.load_default(size_px)
