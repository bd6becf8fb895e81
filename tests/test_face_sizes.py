"""Pictures shrunk to faces of a size, and the curve of what was said of them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from genderscope.core.types import Box, Face, Prediction, Sample
from genderscope.evaluation import face_sizes
from genderscope.evaluation.predictions import Answer
from genderscope.imaging.preprocess import PRESETS, crop

pytest.importorskip("scipy", reason="needs the eval extra")

LANDMARKS = ((60.0, 70.0), (90.0, 68.0), (75.0, 90.0), (63.0, 105.0), (88.0, 104.0))


@pytest.mark.parametrize("face_px", [10, 33, 79])
def test_a_picture_shrinks_until_the_face_is_so_wide(face_px):
    image = np.random.default_rng(0).integers(0, 256, (200, 161, 3), np.uint8)
    face = Face(Box(40, 50, 80, 100), 0.9, LANDMARKS)
    small, where = face_sizes.shrunk(image, face, face_px)
    assert small.dtype == np.uint8
    assert where.box.width == pytest.approx(face_px, rel=0.03)  # a picture is whole pixels
    scale = np.array(small.shape[1::-1]) / (161, 200)
    np.testing.assert_allclose(where.landmarks, LANDMARKS * scale)
    np.testing.assert_allclose((where.box.x, where.box.y), scale * (40, 50))
    assert where.score == 0.9
    # Area interpolation keeps the mean, where skipping pixels would not.
    assert small.mean() == pytest.approx(image.mean(), abs=0.6)


@pytest.mark.parametrize("face_px", [80, 100])
def test_a_face_is_never_enlarged(face_px):
    image = np.zeros((200, 160, 3), np.uint8)
    assert face_sizes.shrunk(image, Face(Box(40, 50, 80, 100)), face_px) is None


@pytest.mark.parametrize("spec", PRESETS.values(), ids=PRESETS)
def test_the_crop_of_a_smaller_picture_shows_the_same(spec, portrait):
    image = cv2.imread(str(portrait))
    face = Face(Box(178, 65, 92, 120), 1.0)
    whole = crop(image, face, spec).astype(float)
    far = [
        abs(crop(*face_sizes.shrunk(image, face, px), spec) - whole).mean() for px in (40, 20, 8)
    ]
    assert far[0] < 8
    assert far == sorted(far)
    assert far[2] > 2 * far[0]


def test_a_picture_of_a_few_pixels():
    small, where = face_sizes.shrunk(np.zeros((40, 2, 3), np.uint8), Face(Box(0, 0, 2, 30)), 1)
    assert small.shape == (20, 1, 3)
    assert where.box.width == 1


def answer(label: int, as_it_is: float | None, **smaller: float) -> Answer:
    sample = Sample(Path("a.jpg"), label)
    if as_it_is is None:
        return Answer(sample, error="a.jpg is empty")
    said = {int(size[1:]): Prediction((1 - man, man)) for size, man in smaller.items()}
    return Answer(sample, Prediction((1 - as_it_is, as_it_is)), True, smaller=said)


def test_curve_by_hand():
    given = [
        answer(1, 0.9, _10=0.4, _50=0.8),
        answer(1, 0.9, _10=0.6),
        answer(0, 0.2),
        answer(1, None),
    ]
    small, large = face_sizes.curve(given, [10, 50]).curve
    assert (small.face_px, small.accuracy.n, small.n_as_it_is) == (10, 4, 1)
    assert (large.accuracy.value, large.n_as_it_is) == (0.75, 2)
    assert small.accuracy.value == 0.5
    assert small.accuracy.interval == pytest.approx((0.150, 0.850), abs=1e-3)


def test_what_others_published_names_its_source():
    [curve] = face_sizes.published("fairface")
    assert curve.source.endswith("https://github.com/ina-foss/inaFaceAnalyzer/blob/master/paper.md")
    accuracy = dict(zip(curve.face_px, curve.accuracy, strict=True))
    assert (accuracy[10], accuracy[100]) == (0.637, 0.954)
    assert face_sizes.published("lfw") == []
