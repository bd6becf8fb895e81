"""The values that packages exchange: frozen, and validated on construction."""

from cmath import phase, rect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import atan2, degrees, isfinite, radians
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

LABELS = ("woman", "man")
"""The classes of perceived gender presentation, in the order of every score vector."""
UNCERTAIN = "uncertain"  # the label when the confidence is below the threshold

Image = npt.NDArray[np.uint8]
"""A decoded picture: (height, width, 3) uint8 in OpenCV's BGR order."""
Orientation = Literal["auto", "upright", "any"]
"""Which face orientations are searched: ``auto`` turns a picture where no face is clearly upright,
and checks doubtful faces; ``any`` searches every picture in steps of 45 degrees.
"""
SecondLook = Literal["none", "uncertain", "all"]
"""Which faces a model scores in further views, to answer with the mean: see ``inference.looks``."""
Floats = npt.NDArray[np.float64]


def points(landmarks: Sequence[Sequence[float]]) -> npt.NDArray[Any]:
    """Landmarks as a (5,) complex array, x + iy: rotation and scale become one product."""
    result: npt.NDArray[Any] = np.asarray(landmarks, np.float64) @ np.array([1, 1j])
    return result


# The five landmarks relative to the centre of a face's box, in units of its longer side: medians
# over 3,983 YuNet detections in FairFace train, symmetrised by mirroring.
TEMPLATE = points([(-0.198, -0.172), (0.198, -0.172), (0, 0.043), (-0.168, 0.218), (0.168, 0.218)])
# An average head in the same units: the nose's position between eyes and mouth, as a share; its
# height above their plane; and the mean of the eyes' distance and the mouth's width.
NOSE_DOWN, NOSE_DEPTH, PAIR_WIDTH = 0.551, 0.18, 0.366


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels of the upright picture; it may extend beyond it."""

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not all(map(isfinite, (self.x, self.y, self.width, self.height))):
            raise ValueError(f"a box needs finite numbers, not {self}")
        if self.width <= 0 or self.height <= 0:
            raise ValueError(f"a box needs a positive area, not {self.width} x {self.height}")

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def longer(self) -> float:
        """The longer side."""
        return max(self.width, self.height)

    def holds(self, place: tuple[float, float]) -> bool:
        """Whether a point lies in the box."""
        return 0 <= place[0] - self.x < self.width and 0 <= place[1] - self.y < self.height

    def iou(self, other: "Box") -> float:
        """Intersection over union with another box, 0-1."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        both = max(across, 0.0) * max(down, 0.0)
        return both / (self.width * self.height + other.width * other.height - both)


@dataclass(frozen=True, slots=True)
class Face:
    """A face that a detector found.

    Attributes:
        box: brow to chin and cheek to cheek, the same convention for every detector.
        score: the detector's confidence, 0-1.
        landmarks: five (x, y) points in pixels: eye, eye, nose, mouth corner, mouth corner, each
            pair from the left of the upright face; None where the detector gives none.
        turn_deg: how far the picture is turned clockwise from where the detector saw the face
            upright, in degrees.
    """

    box: Box
    score: float = 1.0
    landmarks: tuple[tuple[float, float], ...] | None = None
    turn_deg: float = 0.0

    def __post_init__(self) -> None:
        if self.landmarks is not None and (
            len(self.landmarks) != 5 or not np.isfinite(self.landmarks).all()
        ):
            raise ValueError(f"a face has five finite landmarks or none, not {self.landmarks}")

    def fit(self, to_landmarks: bool = True) -> tuple[complex, complex]:
        """The (a, b) with which ``a * TEMPLATE + b`` fits the landmarks by least squares, or the
        box: ``abs(a)`` is the face's longer side in pixels and its phase the roll.
        """
        if to_landmarks and self.landmarks is not None:
            found, spread = points(self.landmarks), TEMPLATE - TEMPLATE.mean()
            a = complex(np.vdot(spread, found) / np.vdot(spread, spread))
            if a:  # coincident landmarks have no scale; the box still does
                return a, complex(found.mean() - a * TEMPLATE.mean())
        return rect(self.box.longer, radians(self.turn_deg)), complex(*self.box.centre)

    @property
    def roll_deg(self) -> float:
        """Clockwise tilt in the picture, -180 to 180 degrees."""
        return degrees(phase(self.fit()[0]))

    @property
    def yaw_deg(self) -> float | None:
        """The estimated turn to the side in degrees, positive to the right of the upright face,
        from the nose's offset and an average head's depth and width. None without landmarks.
        """
        if self.landmarks is None:
            return None
        eyes, nose, mouth = np.split(points(self.landmarks), (2, 3))
        across = complex(eyes[1] - eyes[0] + mouth[1] - mouth[0]) / 2
        if not across:
            return None
        middle = eyes.mean() + NOSE_DOWN * (mouth.mean() - eyes.mean())
        aside = complex((nose[0] - middle) / across).real * PAIR_WIDTH
        return degrees(atan2(aside, NOSE_DEPTH))


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many faces a detector saw in a picture and dropped.

    Attributes:
        small: below ``min_face_px``, but at least half of it.
        faint: below ``min_score``, but not below the detector's default score.
    """

    small: int = 0
    faint: int = 0

    def most(self, other: "LeftOut") -> "LeftOut":
        return LeftOut(max(self.small, other.small), max(self.faint, other.faint))


class Faces(list[Face]):
    """A detector's faces, best first, how many it left out, and the pixels of the views that it
    searched, 0 if unknown.
    """

    left_out = LeftOut()
    searched_px = 0


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction for one face: scores first, the label last.

    Attributes:
        scores: calibrated probabilities in the order of ``LABELS``; they sum to 1.
        min_confidence: below it the label is ``uncertain``.
        steady: the label if more than these scores decides it, such as a whole track.
    """

    scores: tuple[float, float]
    min_confidence: float = 0.5
    steady: str | None = None

    def __post_init__(self) -> None:
        if min(self.scores) < 0 or not abs(sum(self.scores) - 1) < 1e-3:
            raise ValueError(f"scores are probabilities that sum to 1, not {self.scores}")

    @property
    def confidence(self) -> float:
        return max(self.scores)

    @property
    def label(self) -> str:
        if self.steady is not None:
            return self.steady
        if self.confidence < self.min_confidence:
            return UNCERTAIN
        return LABELS[int(self.scores[1] > self.scores[0])]


@dataclass(frozen=True, slots=True)
class TrackState:
    """A track up to one frame: its number from 1, its frames so far, whether they are enough not to
    be a false detection, and one frame's own scores in the order of ``LABELS``: this frame's, or
    those of the last frame in which the face was scored.
    """

    number: int
    frames: int
    confirmed: bool
    scores: tuple[float, float]


@dataclass(frozen=True, slots=True, repr=False)
class Result:
    """A face, its prediction and, in a video, the state of its track."""

    face: Face
    prediction: Prediction
    track: TrackState | None = None

    @property
    def label(self) -> str:
        """``woman``, ``man`` or ``uncertain``."""
        return self.prediction.label

    @property
    def scores(self) -> dict[str, float]:
        """The probability of each of ``LABELS``."""
        return dict(zip(LABELS, self.prediction.scores, strict=True))

    @property
    def confidence(self) -> float:
        """The higher score."""
        return self.prediction.confidence

    def to_dict(self) -> dict[str, object]:
        """Plain values, as in the JSON of ``classify``."""
        from genderscope.core.records import face_record, plain  # it imports this module

        return plain(face_record(self))

    def __repr__(self) -> str:
        box = self.face.box
        track = f"track {self.track.number}, " if self.track else ""
        return (
            f"<Result: {track}{self.label}, woman {self.scores['woman']:.3f}, "
            f"man {self.scores['man']:.3f}, {box.width:.0f} x {box.height:.0f} pixels "
            f"at ({box.x:.0f}, {box.y:.0f})>"
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a source: exactly one of ``image``, ``error`` and ``size`` is set.

    Attributes:
        path: the file, or the name of the source.
        size: height and width in pixels, if the pixels were not kept.
        index, time_s: a video frame's number from 0, and its time since the first frame.
    """

    path: str
    image: Image | None = None
    error: str | None = None
    index: int | None = None
    time_s: float | None = None
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if [self.image is None, self.error is None, self.size is None].count(False) != 1:
            raise ValueError("a frame has exactly one of image, error and size")

    def without_pixels(self, reduction: int = 1) -> "Frame":
        """The frame with its full size instead of its image, decoded at 1/``reduction``."""
        if self.image is None:
            return self
        height, width = self.image.shape[:2]
        return replace(self, image=None, size=(height * reduction, width * reduction))


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame, its results in the detector's order, the faces left out, and any drawn picture."""

    frame: Frame
    results: tuple[Result, ...] = ()
    left_out: LeftOut = LeftOut()
    drawn: Image | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture of a data set.

    Attributes:
        label: index into ``LABELS``, or None if unknown.
        box: the face's, if the data set gives one.
        identity: the person, if known; used only to keep splits apart.
        age: in years, if the data set gives a number.
        face_score, second_face_score: the data set's own detector scores, if it has them; a second
            score of None means that no second face was found.
        groups: the data set's own labels (race, age group, ...), used only by the audit.
    """

    file: Path
    label: int | None
    box: Box | None = None
    identity: str | None = None
    age: float | None = None
    face_score: float | None = None
    second_face_score: float | None = None
    groups: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.label not in (0, 1, None):
            raise ValueError(f"a label is 0 (woman), 1 (man) or None, not {self.label!r}")
