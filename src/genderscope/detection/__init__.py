"""Face detectors, one file each: their choice by name, and the search of large pictures."""

from collections.abc import Callable
from inspect import signature
from math import inf
from pathlib import Path
from typing import get_args

from genderscope.core import plugins
from genderscope.core.errors import UsageError
from genderscope.core.protocols import Detector
from genderscope.core.types import Face, Faces, Image, LeftOut, Orientation
from genderscope.detection import downloads, turned, views
from genderscope.detection.views import moved

DETECTION_SIZE_PX, MIN_SCORE, MIN_FACE_PX = 1280, 0.6, 24
# A face that takes so much of the picture's shorter side has a low score at a second look. Where
# that leaves no face, the first look decides. Of 2,500 faces of FairFace train on a canvas, one
# look finds 2,484; both find 2,489 with this rule and 2,482 without it.
FILLING = 0.4


def create(
    name: str | None = None,
    *,
    model: Path | None = None,
    detection_size: int = DETECTION_SIZE_PX,
    min_score: float = MIN_SCORE,
    min_face_px: int = MIN_FACE_PX,
    orientation: Orientation = "upright",
    threads: int = 1,
    provider: str = "cpu",
) -> Detector:
    """Make a detector.

    Args:
        name: a plug-in's; by default ``yunet`` where its weights are, else ``haar``.
        model: its weights, if it has any; by default those that ``models pull`` downloaded.
        detection_size: longest side of what is searched at once, in pixels.
        min_score: detections below it are dropped, 0-1.
        min_face_px: smallest shorter side of a face, in the picture's own pixels.
        orientation: which way up faces are looked for.
        threads, provider: of a network: see ``sessions.create``. One thread leaves the others to
            other pictures.

    Raises:
        UsageError: no detector, orientation or provider has that name, a number is out of its
            range, or the detector takes no weights.
        ModelError: its weights are absent or broken.
    """
    if name is None:
        name = "yunet" if model or downloads.find("yunet") else "haar"
    if orientation not in (names := get_args(Orientation)):
        raise UsageError(f"no orientation {orientation!r}; there are: {', '.join(names)}")
    if not 0 <= min_score <= 1:
        raise UsageError(f"min_score must be between 0 and 1, not {min_score}")
    if detection_size < 1 or min_face_px < 1:
        raise UsageError("detection_size and min_face_px are pixels, 1 or more")
    make = plugins.load("detection.detectors", name).create
    options = {
        "model": model,
        "detection_size": detection_size,
        "min_score": min_score,
        "min_face_px": min_face_px,
        "orientation": orientation,
        "threads": threads,
        "provider": provider,
    }
    taken = signature(make).parameters  # a plug-in takes the options that mean something to it
    if model is not None and "model" not in taken:
        raise UsageError(f"{name} takes no weights, so not {model}")
    detector: Detector = make(**{key: options[key] for key in options if key in taken})
    return detector


def smallest_px(detector: Detector) -> float:
    """The smallest face that a detector finds, in pixels; infinite if not stated."""
    return float(getattr(detector, "smallest_px", inf))


def search(
    image: Image,
    find: Callable[[Image], list[Face]],
    *,
    detection_size: int,
    min_face_px: int,
    smallest_px: float,
    min_score: float = 0.0,
    least_score: float = 0.0,
    orientation: Orientation = "upright",
    coarse: float = 1.0,
) -> Faces:
    """Find faces of all sizes: in the whole picture, shrunk as far as the smallest wanted face
    allows and in overlapping tiles if it is still too large to search at once, and shrunk until its
    largest possible face is small enough. Unless only upright faces are wanted, doubtful ones are
    looked at again.

    Args:
        find: the detector for one view.
        smallest_px: the smallest face that ``find`` detects.
        coarse: makes the views so much smaller, where faces are looked at again.

    Returns:
        Faces in the picture's own pixels, best first, without duplicates. Those below
        ``min_score`` are only counted, and those below ``least_score`` not even that: they are
        returned by ``find`` because a second look may give them a better score.
    """

    def upright(picture: Image, wanted: float) -> list[Face]:
        found = (
            moved(face, 1 / view.scale, complex(view.left, view.top))
            for view in views.views(picture, detection_size, wanted, coarse * views.ENOUGH_PX)
            for face in find(view.image)
            if view.from_px <= face.box.longer <= view.to_px
        )
        return views.distinct(face for face in found if _within(face, picture))

    def relevant(faces: list[Face]) -> list[Face]:
        return [face for face in faces if _side(face) >= min_face_px / 2 and _within(face, image)]

    wanted = coarse * smallest_px / min_face_px
    faces = first = relevant(upright(image, wanted))
    if orientation != "upright":
        found = turned.search(image, first, upright, find, wanted, orientation == "any")
        faces = relevant([face for face in found if face.score >= least_score])
        filling_px = FILLING * min(image.shape[:2])
        faces = faces or [
            face for face in first if face.score >= least_score and face.box.longer >= filling_px
        ]
    large = [face for face in faces if _side(face) >= min_face_px]
    kept = Faces(face for face in large if face.score >= min_score)
    kept.left_out = LeftOut(len(faces) - len(large), len(large) - len(kept))
    return kept


def _side(face: Face) -> float:
    return min(face.box.width, face.box.height)


def _within(face: Face, image: Image) -> bool:
    """The middle of a face, by its box and by its landmarks, lies in the picture."""
    middles = [complex(*face.box.centre)]
    if face.landmarks:
        places = [complex(*place) for place in face.landmarks]
        middles.append(sum(places) / len(places))
    height, width = image.shape[:2]
    return all(0 <= middle.real < width and 0 <= middle.imag < height for middle in middles)
