"""Faces of a data set in counterfactual conditions.

A face is located once, in the original picture, and cropped there in all conditions: only the
classifier's answer changes, not the detector's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from genderscope.core.errors import FaceOutsidePicture, PictureError
from genderscope.core.protocols import Detector
from genderscope.core.storage import csv_of, write_whole
from genderscope.core.terminal import percent
from genderscope.core.types import LABELS, Face, Floats, Image, Sample
from genderscope.data.counterfactuals import Condition, picture_seed
from genderscope.detection.views import moved
from genderscope.imaging.contact_sheet import Tile, contact_sheet
from genderscope.imaging.preprocess import PreprocessSpec, crop
from genderscope.inference.locate import locate

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


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sample without a face to draw on, and why."""

    sample: Sample
    reason: str


def find(
    samples: Iterable[Sample], detector: Detector, spec: PreprocessSpec
) -> Iterator[FaceSample | Skipped]:
    """Locate the face of each sample, in order."""
    for sample in samples:
        try:
            located = locate(sample, detector, spec)
        except FaceOutsidePicture:  # at the data set's box
            yield Skipped(sample, NO_FACE)
            continue
        except PictureError:
            yield Skipped(sample, UNREADABLE)
            continue
        [face], image = located.faces, located.frame.image
        if image is None or not located.detected:
            yield Skipped(sample, NO_FACE)
        elif face.landmarks is None:
            yield Skipped(sample, NO_LANDMARKS)
        else:
            yield FaceSample(sample, image, face)


def on_canvas(face: FaceSample) -> FaceSample:
    """The same in the middle of a grey canvas of twice the picture's size."""
    top, left = face.image.shape[0] // 2, face.image.shape[1] // 2
    border = (top, top, left, left)
    image = cv2.copyMakeBorder(face.image, *border, cv2.BORDER_CONSTANT, value=GREY)
    return replace(
        face, image=np.asarray(image, np.uint8), face=moved(face.face, 1, complex(left, top))
    )


def views(face: FaceSample, conditions: Sequence[Condition], seed: int) -> Iterator[Image]:
    """The original picture, then the picture in each condition."""
    own = picture_seed(face.sample.file, seed)
    yield face.image
    for condition in conditions:
        yield condition.apply(face.image, face.face, own)


LEGEND = """Below each face: the label without abstention, and its probability.
Orange frame: the label differs from that of the original picture."""


class Pictures:
    """A context that writes counterfactual pictures and, on exit, their ``table.csv``.

    The table has a row for each picture, ``file,label,face,condition`` and the groups, and is a
    data set (``table:DIR/table.csv``). With a column ``prediction`` or ``score`` added, it is read
    by ``counterfactuals.from_predictions``.
    """

    def __init__(self, out: Path, conditions: Sequence[Condition], seed: int) -> None:
        self._out, self._conditions, self._seed = out, conditions, seed
        self._names = (ORIGINAL, *(condition.name for condition in conditions))
        self._rows: list[dict[str, str]] = []
        self._faces = 0

    def __enter__(self) -> "Pictures":
        for name in self._names:
            (self._out / _folder(name)).mkdir(parents=True, exist_ok=True)
        return self

    def write(self, face: FaceSample) -> None:
        """Write a face's picture in every condition, as PNG."""
        self._faces += 1
        label = "" if face.sample.label is None else LABELS[face.sample.label]
        pictures = views(face, self._conditions, self._seed)
        for name, picture in zip(self._names, pictures, strict=True):
            file = f"{_folder(name)}/{self._faces:06d}.png"
            write_whole(self._out / file, cv2.imencode(".png", picture)[1].tobytes())
            row = {"file": file, "label": label, "face": str(self._faces), "condition": name}
            self._rows.append(row | face.sample.groups)

    def __exit__(self, *_: object) -> None:
        columns = list(dict.fromkeys(column for row in self._rows for column in row))
        rows = ([row.get(column, "") for column in columns] for row in self._rows)
        write_whole(self._out / TABLE, csv_of([columns, *rows]))


def sheet(
    faces: Sequence[tuple[FaceSample, Floats]],
    conditions: Sequence[Condition],
    spec: PreprocessSpec,
    seed: int,
) -> Image:
    """A contact sheet: a row for each condition, a column for each face, with the label and its
    score below; flips are framed. Each face has its P(man), (1 + conditions,).
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
    label = man > 0.5
    caption = "not found" if np.isnan(man) else f"{LABELS[label]} {percent(max(man, 1 - man))}"
    return Tile(image, caption, highlighted=label != (original > 0.5))


def _folder(name: str) -> str:
    return name.lower().replace(" ", "-")
