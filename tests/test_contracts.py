"""Values are validated on construction, and the label comes last."""

from pathlib import Path

import numpy as np
import pytest

from genderscope.core.errors import (
    DatasetError,
    DownloadError,
    GenderscopeError,
    MissingExtra,
    ModelError,
    PictureError,
    UsageError,
)
from genderscope.core.extras import require
from genderscope.core.types import TEMPLATE, Box, Face, Frame, Prediction, Sample


@pytest.mark.parametrize(
    ("sides", "says"),
    [
        ((0, 0, 0, 5), "area"),
        ((0, 0, 5, -1), "area"),
        ((float("nan"), 0, 5, 5), "finite"),
        ((0, float("inf"), 5, 5), "finite"),
    ],
)
def test_a_box_without_an_area_is_refused(sides, says):
    with pytest.raises(ValueError, match=says):
        Box(*sides)


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (Box(0, 0, 10, 10), 1),
        (Box(5, 0, 10, 10), 1 / 3),
        (Box(2, 2, 5, 5), 0.25),
        (Box(10, 0, 10, 10), 0),
        (Box(50, 50, 1, 1), 0),
    ],
)
def test_intersection_over_union(other, share):
    box = Box(0, 0, 10, 10)
    assert box.iou(other) == other.iou(box) == pytest.approx(share)


@pytest.mark.parametrize("landmarks", [((1, 2),) * 4, ((1, float("nan")),) * 5])
def test_a_face_has_five_finite_landmarks_or_none(landmarks):
    with pytest.raises(ValueError, match="five finite landmarks"):
        Face(Box(0, 0, 1, 1), landmarks=landmarks)


@pytest.mark.parametrize("roll_deg", [-170, 0, 40])
@pytest.mark.parametrize("yaw_deg", [-50, 0, 30])
def test_roll_and_yaw_are_those_of_an_average_head(roll_deg, yaw_deg):
    depths = np.array([0, 0, 0.2, 0.03, 0.03])
    yaw = np.radians(yaw_deg)
    seen = TEMPLATE.real * np.cos(yaw) + depths * np.sin(yaw) + 1j * TEMPLATE.imag
    places = 90 * np.exp(1j * np.radians(roll_deg)) * seen + 70
    face = Face(Box(20, 20, 100, 100), landmarks=tuple((p.real, p.imag) for p in places))
    assert face.roll_deg == pytest.approx(roll_deg, abs=4)
    assert face.yaw_deg == pytest.approx(yaw_deg, abs=2)


def test_without_landmarks_the_roll_is_the_turn_and_the_yaw_unknown():
    face = Face(Box(0, 0, 9, 9), turn_deg=90)
    assert (face.roll_deg, face.yaw_deg) == (pytest.approx(90), None)


@pytest.mark.parametrize(
    ("scores", "min_confidence", "label"),
    [
        ((0.9, 0.1), 0.5, "woman"),
        ((0.2, 0.8), 0.5, "man"),
        ((0.2, 0.8), 0.9, "uncertain"),
        ((0.2, 0.8), 0.8, "man"),
        ((0.5, 0.5), 0.51, "uncertain"),
    ],
)
def test_the_label_is_decided_from_the_scores_and_the_threshold(scores, min_confidence, label):
    assert Prediction(scores, min_confidence).label == label


@pytest.mark.parametrize("scores", [(0.5, 0.6), (-0.1, 1.1), (float("nan"), 0.5)])
def test_scores_are_probabilities(scores):
    with pytest.raises(ValueError, match="sum to 1"):
        Prediction(scores)


def test_a_frame_is_a_picture_or_an_error():
    picture = np.zeros((1, 1, 3), np.uint8)
    for wrong in ({}, {"image": picture, "error": "no"}):
        with pytest.raises(ValueError, match="exactly one of image, error and size"):
            Frame("a.jpg", **wrong)


def test_a_sample_has_a_known_label_or_none():
    assert Sample(Path("a.jpg"), None).label is None
    with pytest.raises(ValueError, match="label"):
        Sample(Path("a.jpg"), 2)


def test_every_error_has_one_root():
    for error in (UsageError, PictureError, ModelError, DownloadError, DatasetError):
        assert issubclass(error, GenderscopeError)


def test_a_missing_extra_says_how_to_get_it():
    with pytest.raises(MissingExtra, match=r"pip install .*\[lab\]"):
        require("a_module_that_nobody_wrote", "lab")
