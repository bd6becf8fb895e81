"""The pictures on which two methods disagree, on one sheet.

Knows nothing of how the pictures were brought together.
"""

from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from genderscope.core.errors import PictureError
from genderscope.core.types import LABELS
from genderscope.evaluation.join import Pair
from genderscope.evaluation.predictions import NO_ANSWER, SAID, Integers, Predictions
from genderscope.imaging import decode

MOST, COLUMNS = 120, 8
THUMBNAIL_PX, GAP_PX, TEXT_PX = 136, 12, 11
LINE_PX = TEXT_PX + 3
WHITE, BLACK, GREY = (255, 255, 255), (0, 0, 0), (200, 200, 200)


def disagreements(pair: Pair) -> Integers:
    """Rows where the two differ without abstention, (n,): where the scores lie farthest apart
    first, then those without a score.
    """
    rows = np.flatnonzero(pair.a.decided != pair.b.decided)
    apart = np.nan_to_num(abs(pair.a.score - pair.b.score), nan=-1)
    return rows[np.argsort(-apart[rows], kind="stable")]


def sheet(pair: Pair) -> PIL.Image.Image:
    """Draw the first 120 of ``disagreements``, each with its truth and with what both say.

    A picture that cannot be read is a grey square.
    """
    rows = disagreements(pair)
    shown = rows[:MOST].tolist()
    cell_px = THUMBNAIL_PX + GAP_PX, THUMBNAIL_PX + 3 * LINE_PX + GAP_PX
    columns = min(max(len(shown), 4), COLUMNS)
    size = GAP_PX + columns * cell_px[0], 3 * LINE_PX + -(-len(shown) // columns) * cell_px[1]
    page = PIL.Image.new("RGB", size, WHITE)
    draw = PIL.ImageDraw.Draw(page)
    font = PIL.ImageFont.load_default(TEXT_PX)
    title = f"A: {pair.a.name}\nB: {pair.b.name}\n{len(shown):,} of {len(rows):,} disagreements"
    draw.text((GAP_PX, 2), title, BLACK, font)
    for place, row in enumerate(shown):
        down, across = divmod(place, columns)
        left, top = GAP_PX + across * cell_px[0], 3 * LINE_PX + 4 + down * cell_px[1]
        page.paste(_thumbnail(pair.a.files[row]), (left, top))
        truth = LABELS[pair.a.truth[row]] if pair.a.truth[row] >= 0 else "not known"
        said = f"label: {truth}\nA: {_said(pair.a, row)}\nB: {_said(pair.b, row)}"
        draw.text((left, top + THUMBNAIL_PX), said, BLACK, font)
    return page


def _said(given: Predictions, row: int) -> str:
    said, decided, score = given.said[row], given.decided[row], given.score[row]
    words = SAID[said] if said != NO_ANSWER else "no answer"
    if np.isnan(score):
        return words
    nearer = "" if said == decided else f", {LABELS[decided]}"
    return f"{words}{nearer} {max(score, 1 - score):.0%}"


def _thumbnail(file: str) -> PIL.Image.Image:
    """A picture at the top left of a square."""
    square = PIL.Image.new("RGB", (THUMBNAIL_PX, THUMBNAIL_PX), WHITE)
    try:
        image = decode.read(Path(file))
    except PictureError:
        square.paste(GREY, (0, 0, *square.size))
        return square
    scale = THUMBNAIL_PX / max(image.shape[:2])
    size = [max(round(side * scale), 1) for side in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    square.paste(PIL.Image.fromarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB)), (0, 0))
    return square
