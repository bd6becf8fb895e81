"""The second pass: detect doubtful faces again in windows of fixed scale, upright and turned.

A face's score in a view depends on its size and pixel alignment there; in a window it does not. A
detector finds many upside-down faces too, with a lower score and landmarks as if they were upright,
so the best score of several turned windows tells a face's orientation.
"""

from cmath import rect
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import radians

import numpy as np

from genderscope.core.types import Face, Image
from genderscope.detection import windows
from genderscope.detection.views import ADVANTAGE, distinct, moved, shrunk

# A face with this score is upright: of 500 faces of FairFace train 94% reach it upright, 0.4%
# upside down and none sideways or at 45 degrees.
SURE = 0.88
# A detection with this first score is a face in any orientation: faces that fill their picture
# score lower in a window. Of 2,200 faces of FairFace train on a canvas, the second pass loses 7;
# with 0.8 here, 19.
FIRM = 0.7
# A face needs this score in a window of another turn: a shoe can look like a turned face.
TURNED = 0.8
FIRST = 1 / 3  # weight of the first pass in a score
# The sides of a window and of the face in it, in pixels.
WINDOW_PX, FACE_PX = 64, 48
SPINS = [rect(1, radians(turn_deg)) for turn_deg in (0, 45, 90, -45, -90, 180, 135, -135)]
FEW = 6  # the first of them, used unless every picture is searched in all orientations
# Turned views of the whole picture have half its scale, and at least this longer side.
COARSE_PX = 320
QUARTERS = (1, 2, 3)

Candidates = Callable[[Image, float], list[Face]]


def search(
    image: Image,
    faces: list[Face],
    candidates: Candidates,
    find: windows.Find,
    wanted: float,
    every: bool,
) -> list[Face]:
    """All faces of a picture, each with its orientation.

    Args:
        faces: those of the first pass, found upright.
        candidates: finds upright faces in a picture at a scale.
        find: the detector for one view.
        wanted: the scale of the first pass.
        every: turn every picture and detect every face again, not only doubtful ones.
    """
    faces = _rescored(image, faces, find, every)
    if every or not any(face.score >= SURE and not face.turn_deg for face in faces):
        coarse = min(max(wanted / 2, COARSE_PX / max(image.shape[:2])), 1.0)
        small = shrunk(image, coarse)
        seen = [
            moved(face, 1 / coarse)
            for quarters in QUARTERS
            for face in _turned(small, quarters, candidates, 1.0)
        ]
        turns = {round(face.turn_deg / 90) for face in distinct([*faces, *seen])} - {0}
        more = [face for turn in turns for face in _turned(image, turn, candidates, wanted)]
        faces += _rescored(image, distinct([*seen, *more]), find, every)
    return distinct(faces)


def _turned(image: Image, quarters: int, candidates: Candidates, wanted: float) -> Iterator[Face]:
    """Faces that are upright after counterclockwise quarter turns of the picture."""
    view = np.ascontiguousarray(np.rot90(image, quarters))
    spin = 1j**quarters
    before, after = (complex(x.shape[1], x.shape[0]) / 2 for x in (view, image))
    for face in candidates(view, wanted):
        yield moved(face, spin, after - spin * before)


def _rescored(image: Image, faces: list[Face], find: windows.Find, every: bool) -> list[Face]:
    """The faces, doubtful ones with the score of both passes: they are detected again in a window
    of their own turn and, if still doubtful, in windows of other turns.
    """
    seen: dict[Face, list[Face]] = {}
    for spins in (SPINS[:1], SPINS[1:] if every else SPINS[1:FEW]):
        attempts = [
            (face, spin * face.box.longer / FACE_PX)
            for face in faces
            if every or face.turn_deg or max(x.score for x in (face, *seen.get(face, ()))) < SURE
            for spin in spins
        ]
        places = [(complex(*face.box.centre), step) for face, step in attempts]
        found = windows.search(image, find, places, WINDOW_PX)
        for (face, _), (middle, _), near in zip(attempts, places, found, strict=True):
            seen.setdefault(face, []).extend(
                x for x in near if abs(complex(*x.box.centre) - middle) < face.box.longer / 2
            )
    least = 0 if every else TURNED
    return [_combined(face, seen[face], least) if face in seen else face for face in faces]


def _combined(face: Face, seconds: list[Face], least: float) -> Face:
    """The better detection of a face, with the score of both passes; those of another turn need the
    ``least`` score.
    """
    second = max(
        (x for x in seconds if x.turn_deg == face.turn_deg or x.score >= least),
        key=lambda x: x.score + ADVANTAGE * (x.turn_deg == face.turn_deg),
        default=replace(face, score=0),
    )
    stays = second.turn_deg == face.turn_deg and face.score >= second.score
    score = FIRST * face.score + (1 - FIRST) * second.score
    if face.score >= FIRM or second.score >= SURE:
        score = max(face.score, second.score)
    return replace(face if stays else second, score=score)
