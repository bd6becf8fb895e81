"""Contact sheets: pictures in rows and columns, with captions."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from genderscope.core.types import Image

GAP_PX, TEXT_PX = 8, 12
LINE_PX = TEXT_PX + 4
# RGB; the highlight is vermilion from the palette of Okabe and Ito.
WHITE, BLACK, HIGHLIGHT = (255, 255, 255), (0, 0, 0), (213, 94, 0)


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture of a sheet, (height, width, 3) uint8 BGR or (height, width) grey, or blank space; a
    highlighted one has a frame, and its caption has the frame's colour.
    """

    image: Image | None
    caption: str = ""
    highlighted: bool = False


def contact_sheet(
    rows: Sequence[Sequence[Tile]],
    *,
    title: str = "",
    heads: Sequence[str] = (),
    names: Sequence[str] = (),
) -> Image:
    """Draw rows of tiles as one picture, (height, width, 3) uint8 BGR, in cells as large as the
    largest tile, below the lines of ``title`` and the columns' ``heads``, to the right of the rows'
    ``names``.
    """
    font = PIL.ImageFont.load_default(TEXT_PX)
    tiles = [tile for row in rows for tile in row]
    sizes = [tile.image.shape[:2] for tile in tiles if tile.image is not None]
    tile_height, tile_width = np.max(sizes, axis=0).tolist() if sizes else (0, 0)
    lines = max((_lines(tile.caption) for tile in tiles), default=0)
    across, down = tile_width + GAP_PX, tile_height + lines * LINE_PX + GAP_PX
    left = GAP_PX + (round(max(map(font.getlength, names))) + GAP_PX if names else 0)
    top = GAP_PX + (_lines(title) + bool(heads)) * LINE_PX
    widest = max((round(font.getlength(line)) for line in title.splitlines()), default=0)
    width = max(left + across * max(map(len, rows), default=0), widest + 2 * GAP_PX)
    page = PIL.Image.new("RGB", (width, top + down * len(rows)), WHITE)
    draw = PIL.ImageDraw.Draw(page)
    draw.text((GAP_PX, GAP_PX // 2), title, BLACK, font)
    for column, head in enumerate(heads):
        draw.text((left + column * across, top - LINE_PX), head, BLACK, font)
    for row, name in enumerate(names):
        draw.text((GAP_PX, top + row * down + tile_height // 2), name, BLACK, font)
    for row, row_of_tiles in enumerate(rows):
        for column, tile in enumerate(row_of_tiles):
            x, y = left + column * across, top + row * down
            if tile.highlighted:
                frame = x - 3, y - 3, x + tile_width + 2, y + tile_height + 2
                draw.rectangle(frame, fill=HIGHLIGHT)
            if tile.image is not None:
                page.paste(PIL.Image.fromarray(_rgb(tile.image)), (x, y))
            colour = HIGHLIGHT if tile.highlighted else BLACK
            draw.text((x, y + tile_height + 2), tile.caption, colour, font)
    return np.ascontiguousarray(np.asarray(page)[..., ::-1])


def in_columns(tiles: Sequence[Tile], columns: int) -> list[Sequence[Tile]]:
    """Rows of ``columns`` tiles; the last row may be shorter."""
    return [tiles[start : start + columns] for start in range(0, len(tiles), columns)]


def fitted(image: Image, size_px: int, interpolation: int = cv2.INTER_AREA) -> Image:
    """A picture resized so that its longer side is ``size_px``."""
    scale = size_px / max(image.shape[:2])
    width, height = (max(round(side * scale), 1) for side in image.shape[1::-1])
    resized = cv2.resize(image, (width, height), interpolation=interpolation)
    return resized.astype(np.uint8, copy=False)


def _lines(text: str) -> int:
    return len(text.splitlines())


def _rgb(image: Image) -> Image:
    code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
    return cv2.cvtColor(image, code).astype(np.uint8, copy=False)
