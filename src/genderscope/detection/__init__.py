"""Face detectors, one file each: creation by name, and the multi-scale search of pictures."""

from collections.abc import Callable
from inspect import signature
from math import inf
from pathlib import Path
from typing import get_args

from genderscope.core import plugins
from genderscope.core.arguments import number, whole
from genderscope.core.errors import UsageError
from genderscope.core.protocols import Detector
from genderscope.core.types import Face, Faces, Image, LeftOut, Orientation
from genderscope.detection import downloads, turned, views
from genderscope.detection.views import moved

DETECTION_SIZE_PX, MIN_SCORE, MIN_FACE_PX = 1280, 0.6, 24
SMALLEST_VIEW_PX = 32  # with smaller views, their number explodes
# A face that fills this share of the picture's shorter side scores low in the second pass. If that
# leaves no face, the first pass decides. Of 2,500 faces of FairFace train on a canvas, the first
# pass finds 2,484; both find 2,489 with this rule and 2,482 without it.
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
    """Create a detector.

    Args:
        name: a plug-in's; by default ``yunet`` if its weights are installed, else ``haar``.
        model: the weights, if it has any; by default those that ``models pull`` downloaded.
        detection_size: longest side of a view that is searched at once, in pixels.
        min_score: detections below it are dropped, 0-1.
        min_face_px: least shorter side of a face, in the picture's own pixels.
        orientation: which face orientations are searched.
        threads, provider: a network's: see ``sessions.create``. One thread leaves the other cores
            to other pictures.

    Raises:
        UsageError: the detector, orientation or provider is unknown, a number is out of range, or
            the detector takes no weights.
        ModelError: the weights are absent or broken.
    """
    if name is None:
        name = "yunet" if model or downloads.find("yunet") else "haar"
    if orientation not in (names := get_args(Orientation)):
        raise UsageError(f"no orientation {orientation!r}; there are: {', '.join(names)}")
    make = plugins.load("detection.detectors", name).create
    options = {
        "model": model,
        "detection_size": whole("detection_size", detection_size, SMALLEST_VIEW_PX),
        "min_score": number("min_score", min_score, 1),
        "min_face_px": whole("min_face_px", min_face_px, 1),
        "orientation": orientation,
        "threads": threads,
        "provider": provider,
    }
    accepted = signature(make).parameters  # a plug-in takes only the options that apply to it
    if model is not None and "model" not in accepted:
        raise UsageError(f"{name} takes no weights, but was given {model}")
    detector: Detector = make(**{key: options[key] for key in options if key in accepted})
    return detector


def smallest_px(detector: Detector) -> float:
    """The smallest face that a detector finds, in pixels; infinite if it does not tell."""
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
    """Find faces of all sizes: in the picture shrunk as far as the smallest wanted face allows, in
    overlapping tiles if it is still too large to search at once, and shrunk further until its
    largest possible face is small enough. Unless the orientation is ``upright``, a second pass
    detects doubtful faces again.

    Args:
        find: the detector for one view.
        smallest_px: the smallest face that ``find`` detects.
        coarse: further scale of the views, below 1 if a second pass follows.

    Returns:
        Faces in the picture's own pixels, best first, without duplicates. Faces below ``min_score``
        are only counted. Those below ``least_score`` are ignored: ``find`` returns them because the
        second pass may score them higher.
    """

    searched_px = 0

    def upright(picture: Image, wanted: float) -> list[Face]:
        nonlocal searched_px
        found: list[Face] = []
        for view in views.views(picture, detection_size, wanted, coarse * views.ENOUGH_PX):
            searched_px += view.image.shape[0] * view.image.shape[1]
            found += (
                moved(face, 1 / view.scale, complex(view.left, view.top))
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
    found = kept(faces, min_score, min_face_px)
    found.searched_px = searched_px
    return found


def kept(faces: list[Face], min_score: float, min_face_px: float) -> Faces:
    """The faces that are large and certain enough, and how many are not."""
    large = [face for face in faces if _side(face) >= min_face_px]
    certain = Faces(face for face in large if face.score >= min_score)
    certain.left_out = LeftOut(len(faces) - len(large), len(large) - len(certain))
    return certain


def _side(face: Face) -> float:
    return min(face.box.width, face.box.height)


def _within(face: Face, image: Image) -> bool:
    """Whether the centres of a face's box and of its landmarks lie in the picture."""
    centres = [complex(*face.box.centre)]
    if face.landmarks:
        centres.append(sum(complex(*point) for point in face.landmarks) / len(face.landmarks))
    height, width = image.shape[:2]
    return all(0 <= centre.real < width and 0 <= centre.imag < height for centre in centres)
