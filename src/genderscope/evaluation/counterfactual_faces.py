"""Faces of a data set in counterfactual conditions.

A face is located once, in the original picture, and cropped at the same place in all conditions:
only the classifier's answer changes, not the detector's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from genderscope.core.errors import FaceOutsidePicture
from genderscope.core.protocols import Detector
from genderscope.core.storage import csv_of, write_whole
from genderscope.core.terminal import percent
from genderscope.core.types import LABELS, Face, Floats, Image, Sample
from genderscope.data.counterfactuals import Condition, picture_seed
from genderscope.detection.views import moved
from genderscope.imaging.contact_sheet import Tile, contact_sheet
from genderscope.imaging.preprocess import PreprocessSpec, crop
from genderscope.inference.locate import stream

ORIGINAL = "original"
NO_FACE = "no face was found"
UNREADABLE = "the picture cannot be read"
NO_LANDMARKS = "the detector gives no landmarks; 'genderscope models pull yunet' gets one that does"
TABLE = "table.csv"
TILE_PX = 112
GREY = (127, 127, 127)


@dataclass(frozen=True, slots=True)
class FaceSample:
    """A sample with its picture, (h, w, 3) uint8 BGR, and its face with landmarks."""

    sample: Sample
    image: Image
    face: Face


def find(
    samples: Iterable[Sample], detector: Detector, spec: PreprocessSpec
) -> Iterator[FaceSample | str]:
    """Each sample's face, in order, or why it has none to draw on."""
    for located in stream(samples, detector, spec):
        sample, image = located.sample, located.frame.image
        if sample is None or image is None:
            outside = isinstance(located.error, FaceOutsidePicture)  # the data set's box
            yield NO_FACE if outside else UNREADABLE
        elif not located.detected:
            yield NO_FACE
        elif located.faces[0].landmarks is None:
            yield NO_LANDMARKS
        else:
            yield FaceSample(sample, image, located.faces[0])


def on_canvas(face: FaceSample) -> FaceSample:
    """Centre the picture on a grey canvas of twice its size."""
    top, left = face.image.shape[0] // 2, face.image.shape[1] // 2
    border = (top, top, left, left)
    image = cv2.copyMakeBorder(face.image, *border, cv2.BORDER_CONSTANT, value=GREY)
    return replace(
        face, image=np.asarray(image, np.uint8), face=moved(face.face, 1, complex(left, top))
    )


def views(face: FaceSample, conditions: Sequence[Condition], seed: int) -> Iterator[Image]:
    """The original picture, then the picture in each condition."""
    own_seed = picture_seed(face.sample.file, seed)
    yield face.image
    for condition in conditions:
        yield condition.apply(face.image, face.face, own_seed)


LEGEND = """Below each face: the label without abstention, and its probability.
Orange frame: the label differs from that of the original picture."""


@contextmanager
def writing(
    out: Path, conditions: Sequence[Condition], seed: int
) -> Iterator[Callable[[FaceSample], None]]:
    """Yield a function that writes a face's picture in every condition, as PNG; on exit, write
    ``table.csv``, unless there was no face.

    The table has a row per picture, ``file,label,face,condition`` and the groups of other names,
    and is a data set (``table:DIR/table.csv``). With a column ``prediction`` or ``score`` added,
    ``counterfactuals.from_predictions`` reads it.
    """
    names = (ORIGINAL, *(condition.name for condition in conditions))
    rows: list[dict[str, str]] = []
    numbers = count(1)

    def write(face: FaceSample) -> None:
        number = next(numbers)
        label = "" if face.sample.label is None else LABELS[face.sample.label]
        for name, picture in zip(names, views(face, conditions, seed), strict=True):
            file = f"{_folder(name)}/{number:06d}.png"
            (out / file).parent.mkdir(parents=True, exist_ok=True)
            write_whole(out / file, cv2.imencode(".png", picture)[1].tobytes())
            row = {"file": file, "label": label, "face": str(number), "condition": name}
            # A data set may have a column "condition" of its own.
            rows.append(row | face.sample.groups | row)

    try:
        yield write
    finally:
        if rows:
            columns = list(dict.fromkeys(column for row in rows for column in row))
            values = ([row.get(column, "") for column in columns] for row in rows)
            write_whole(out / TABLE, csv_of([columns, *values]))


def sheet(
    faces: Sequence[tuple[FaceSample, Floats]],
    conditions: Sequence[Condition],
    spec: PreprocessSpec,
    seed: int,
) -> Image:
    """A contact sheet with a row per condition and a column per face, each with its label and score
    below; flips are framed. Each face comes with its P(man), (1 + conditions,).
    """
    spec = replace(spec, size=TILE_PX, colour="bgr", margin_ratio=max(spec.margin_ratio, 0.2))
    columns = [
        [
            _tile(crop(view, face.face, spec), float(score), float(scores[0]))
            for view, score in zip(views(face, conditions, seed), scores, strict=True)
        ]
        for face, scores in faces
    ]
    names = [ORIGINAL, *(condition.name for condition in conditions)]
    return contact_sheet(list(zip(*columns, strict=True)), names=names, title=LEGEND)


def _tile(image: Image, man: float, original: float) -> Tile:
    if np.isnan(man):
        return Tile(image, "not found")
    label = man > 0.5
    caption = f"{LABELS[label]} {percent(max(man, 1 - man))}"
    return Tile(image, caption, highlighted=label != (original > 0.5))


def _folder(name: str) -> str:
    return name.lower().replace(" ", "-")
