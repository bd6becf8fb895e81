"""Regions of a picture in which faces are ignored, such as a poster on the wall."""

from collections.abc import Iterable, Sequence

from genderscope.core.errors import UsageError
from genderscope.core.protocols import Detector
from genderscope.core.types import Box, Face, Faces, Image, LeftOut
from genderscope.detection import smallest_px


def ignoring(detector: Detector, regions: Iterable[str], reduction: int = 1) -> Detector:
    """A detector that drops faces whose centre lies in a region.

    Args:
        regions: each ``x,y,width,height`` in pixels of the full-size picture.
        reduction: the factor by which pictures are decoded smaller.

    Raises:
        UsageError: a region has another form, or no area.
    """
    boxes = [_box(text, reduction) for text in regions]
    return Ignoring(detector, boxes) if boxes else detector


def _box(text: str, reduction: int) -> Box:
    try:
        return Box(*(float(number) / reduction for number in text.split(",")))
    except (TypeError, ValueError) as error:
        raise UsageError(f"a region is X,Y,WIDTH,HEIGHT in pixels, not {text!r}") from error


class Ignoring:
    """See ``ignoring``."""

    def __init__(self, detector: Detector, regions: Sequence[Box]) -> None:
        self.name, self.smallest_px = detector.name, smallest_px(detector)
        self._detector, self._regions = detector, regions
        self._inner = getattr(detector, "kept", list)
        if find := getattr(detector, "find", None):
            self.find = find  # ``kept`` drops its faces in the regions

    def __call__(self, image: Image) -> Faces:
        faces = self._detector(image)
        kept = Faces(self._outside(faces))
        kept.left_out = getattr(faces, "left_out", LeftOut())
        kept.searched_px = getattr(faces, "searched_px", 0)
        return kept

    def kept(self, faces: list[Face]) -> list[Face]:
        """See ``Detector``."""
        return self._outside(self._inner(faces))

    def _outside(self, faces: Iterable[Face]) -> list[Face]:
        return [
            face for face in faces if not any(box.holds(face.box.centre) for box in self._regions)
        ]
