"""Turn frames upright from a camera that is mounted sideways or upside down."""

import numpy as np

from genderscope.core.protocols import Detector
from genderscope.core.types import Image

# The lead in summed face scores that one rotation needs over the others.
DECISIVE = 1.0


class Rotation:
    """Turns frames clockwise by 0, 90, 180 or 270 degrees; see ``__call__``. With None, all four
    are tried on each frame until the detector's faces score clearly best in one.
    """

    def __init__(self, detector: Detector, degrees: int | None) -> None:
        self._detector, self._scores = detector, np.zeros(4)
        self._quarters = None if degrees is None else degrees // 90

    def __call__(self, image: Image) -> Image:
        """A frame, (height, width, 3), upright."""
        if self._quarters is not None:
            return turned(image, self._quarters)
        turns = [turned(image, quarters) for quarters in range(4)]
        self._scores += [sum(face.score for face in self._detector(turn)) for turn in turns]
        best = int(self._scores.argmax())
        if self._scores[best] - np.delete(self._scores, best).max() >= DECISIVE:
            self._quarters = best
        return turns[best]


def turned(image: Image, quarters: int) -> Image:
    """A picture after clockwise quarter turns."""
    return np.ascontiguousarray(np.rot90(image, -quarters)) if quarters else image
