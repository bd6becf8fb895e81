"""How accuracy falls as faces shrink: smaller pictures, and a curve of what was said of them.

Knows nothing of detectors, models or screens.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from genderscope.core.types import Box, Face, Image
from genderscope.evaluation import metrics
from genderscope.evaluation.predictions import Answer

PUBLISHED = Path(__file__).parent / "published_face_sizes.json"
HOW = (
    "each picture shrunk by area until the face's box is so many pixels across; a face that is "
    "smaller already stays as it is"
)
LOCATED = "box and landmarks of the picture as it is, scaled: the classifier alone"
SEARCHED = "found anew in the smaller picture: the detector too"


def shrunk(image: Image, face: Face, face_px: int) -> tuple[Image, Face] | None:
    """A picture and its face, shrunk until the face's box is so wide; None if it is no wider.

    Args:
        image: (height, width, 3) uint8 BGR.
    """
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


def curve(labelled: Sequence[Answer], face_px: Sequence[int]) -> list[dict[str, Any]]:
    """Accuracy at each size, without abstention, over all the pictures each time.

    Args:
        labelled: answers to labelled samples that were asked at these sizes.

    Returns:
        For each size ``face_px``, ``n``, ``n_as_it_is`` (faces that are no larger anyway),
        ``accuracy`` and its Wilson ``interval``.
    """
    rows = []
    for size in face_px:
        said = [answer.smaller.get(size, answer.prediction) for answer in labelled]
        score = np.array([p.scores[1] if p else np.nan for p in said])
        truth = np.array([answer.sample.label for answer in labelled])
        right = int((metrics.decide(score) == truth).sum())
        as_it_is = sum(a.prediction is not None and size not in a.smaller for a in labelled)
        rows.append(
            {
                "face_px": size,
                "n": len(labelled),
                "n_as_it_is": as_it_is,
                "accuracy": right / len(labelled),
                "interval": metrics.wilson(right, len(labelled)),
            }
        )
    return rows


def published(dataset: str) -> list[dict[str, Any]]:
    """Curves that others published on a data set, by the reader's name; see the file."""
    curves: list[dict[str, Any]] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return [curve for curve in curves if curve["dataset"] == dataset]
