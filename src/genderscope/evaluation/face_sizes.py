"""Accuracy at smaller sizes of the face: shrunk pictures, and the curve of the accuracy."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np

from genderscope.core.results import Estimate, Record
from genderscope.core.types import Box, Face, Image
from genderscope.evaluation import metrics
from genderscope.evaluation.predictions import Answer

PUBLISHED = Path(__file__).parent / "published_face_sizes.json"
HOW = (
    "each picture shrunk by area until the face's box is so many pixels across; a face that is "
    "smaller already stays as it is"
)
LOCATED = "box and landmarks of the picture as it is, scaled: the classifier alone"
REDETECTED = "detected anew in the smaller picture: the detector too"


class AtSize(Record, frozen=True, kw_only=True):
    """Accuracy without abstention at ``face_px``; ``n_as_it_is`` faces are no larger anyway."""

    face_px: int
    n_as_it_is: int
    accuracy: Estimate


class FaceSizes(Record, frozen=True, kw_only=True):
    """Accuracy over the size of the face, and how both were made."""

    how: str
    faces_are: str
    curve: tuple[AtSize, ...]


class PublishedCurve(Record, frozen=True, kw_only=True):
    """A curve that others published on a data set: accuracy at each of ``face_px``."""

    name: str
    dataset: str
    source: str
    how: str
    face_px: tuple[int, ...]
    accuracy: tuple[float, ...]


def shrunk(image: Image, face: Face, face_px: int) -> tuple[Image, Face] | None:
    """A picture, (height, width, 3), and its face, shrunk to ``face_px``; None if not wider."""
    scale = face_px / face.box.width
    if scale >= 1:
        return None
    height, width = image.shape[:2]
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    across, down = size[0] / width, size[1] / height  # whole pixels are not quite the scale
    box = face.box
    return small, Face(
        Box(box.x * across, box.y * down, box.width * across, box.height * down),
        face.score,
        face.landmarks and tuple((x * across, y * down) for x, y in face.landmarks),
    )


def curve(answers: Sequence[Answer], face_px: Sequence[int], redetected: bool = False) -> FaceSizes:
    """Accuracy at each size, with Wilson's interval, from answers to labelled samples at these."""
    rows = []
    truth = np.array([answer.sample.label for answer in answers])
    for size in face_px:
        predictions = [answer.smaller.get(size, answer.prediction) for answer in answers]
        score = np.array([p.scores[1] if p else np.nan for p in predictions])
        as_it_is = sum(a.prediction is not None and size not in a.smaller for a in answers)
        accuracy = metrics.share(metrics.decide(score) == truth, 1)
        rows.append(AtSize(face_px=size, n_as_it_is=as_it_is, accuracy=accuracy))
    faces_are = REDETECTED if redetected else LOCATED
    return FaceSizes(how=HOW, faces_are=faces_are, curve=tuple(rows))


def published(dataset: str) -> list[PublishedCurve]:
    """Curves that others published on a data set, by the reader's name."""
    curves = msgspec.json.decode(PUBLISHED.read_bytes(), type=list[PublishedCurve])
    return [curve for curve in curves if curve.dataset == dataset]
