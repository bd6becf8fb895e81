"""Where scenes go, one file each: ``create(target)`` returns a ``contracts.Sink``.

This module holds what they share: a scene's record and the writing of text. Knows nothing of how
scenes are made.
"""

import sys
from types import TracebackType
from typing import Any, Self

from genderscope.core.errors import UsageError
from genderscope.core.types import LABELS, Result, Scene

STANDARD_OUTPUT = "-"


def record(scene: Scene) -> dict[str, Any]:
    """A scene as plain values for JSON: ``path`` with ``faces``, or ``path`` with ``error``; with
    ``frame`` and ``time_s`` where it belongs to a moving source.
    """
    frame = scene.frame
    values: dict[str, Any] = {"path": frame.path}
    if frame.index is not None and frame.time_s is not None:
        values |= {"frame": frame.index, "time_s": round(frame.time_s, 3)}
    if frame.error is not None:
        return values | {"error": frame.error}
    return values | {"faces": [face_record(result) for result in scene.results]}


def face_record(result: Result) -> dict[str, Any]:
    """One face as plain values for JSON."""
    face, prediction = result.face, result.prediction
    values: dict[str, Any] = {
        "box": {side: round(getattr(face.box, side), 2) for side in ("x", "y", "width", "height")},
        "label": prediction.label,
        "scores": _named(prediction.scores),
        "confidence": round(prediction.confidence, 6),
        "detector_score": round(face.score, 6),
    }
    if face.landmarks is not None:
        values["landmarks"] = [[round(x, 2), round(y, 2)] for x, y in face.landmarks]
    if (sighting := result.sighting) is not None:
        values |= {
            "track": sighting.track,
            "seen": sighting.seen,
            "counted": sighting.counted,
            "frame_scores": _named(sighting.scores),
        }
    return values


def _named(scores: tuple[float, float]) -> dict[str, float]:
    return {label: round(score, 6) for label, score in zip(LABELS, scores, strict=True)}


def printable(text: str) -> str:
    """Text in one line that no terminal takes for commands: a path may hold anything."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )


class TextSink:
    """A file, or standard output for ``-``, whose lines appear as soon as they are whole.

    A path that is no UTF-8 passes through as the bytes that it is.

    Raises:
        UsageError: the target cannot be written.
    """

    def __init__(self, target: str, append: bool = False) -> None:
        standard = target == STANDARD_OUTPUT
        try:
            self.file = open(  # noqa: SIM115 - closed on exit
                sys.stdout.fileno() if standard else target,
                "a" if append else "w",
                buffering=1,
                encoding="utf-8",
                errors="surrogateescape",
                newline="",
                closefd=not standard,
            )
        except OSError as error:
            raise UsageError(f"{target} cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()
