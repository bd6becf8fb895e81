"""From a picture to its faces and crops, and the typed error in their place."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fakes import BrightnessClassifier, CountingDetector
from genderscope.api import Scope
from genderscope.core.errors import FaceOutsidePicture, PictureError
from genderscope.core.types import Box, Face, Frame, Image, Sample
from genderscope.imaging.decode import Encoded
from genderscope.imaging.preprocess import PRESETS, crop, window
from genderscope.inference import locate
from genderscope.inference.locate import Source

SPEC = PRESETS["aligned"]
BLACK = np.zeros((110, 110, 3), np.uint8)
OUTSIDE = Box(900, 900, 20, 20)


class FixedDetector:
    """Finds the same boxes in every picture."""

    name = "fixed"

    def __init__(self, *boxes: Box) -> None:
        self._boxes = boxes

    def __call__(self, image: Image) -> list[Face]:
        return [Face(box) for box in self._boxes]


@pytest.mark.parametrize(
    ("boxes", "hint", "chosen"),
    [
        ([Box(0, 0, 30, 30), Box(40, 40, 30, 30)], None, (Box(40, 40, 30, 30), True)),
        ([Box(0, 0, 30, 30), Box(40, 40, 30, 30)], Box(2, 2, 28, 28), (Box(0, 0, 30, 30), True)),
        ([Box(0, 0, 30, 30)], Box(60, 60, 30, 30), (Box(60, 60, 30, 30), False)),
        ([], Box(60, 60, 30, 30), (Box(60, 60, 30, 30), False)),
    ],
)
def test_the_one_face_of_a_picture(
    boxes: list[Box], hint: Box | None, chosen: tuple[Box, bool]
) -> None:
    frame = Frame("", BLACK)
    located = locate.locate(frame, FixedDetector(*boxes), SPEC, one_face=True, box=hint)
    [face] = located.faces
    assert (face.box, located.detected) == chosen


def test_without_a_face_the_whole_picture_is_the_crop() -> None:
    located = locate.locate(Frame("", BLACK), FixedDetector(), SPEC, one_face=True)
    assert located.source is Source.WHOLE
    assert window(located.faces[0], SPEC) == pytest.approx((110, 55 + 55j))


@pytest.mark.parametrize(("box", "source"), [(Box(9, 9, 30, 30), Source.BOX), (None, Source.WHOLE)])
def test_without_a_detector_a_box_is_taken_as_it_is(box: Box | None, source: Source) -> None:
    located = locate.locate(Frame("", BLACK), None, SPEC, box=box)
    assert located.source is source
    assert box in (None, located.faces[0].box)


def test_frames_files_and_samples_have_the_same_faces(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8)
    file = tmp_path / "a.png"
    cv2.imwrite(str(file), image)
    box = Box(20, 30, 40, 40)
    expected = crop(image, Face(box), SPEC)
    sample = Sample(file, 1, Box(21, 31, 40, 40))
    pictures = [Frame("a", image), Encoded("a", file), Encoded("a", file.read_bytes), sample]
    for located in locate.stream(pictures, FixedDetector(box), SPEC):
        np.testing.assert_array_equal(located.frame.image, image)
        np.testing.assert_array_equal(located.crops, [expected])
        assert located.detected
    assert located.sample is sample


def test_what_fails_is_a_typed_error_in_its_place(tmp_path: Path) -> None:
    absent = tmp_path / "absent.jpg"
    file = tmp_path / "a.png"
    cv2.imwrite(str(file), BLACK)
    pictures = [Encoded("absent", absent), Sample(file, 0, OUTSIDE), Frame("lost", error="lost")]
    first, second, third = locate.stream(pictures, FixedDetector(), SPEC)
    assert isinstance(first.error, PictureError)
    assert first.frame == Frame("absent", error="absent is not there; check the path")
    assert isinstance(second.error, FaceOutsidePicture)
    message = f"{file}: the face's box lies outside the picture of 110 x 110"
    assert (second.frame.error, second.sample) == (message, pictures[1])
    assert (third.frame, third.faces) == (pictures[2], ())
    with pytest.raises(FaceOutsidePicture, match="outside the picture of 110 x 110"):
        locate.locate(pictures[1], FixedDetector(), SPEC)


def test_a_detector_that_finds_a_face_outside_ends_no_stream() -> None:
    scope = Scope(BrightnessClassifier(), FixedDetector(OUTSIDE))
    [scene] = scope.stream([Frame("a.jpg", BLACK)])
    assert scene.frame.error == "a.jpg: the face's box lies outside the picture of 110 x 110"
    with pytest.raises(FaceOutsidePicture):
        scope(BLACK)


def test_the_same_faces_in_another_picture() -> None:
    image = np.zeros((20, 400, 3), np.uint8)
    image[0, 0] = 2
    located = locate.locate(Frame("", image), CountingDetector(), SPEC)
    assert [one.max() for one in located.recrop(SPEC, np.full_like(image, 9))] == [9, 9]


def test_the_stages_are_told_in_turn() -> None:
    stages: list[str] = []
    locate.locate(Frame("", BLACK), FixedDetector(), SPEC, lap=stages.append)
    assert stages == ["detect", "crop"]
