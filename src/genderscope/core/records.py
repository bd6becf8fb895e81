"""Faces and pictures as JSON: one definition for ``classify``, ``watch`` and the service.

``plain`` omits fields that are None. The service's documentation shows the descriptions.
"""

from dataclasses import asdict, astuple, dataclass, field
from typing import Any, Literal, Self, cast

from genderscope.core.types import Box, LeftOut, Result, Scene

Label = Literal["woman", "man", "uncertain"]


@dataclass(frozen=True, kw_only=True)
class ScoresRecord:
    """Calibrated probabilities that sum to 1."""

    woman: float
    man: float

    @classmethod
    def of(cls, scores: tuple[float, float]) -> "ScoresRecord":
        return cls(woman=round(scores[0], 6), man=round(scores[1], 6))


@dataclass(frozen=True, kw_only=True)
class FaceRecord:
    """A face and its perceived gender presentation."""

    box: Box
    label: Label
    scores: ScoresRecord
    confidence: float = field(metadata={"description": "The higher score."})
    detector_score: float = field(
        metadata={"description": "The detector's confidence that this is a face, 0-1."}
    )
    landmarks: tuple[tuple[float, float], ...] | None = field(
        default=None,
        metadata={
            "description": "Two eyes, nose, two mouth corners, each pair from the left of the "
            "upright face; absent if the detector gives none."
        },
    )
    roll_deg: float = field(default=0.0, metadata={"description": "Clockwise tilt, in degrees."})
    yaw_deg: float | None = field(
        default=None,
        metadata={
            "description": "Estimated turn to the side in degrees, positive to the right of the "
            "upright face; absent without landmarks."
        },
    )

    @classmethod
    def of(cls, result: Result, **extra: Any) -> Self:  # fields of subclasses
        """A result with its numbers rounded; ``extra`` holds the fields that a subclass adds."""
        face, prediction = result.face, result.prediction
        return cls(
            # A plug-in's numbers may be NumPy's, which JSON lacks.
            box=Box(*(round(float(value), 2) for value in astuple(face.box))),
            label=cast(Label, prediction.label),
            scores=ScoresRecord.of(prediction.scores),
            confidence=round(prediction.confidence, 6),
            detector_score=round(float(face.score), 6),
            landmarks=face.landmarks
            and tuple((round(float(x), 2), round(float(y), 2)) for x, y in face.landmarks),
            roll_deg=round(face.roll_deg, 1),
            yaw_deg=None if face.yaw_deg is None else round(face.yaw_deg, 1),
            **extra,
        )


@dataclass(frozen=True, kw_only=True)
class TrackedFaceRecord(FaceRecord):
    """A face in a video; ``frame_scores`` are one frame's alone, ``scores`` its track's."""

    track: int
    seen: int
    counted: bool
    frame_scores: ScoresRecord


@dataclass(frozen=True, kw_only=True)
class SceneRecord:
    """A picture or a frame: it has either faces or an error; a frame has a number and a time.
    ``left_out`` is None if the detector dropped no face.
    """

    path: str
    frame: int | None
    time_s: float | None
    error: str | None
    faces: list[FaceRecord] | None
    left_out: LeftOut | None

    @classmethod
    def of(cls, scene: Scene) -> "SceneRecord":
        frame = scene.frame
        timed = frame.index is not None and frame.time_s is not None
        return cls(
            path=frame.path,
            frame=frame.index if timed else None,
            time_s=round(frame.time_s or 0.0, 3) if timed else None,
            error=frame.error,
            faces=list(map(face_record, scene.results)) if frame.error is None else None,
            left_out=scene.left_out if any(astuple(scene.left_out)) else None,
        )


def plain(record: SceneRecord | FaceRecord) -> dict[str, Any]:  # values for json.dumps
    """A record as plain values for JSON, without fields that are None."""
    return asdict(
        record,
        dict_factory=lambda items: {
            name: _lists(value) for name, value in items if value is not None
        },
    )


def _lists(value: Any) -> Any:
    """Tuples as the lists that JSON has."""
    return list(map(_lists, value)) if isinstance(value, tuple) else value


def face_record(result: Result) -> FaceRecord:
    """A result with its numbers rounded, and its track if it has one."""
    track = result.track
    if track is None:
        return FaceRecord.of(result)
    return TrackedFaceRecord.of(
        result,
        track=track.number,
        seen=track.frames,
        counted=track.confirmed,
        frame_scores=ScoresRecord.of(track.scores),
    )
