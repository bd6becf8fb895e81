"""Draw results onto a copy of a picture: boxes, labels, maps, and hidden faces."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from genderscope.core.terminal import percent
from genderscope.core.types import LABELS, UNCERTAIN, Box, Floats, Image, Result

# BGR, from the palette of Okabe and Ito, safe for colour blindness; black text is legible on each.
COLOURS = {LABELS[0]: (0, 159, 230), LABELS[1]: (233, 180, 86), UNCERTAIN: (215, 215, 215)}
BLACK = (0, 0, 0)
SMALLEST_TEXT_PX = 11
BLOCKS, HIDDEN_MARGIN = 6, 0.35  # Blocks across a hidden face, hair and chin included


def draw(image: Image, results: Sequence[Result]) -> Image:
    """A copy of a picture with each face's box, label and confidence, both (height, width, 3) uint8
    BGR.

    Lines and letters scale with the picture and the face. A label without room above its box moves
    into it, and nothing is cut off at the picture's edge.
    """
    drawn = np.ascontiguousarray(image).copy()
    for result in results:
        _box(drawn, result)
    for result in results:  # after all boxes, so that no line crosses a label
        _label(drawn, result)
    return drawn


def pixelated(image: Image, boxes: Sequence[Box]) -> Image:
    """A copy of a picture in which no box shows more than a few blocks of one colour each."""
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
    """Where each face's map fits next to its box: a square of whole pixels, or None."""
    height, width = image.shape[:2]
    taken, found = list(boxes), list[Box | None]()
    for box in boxes:
        side = round(min(box.height, height, width))
        y = round(min(max(box.y, 0), height - side))
        lefts = (round(left) for left in (box.x + box.width, box.x - side) if side)
        places = (Box(x, y, side, side) for x in lefts if 0 <= x <= width - side)
        room = next((p for p in places if all(p.iou(other) < 0.02 for other in taken)), None)
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
    """A copy of a picture with lines of text in its lower left corner, as far as they fit."""
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
    """Left top and right bottom of a box, moved into the picture."""
    last = np.array(image.shape[1::-1]) - 1
    ends = np.array([(box.x, box.y), (box.x + box.width, box.y + box.height)])
    (left, top), (right, bottom) = ends.round().clip(0, last).astype(int).tolist()
    return (left, top), (right, bottom)


def _box(image: Image, result: Result) -> None:
    first, last = _corners(image, result.face.box)
    line = round(min(max(image.shape[:2]) / 400, result.face.box.width / 20))
    # Bright inside dark, visible on any background.
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
    """Black text on a colour."""
    plate: Image = ((1 - _text(text, size_px)[..., None]) * colour).round().astype(np.uint8)
    return plate


@lru_cache(maxsize=16)  # a caption stays for many frames
def _text(text: str, size_px: float) -> Floats:
    """How much ink of a line of text each pixel has, 0-1, with a rim around it."""
    font = _font(round(size_px))
    rim = round(size_px / 4)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text))
    canvas = PIL.Image.new("L", (right - left + 2 * rim, bottom - top + 2 * rim))
    PIL.ImageDraw.Draw(canvas).text((rim - left, rim - top), text, font=font, fill=255)
    return np.asarray(canvas) / 255


@lru_cache(maxsize=32)
def _font(size_px: int) -> PIL.ImageFont.FreeTypeFont | PIL.ImageFont.ImageFont:
    return PIL.ImageFont.load_default(size_px)
