"""Some of a data set's pictures, opened: their sizes, their faces, and whether they can be read."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from genderscope.core.errors import FaceOutsidePicture, PictureError
from genderscope.core.types import Face, Image, Sample
from genderscope.imaging import decode
from genderscope.imaging.preprocess import PreprocessSpec, crop, whole

SHEET_PICTURES = 24  # crops of each label that are kept for a contact sheet
SHEET = PreprocessSpec("sheet", size=96, padding="edge", colour="bgr")
"""A margin of 40% around the box, as in the published crops of IMDB and WIKI."""


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """An opened picture of a sample: its width and height in pixels, upright, or why it is
    unreadable; for the first pictures of each label the face, (96, 96, 3) uint8 BGR; and whether
    the sample's box extends beyond the picture.
    """

    sample: Sample
    size: tuple[int, int] | None = None
    crop: Image | None = None
    error: str | None = None
    outside: bool = False


def open_pictures(samples: Iterable[Sample]) -> Iterator[OpenedPicture]:
    """Open pictures, in order. They are decoded in full, which also finds truncated ones."""
    kept: Counter[int | None] = Counter()
    for sample in samples:
        try:
            image = decode.read(sample.file)
        except PictureError as error:
            yield OpenedPicture(sample, error=str(error))
            continue
        height, width = image.shape[:2]
        face, outside = whole(image, SHEET), False
        if box := sample.box:
            face = Face(box)
            beyond = max(box.x + box.width - width, box.y + box.height - height)
            outside = min(box.x, box.y) < -1 or beyond > 1  # one pixel is rounding
        cut = None
        if kept[sample.label] < SHEET_PICTURES:
            try:
                cut = crop(image, face, SHEET)
                kept[sample.label] += 1
            except FaceOutsidePicture:
                pass
        yield OpenedPicture(sample, (width, height), cut, outside=outside)
