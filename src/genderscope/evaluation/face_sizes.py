"""Accuracy by face size: downscaled pictures and the accuracy curve."""

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
    "each picture downscaled by area interpolation until the face's box is this many pixels wide; "
    "smaller faces are left unchanged"
)
LOCATED = "box and landmarks of the original picture, scaled: the classifier alone"
REDETECTED = "detected again in the downscaled picture: the detector too"


class AtSize(Record, frozen=True, kw_only=True):
    """Accuracy without abstention at ``face_px``; ``n_as_it_is`` faces were not downscaled."""

    face_px: int
    n_as_it_is: int
    accuracy: Estimate


class FaceSizes(Record, frozen=True, kw_only=True):
    """Accuracy by face size, and how pictures and faces were made."""

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
    """Downscale a picture, (height, width, 3), and its face to ``face_px``; None if not wider."""
    scale = face_px / face.box.width
    if scale >= 1:
        return None
    height, width = image.shape[:2]
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    across, down = size[0] / width, size[1] / height  # rounded to whole pixels
    box = face.box
    return small, Face(
        Box(box.x * across, box.y * down, box.width * across, box.height * down),
        face.score,
        face.landmarks and tuple((x * across, y * down) for x, y in face.landmarks),
    )


def curve(answers: Sequence[Answer], face_px: Sequence[int], redetected: bool = False) -> FaceSizes:
    """Accuracy at each size, with Wilson's interval, from answers to labelled samples."""
    rows = []
    truth = np.array([answer.sample.label for answer in answers])
    for size in face_px:
        predictions = [answer.smaller.get(size, answer.prediction) for answer in answers]
        score = np.array([p.scores[1] if p else np.nan for p in predictions])
        unchanged = sum(a.prediction is not None and size not in a.smaller for a in answers)
        accuracy = metrics.share(metrics.decide(score) == truth, 1)
        rows.append(AtSize(face_px=size, n_as_it_is=unchanged, accuracy=accuracy))
    faces_are = REDETECTED if redetected else LOCATED
    return FaceSizes(how=HOW, faces_are=faces_are, curve=tuple(rows))


def published(dataset: str) -> list[PublishedCurve]:
    """Published curves on a data set, by its reader's name."""
    curves = msgspec.json.decode(PUBLISHED.read_bytes(), type=list[PublishedCurve])
    return [curve for curve in curves if curve.dataset == dataset]
