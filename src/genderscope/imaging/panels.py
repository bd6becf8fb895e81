"""Explanations as pictures: a face, its map and their overlay, and sheets of them."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from genderscope.core.types import Image
from genderscope.imaging.contact_sheet import GAP_PX as GAP_PX
from genderscope.imaging.contact_sheet import Tile, contact_sheet, in_columns

TILE_PX, TEXT_PX = 256, 17
WHITE = 255
# The overlay blurs a map by this share of its side, since single pixels mean little.
BLUR = 1 / 40
STRONGEST = 0.8


def panel(face: Image, shades: Image, energy: npt.NDArray[np.floating], caption: str) -> Image:
    """A face, its map in grey and the map's energy over the face, side by side: (height, width, 3)
    uint8 BGR of the same size for all panels.

    Args:
        face: (side, side, 3) uint8 BGR, the part of the picture that the map explains.
        shades: (size, size) uint8.
        energy: (size, size), not negative.
        caption: one line, in smaller type if it is long.
    """
    middle = np.repeat(tile(shades, cv2.INTER_NEAREST)[..., None], 3, 2)
    return row([tile(face), middle, overlay(face, energy)], caption)


def overlay(face: Image, energy: npt.NDArray[np.floating]) -> Image:
    """A face, (side, side, 3), with a map's energy as heat over it, (TILE_PX, TILE_PX, 3)."""
    blurred = cv2.GaussianBlur(energy.astype(np.float32), (0, 0), max(len(energy) * BLUR, 0.5))
    # Without the square root, only the few largest values would be visible.
    heat = cv2.resize(np.sqrt(blurred / max(blurred.max(), 1e-30)), (TILE_PX, TILE_PX))
    colours = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)
    weight = STRONGEST * heat[..., None]
    mixed: Image = (weight * colours + (1 - weight) * tile(face)).astype(np.uint8)
    return mixed


def outlined(image: Image, parts: npt.NDArray[np.int8]) -> Image:
    """A tile with the borders of its ``parts``, (TILE_PX, TILE_PX) region numbers."""
    edge = np.zeros(parts.shape, bool)
    edge[1:] |= parts[1:] != parts[:-1]
    edge[:, 1:] |= parts[:, 1:] != parts[:, :-1]
    drawn = image.copy()
    drawn[edge] = WHITE
    return drawn


def row(tiles: Sequence[Image], caption: str) -> Image:
    """Tiles side by side above a line of text."""
    gap = np.full((TILE_PX, GAP_PX, 3), WHITE, np.uint8)
    line = np.hstack([part for tile in tiles for part in (gap, tile)][1:])
    size = TEXT_PX
    while size > 8 and PIL.ImageFont.load_default(size).getlength(caption) > line.shape[1]:
        size -= 1
    text = PIL.Image.new("RGB", (line.shape[1], TEXT_PX + GAP_PX), "white")
    PIL.ImageDraw.Draw(text).text(
        (0, text.height / 2), caption, "black", PIL.ImageFont.load_default(size), anchor="lm"
    )
    return np.vstack([line, np.asarray(text)]).astype(np.uint8, copy=False)


def sheet(panels: Sequence[Image]) -> Image:
    """One or more panels of equal size on a roughly square sheet."""
    height, width = panels[0].shape[:2]
    columns = max(round((len(panels) * height / width) ** 0.5), 1)
    return contact_sheet(in_columns([Tile(panel) for panel in panels], columns))


def tile(image: Image, interpolation: int = cv2.INTER_LINEAR) -> Image:
    """A picture resized to a square tile."""
    sized = cv2.resize(image, (TILE_PX, TILE_PX), interpolation=interpolation)
    return sized.astype(np.uint8, copy=False)
