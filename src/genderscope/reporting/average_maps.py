"""Average faces and maps as pictures."""

import cv2
import numpy as np

from genderscope.core.types import LABELS, Image
from genderscope.evaluation import regions
from genderscope.evaluation.metrics import SMALLEST_N
from genderscope.evaluation.region_survey import Average, Maps
from genderscope.imaging import panels


def sheet(maps: Maps) -> Image | None:
    """The averages by truth and prediction, (height, width, 3) uint8 BGR; None if too few faces."""
    rows = [
        _panel(average, f"{LABELS[truth]}, predicted {LABELS[predicted]}")
        for (truth, predicted), average in sorted(maps.averages.items())
        if average.n >= SMALLEST_N
    ]
    return panels.sheet(rows) if rows else None


def _panel(average: Average, title: str) -> Image:
    """The mean face with the regions, and the mean energy over it."""
    size = len(average.energy)
    grey = average.face if average.face.ndim == 2 else average.face.mean(-1)
    face = cv2.cvtColor(grey.round().astype(np.uint8), cv2.COLOR_GRAY2BGR)
    scale = panels.TILE_PX / size
    parts = regions.masks(average.landmarks[None] * scale, panels.TILE_PX)[0]
    plain = panels.tile(face.astype(np.uint8))
    tiles = [panels.outlined(plain, parts), panels.overlay(plain, average.energy)]
    return panels.row(tiles, f"{title}, n = {average.n:,}")
