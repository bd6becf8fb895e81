"""Turned faces, found in turned views.

A detector finds many faces upside down too, with a lower score and landmarks as if they were
upright, so the best score of several turned views says which way up a face is.
"""

from cmath import rect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import radians

import cv2
import numpy as np

from genderscope.core.types import Face, Image
from genderscope.detection.views import ADVANTAGE, distinct, moved, shrunk

# A face with this score is upright: of 200 faces of FairFace val 86% have it upright, 1.5% upside
# down and none lying.
SURE = 0.88
# Turned views of the whole picture have half its scale, but not less than this longer side.
COARSE_PX = 320
QUARTERS = (1, 2, 3)
# A face is checked in windows of so many pixels, turned by eighths, in which it has this size.
WINDOW_PX, FACE_PX = 64, 48
MIDDLE = (1 + 1j) * WINDOW_PX / 2
SPINS = [rect(1, radians(turn_deg)) for turn_deg in (0, 45, 90, -45, -90, 180, 135, -135)]
FEW = 6  # of them, where not every picture is searched in turns

Find = Callable[[Image, float], list[Face]]


def search(
    image: Image, faces: Sequence[Face], find: Find, wanted: float, scale: float, every: bool
) -> list[Face]:
    """All faces of a picture, the right way up.

    Args:
        faces: the upright ones.
        find: finds upright faces in a picture, searched at a scale.
        wanted, scale: at which the picture was searched, and as a whole.
        every: turn every picture, not only where no face is surely upright.
    """
    if every or all(face.score < SURE for face in faces):
        coarse = min(max(scale / 2, COARSE_PX / max(image.shape[:2])), 1.0)
        small = shrunk(image, coarse)
        seen = [
            moved(face, 1 / coarse)
            for quarters in QUARTERS
            for face in _turned(small, quarters, find, 1.0)
        ]
        turns = {face.turn_deg for face in distinct([*faces, *seen])} - {0}
        more = [face for turn in turns for face in _turned(image, round(turn / 90), find, wanted)]
        faces = distinct([*faces, *more])
    return distinct(
        _checked(image, face, find, SPINS if every else SPINS[:FEW])
        if every or face.turn_deg or face.score < SURE
        else face
        for face in faces
    )


def _turned(image: Image, quarters: int, find: Find, wanted: float) -> Iterator[Face]:
    """Faces that stand upright once the picture is turned back by so many quarters."""
    view = np.ascontiguousarray(np.rot90(image, quarters))
    spin = 1j**quarters
    before, after = (complex(one.shape[1], one.shape[0]) / 2 for one in (view, image))
    for face in find(view, wanted):
        yield moved(face, spin, after - spin * before)


def _checked(image: Image, face: Face, find: Find, spins: Sequence[complex]) -> Face:
    """A face, or a better reading of it in a window for each spin, searched as one picture."""
    side, middle = max(face.box.width, face.box.height), complex(*face.box.centre)
    scale, reach = FACE_PX / side, WINDOW_PX / FACE_PX * side
    left, top = (max(int(place - reach), 0) for place in (middle.real, middle.imag))
    right, bottom = (int(place + reach) for place in (middle.real, middle.imag))
    part = image[top:bottom, left:right]
    if not part.size:
        return face
    part = shrunk(part, scale)
    starts = [(middle - complex(left, top)) * scale - spin * MIDDLE for spin in spins]
    cells = [_cell(part, spin, start) for spin, start in zip(spins, starts, strict=True)]
    columns = len(spins) // 2
    best, most = face, 0.0
    for one in find(np.vstack([np.hstack(cells[:columns]), np.hstack(cells[columns:])]), 1.0):
        x, y = one.box.centre
        column, row = (
            min(max(int(v // WINDOW_PX), 0), last) for v, last in ((x, columns - 1), (y, 1))
        )
        corner = complex(column, row) * WINDOW_PX
        spin, start = spins[columns * row + column], starts[columns * row + column]
        reading = moved(one, spin / scale, (start - spin * corner) / scale + complex(left, top))
        same = reading.turn_deg == face.turn_deg
        score = reading.score + ADVANTAGE * same
        if score > most and abs(complex(x, y) - corner - MIDDLE) < FACE_PX / 2:
            best, most = face if same else reading, score
    return replace(best, score=max(face.score, best.score))


def _cell(image: Image, spin: complex, start: complex) -> Image:
    """The window of a picture whose point z lies at ``spin * z + start``."""
    shift = start + (spin - 1) * (0.5 + 0.5j)  # OpenCV's pixels have their centres at 0
    turn = np.array([[spin.real, -spin.imag, shift.real], [spin.imag, spin.real, shift.imag]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (WINDOW_PX, WINDOW_PX)
    cell = cv2.warpAffine(image, turn, size, flags=how, borderMode=cv2.BORDER_REPLICATE)
    return cell.astype(np.uint8, copy=False)
