"""From a picture to its faces and their crops, for everything that classifies, trains or explains.

``locate`` takes one picture and raises errors; ``stream`` takes many and yields errors in place.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from genderscope.core.errors import FaceOutsidePicture, PictureError
from genderscope.core.parallel import Work
from genderscope.core.types import Box, Face, Frame, Image, LeftOut, Sample
from genderscope.detection.views import SAME_FACE_IOU
from genderscope.imaging import decode
from genderscope.imaging.decode import Encoded
from genderscope.imaging.limits import Limits
from genderscope.imaging.preprocess import PreprocessSpec, crop, whole

Picture = Frame | Encoded | Sample
Detect = Callable[[Image], list[Face]]


class Source(StrEnum):
    """Where a face's place comes from."""

    DETECTOR = "detector"
    BOX = "box"  # the data set's
    WHOLE = "whole picture"


@dataclass(frozen=True, slots=True)
class LocatedFaces:
    """A picture with its faces in the detector's order, the crop of each, (size, size) uint8 grey
    or (size, size, 3) BGR, and the numbers of faces left out; or the error instead. ``source``
    tells where the faces' positions come from; ``sample`` is the data set's entry, if any.
    """

    frame: Frame
    faces: tuple[Face, ...] = ()
    crops: tuple[Image, ...] = ()
    source: Source = Source.DETECTOR
    left_out: LeftOut = field(default_factory=LeftOut)
    sample: Sample | None = None
    error: PictureError | None = None

    @property
    def detected(self) -> bool:
        """Whether the detector found the faces."""
        return self.source is Source.DETECTOR

    def recrop(self, spec: PreprocessSpec, image: Image | None = None) -> tuple[Image, ...]:
        """Crops of the same faces with another spec, or from another picture of the same size;
        ``FaceOutsidePicture`` if a face's window lies outside it.
        """
        image = self.frame.image if image is None else image
        if image is None:
            return ()
        try:
            return tuple(crop(image, face, spec) for face in self.faces)
        except FaceOutsidePicture as error:
            name = f"{self.frame.path}: " if self.frame.path else ""
            raise FaceOutsidePicture(f"{name}{error}") from error


def locate(
    picture: Picture,
    detector: Detect | None,
    spec: PreprocessSpec,
    *,
    one_face: bool = False,
    box: Box | None = None,
    limits: Limits = decode.LIMITS,
    work: Work | None = None,
    cropped: bool = True,
    lap: Callable[[str], None] = lambda stage: None,
) -> LocatedFaces:
    """Find a picture's faces and crop them.

    Args:
        picture: a frame, which may hold an error; an encoded picture; or a sample, which shows one
            face, at its box if it has one.
        detector: None uses the box unchanged, or the whole picture without a box.
        one_face: the picture shows one face: the detected one that overlaps ``box`` or, without a
            box, is nearest to the centre; else the face at the box, or the whole picture as a crop.
        box: that face's, if known.
        limits, work: see ``decode.read_reduced``.
        cropped: False leaves crops to ``recrop``, and with them ``FaceOutsidePicture``.
        lap: called after the stages ``detect`` and ``crop``.

    Raises:
        PictureError: the picture cannot be read.
        FaceOutsidePicture: a face's window lies outside the picture.
    """
    if isinstance(picture, Sample):
        sample, one_face, box = picture, True, picture.box
        picture = Encoded(str(sample.file), sample.file)
    else:
        sample = None
    if isinstance(picture, Encoded):
        picture = picture.frame(limits, work)
    if picture.image is None:
        return LocatedFaces(picture, sample=sample)
    if one_face or detector is None:
        face, source = _single_face(picture.image, detector, spec, box)
        located = LocatedFaces(picture, (face,), source=source, sample=sample)
    else:
        faces = detector(picture.image)
        left_out = getattr(faces, "left_out", LeftOut())
        located = LocatedFaces(picture, tuple(faces), left_out=left_out)
    lap("detect")
    if not cropped:
        return located
    located = replace(located, crops=located.recrop(spec))
    lap("crop")
    return located


def stream(
    pictures: Iterable[Picture],
    detector: Detect | None,
    spec: PreprocessSpec,
    *,
    one_face: bool = False,
) -> Iterator[LocatedFaces]:
    """``locate`` for each picture, in order; the frame of a failed one has the error."""
    for picture in pictures:
        try:
            yield locate(picture, detector, spec, one_face=one_face)
        except PictureError as error:
            yield failed(picture, error)


def failed(picture: Picture, error: PictureError) -> LocatedFaces:
    """The error in place of a picture's faces."""
    # Its causes and traceback would keep the picture's bytes.
    error.__cause__ = error.__context__ = error.__traceback__ = None
    if isinstance(picture, Sample):
        frame = Frame(str(picture.file), error=str(error))
        return LocatedFaces(frame, sample=picture, error=error)
    return LocatedFaces(Frame(picture.path, error=str(error)), error=error)


def _single_face(
    image: Image, detector: Detect | None, spec: PreprocessSpec, box: Box | None
) -> tuple[Face, Source]:
    """The only face of a picture, and where its position comes from."""
    faces = [] if detector is None else detector(image)
    if box is not None:
        face = max(faces, key=lambda face: face.box.iou(box), default=None)
        if face is not None and face.box.iou(box) >= SAME_FACE_IOU / 2:
            return face, Source.DETECTOR
        return Face(box), Source.BOX
    middle = complex(image.shape[1], image.shape[0]) / 2
    face = min(faces, key=lambda face: abs(complex(*face.box.centre) - middle), default=None)
    return (face, Source.DETECTOR) if face else (whole(image, spec), Source.WHOLE)
