"""The pictures on which two methods disagree, on one sheet."""

from pathlib import Path

import numpy as np

from genderscope.core.errors import PictureError
from genderscope.core.terminal import percent
from genderscope.core.types import LABELS, Image
from genderscope.evaluation.join import Pair
from genderscope.evaluation.predictions import NO_ANSWER, OUTCOMES, Integers, Predictions
from genderscope.imaging import decode
from genderscope.imaging.contact_sheet import Tile, contact_sheet, fitted, in_columns

MOST, COLUMNS, THUMBNAIL_PX = 120, 8, 136
GREY = (200, 200, 200)


def disagreements(pair: Pair) -> Integers:
    """Rows where the two differ without abstention, (n,), by descending score difference;
    last, those without a score.
    """
    rows = np.flatnonzero(pair.a.forced != pair.b.forced)
    apart = np.nan_to_num(abs(pair.a.score - pair.b.score), nan=-1)
    return rows[np.argsort(-apart[rows], kind="stable")]


def sheet(pair: Pair) -> Image:
    """The first 120 of ``disagreements``, with labels and predictions; grey if unreadable."""
    rows = disagreements(pair)
    tiles = [_tile(pair, row) for row in rows[:MOST].tolist()]
    title = f"A: {pair.a.name}\nB: {pair.b.name}\n{len(tiles):,} of {len(rows):,} disagreements"
    return contact_sheet(in_columns(tiles, COLUMNS), title=title)


def _tile(pair: Pair, row: int) -> Tile:
    try:
        image = fitted(decode.read(Path(pair.a.files[row])), THUMBNAIL_PX)
    except PictureError:
        image = np.full((THUMBNAIL_PX, THUMBNAIL_PX, 3), GREY, np.uint8)
    truth = LABELS[pair.a.truth[row]] if pair.a.truth[row] >= 0 else "unknown"
    caption = f"label: {truth}\nA: {_prediction(pair.a, row)}\nB: {_prediction(pair.b, row)}"
    return Tile(image, caption)


def _prediction(method: Predictions, row: int) -> str:
    label, forced, score = method.labels[row], method.forced[row], method.score[row]
    text = OUTCOMES[label] if label != NO_ANSWER else "no answer"
    if np.isnan(score):
        return text
    nearer = "" if label == forced else f", {LABELS[forced]}"
    return f"{text}{nearer} {percent(max(score, 1 - score))}"
