"""Contact sheets: pictures on which two methods disagree, and mean faces with their maps."""

from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from genderscope.core.errors import PictureError
from genderscope.core.terminal import percent
from genderscope.core.types import LABELS, Image
from genderscope.evaluation import regions
from genderscope.evaluation.compare import Pair
from genderscope.evaluation.metrics import SMALLEST_N, Integers
from genderscope.evaluation.predictions import NO_ANSWER, OUTCOMES, Predictions
from genderscope.evaluation.region_survey import Average, Maps
from genderscope.imaging import decode, panels
from genderscope.imaging.contact_sheet import Tile, contact_sheet, fitted, in_columns

MOST, COLUMNS, THUMBNAIL_PX = 120, 8, 136
GREY = (200, 200, 200)


def disagreements(pair: Pair) -> Integers:
    """Rows that differ without abstention, (n,): largest difference in score first, NaN last."""
    rows = np.flatnonzero(pair.a.forced != pair.b.forced)
    differences = np.nan_to_num(abs(pair.a.score - pair.b.score), nan=-1)
    return rows[np.argsort(-differences[rows], kind="stable")]


def of_disagreements(pair: Pair) -> Image:
    """The first 120 of ``disagreements``, with labels and predictions; unreadable pictures grey."""
    rows = disagreements(pair)
    a, b = pair.a.rows(rows[:MOST]), pair.b.rows(rows[:MOST])
    tiles = [_tile(a, b, row) for row in range(len(a))]
    title = f"A: {pair.a.name}\nB: {pair.b.name}\n{len(tiles):,} of {len(rows):,} disagreements"
    return contact_sheet(in_columns(tiles, COLUMNS), title=title)


def _tile(a: Predictions, b: Predictions, row: int) -> Tile:
    image = np.full((THUMBNAIL_PX, THUMBNAIL_PX, 3), GREY, np.uint8)
    for file in (a.files[row], b.files[row]):  # one table may lie elsewhere
        with suppress(PictureError):
            image = fitted(decode.read(Path(file)), THUMBNAIL_PX)
            break
    truth = LABELS[a.truth[row]] if a.truth[row] >= 0 else "unknown"
    caption = f"label: {truth}\nA: {_prediction(a, row)}\nB: {_prediction(b, row)}"
    return Tile(image, caption)


def _prediction(method: Predictions, row: int) -> str:
    label, forced, score = method.labels[row], method.forced[row], method.score[row]
    text = OUTCOMES[label] if label != NO_ANSWER else "no answer"
    if np.isnan(score):
        return text
    higher = "" if label == forced else f", {LABELS[forced]}"
    return f"{text}{higher} {percent(max(score, 1 - score))}"


def of_averages(maps: Maps) -> Image | None:
    """Mean faces and maps by label and answer, (height, width, 3) uint8 BGR; None if too few."""
    rows = [
        _panel(average, f"{LABELS[truth]}, predicted {LABELS[predicted]}")
        for (truth, predicted), average in sorted(maps.averages.items())
        if average.n >= SMALLEST_N
    ]
    return panels.sheet(rows) if rows else None


def _panel(average: Average, title: str) -> Image:
    """The mean face with outlined regions, and with the mean energy as an overlay."""
    grey = average.face if average.face.ndim == 2 else average.face.mean(-1)
    face = cv2.cvtColor(grey.round().astype(np.uint8), cv2.COLOR_GRAY2BGR)
    scale = panels.TILE_PX / len(average.energy)
    masks = regions.masks(average.landmarks[None] * scale, panels.TILE_PX)[0]
    tile = panels.tile(face.astype(np.uint8))
    tiles = [panels.outlined(tile, masks), panels.overlay(tile, average.energy)]
    return panels.row(tiles, f"{title}, n = {average.n:,}")
