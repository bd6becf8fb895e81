"""Where scenes go, one file each: ``create(target)`` returns a ``contracts.Sink``.

This module holds what they share: a scene's record and the writing of text. Knows nothing of how
scenes are made.
"""

import sys
from types import TracebackType
from typing import Any, Self

from genderscope.contracts import LABELS, Result, Scene, UsageError

STANDARD_OUTPUT = "-"


def record(scene: Scene) -> dict[str, Any]:
    """A scene as plain values for JSON: ``path`` with ``faces``, or ``path`` with ``error``."""
    if scene.frame.error is not None:
        return {"path": scene.frame.path, "error": scene.frame.error}
    return {"path": scene.frame.path, "faces": [_face(result) for result in scene.results]}


def _face(result: Result) -> dict[str, Any]:
    face, prediction = result.face, result.prediction
    values = {
        "box": {side: round(getattr(face.box, side), 2) for side in ("x", "y", "width", "height")},
        "label": prediction.label,
        "scores": {
            label: round(score, 6) for label, score in zip(LABELS, prediction.scores, strict=True)
        },
        "confidence": round(prediction.confidence, 6),
        "detector_score": round(face.score, 6),
    }
    if face.landmarks is not None:
        values["landmarks"] = [[round(x, 2), round(y, 2)] for x, y in face.landmarks]
    return values


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

    def __init__(self, target: str) -> None:
        standard = target == STANDARD_OUTPUT
        try:
            self.file = open(  # noqa: SIM115 - closed on exit
                sys.stdout.fileno() if standard else target,
                "w",
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
