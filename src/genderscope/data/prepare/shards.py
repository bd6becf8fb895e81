"""One shard of a cache of crops: some samples cut and written, the same on every machine.

A shard is ``shard-NNNNN.arrow`` (a column of crops, one of packed masks, and what the data set says
of each) and a ``.json`` beside it, which is written last, so that a shard counts when it is whole.
Knows nothing of the other shards.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from genderscope import detection
from genderscope.core.errors import PictureError
from genderscope.core.extras import require
from genderscope.core.protocols import Detector
from genderscope.core.storage import write_whole
from genderscope.core.types import Face, Image, Sample
from genderscope.data import counterfactuals
from genderscope.detection import downloads
from genderscope.imaging.preprocess import PreprocessSpec, cut
from genderscope.inference.locate import Source, locate


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a cache's pixels, besides the pictures.

    Attributes:
        detector: the detector's name; None takes the data set's own boxes as they are, and the
            whole picture where it has none.
        detector_model: its weights, or None.
        alter: a condition of ``counterfactuals`` or ``random``, in which each picture is shown
            after its face was found; None leaves the pictures as they are.
        alter_seed: decides the alterations, with each file's name.
    """

    spec: PreprocessSpec
    detector: str | None
    detector_model: str | None = None
    alter: str | None = None
    alter_seed: int = 0

    @property
    def weights(self) -> str | None:
        """SHA-256 of the detector's weights, where it has any in a file."""
        file = Path(self.detector_model) if self.detector_model else None
        if file is None and self.detector in downloads.DOWNLOADS:
            file = downloads.find(self.detector)
        return checksum(file) if file and file.is_file() else None

    @property
    def surround(self) -> int:
        """Pixels kept around the crop for turning and shifting it in training."""
        return self.spec.size // 4

    def locate(self, sample: Sample) -> tuple[Image, Face, Source]:
        """A sample's picture, its face, and where the face's place comes from.

        Raises:
            PictureError: it cannot be read, or the face lies outside it.
        """
        located = locate(sample, _detector(self) if self.detector else None, self.spec)
        [face], image = located.faces, located.frame.image
        assert image is not None  # what cannot be read was raised
        return image, face, located.source

    def altered(self, image: Image, face: Face, sample: Sample) -> Image:
        """A sample's picture in the recipe's condition."""
        if self.alter is None:
            return image
        seed = counterfactuals.picture_seed(sample.file, self.alter_seed)
        return counterfactuals.alter(image, face, self.alter, seed)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to become shard ``number`` in the folder ``out``."""

    number: int
    samples: Sequence[Sample]
    recipe: Recipe
    out: Path

    @property
    def file(self) -> Path:
        return self.out / f"shard-{self.number:05d}.arrow"


@dataclass(frozen=True, slots=True)
class Shard:
    """What a shard holds: ``rows`` crops, and how many pictures failed for each reason."""

    file: str
    rows: int
    sha256: str
    failures: dict[str, int]


def write_shard(work: Work) -> Shard:
    """Cut one shard, unless it is there and whole already. What it writes, any machine would."""
    if finished := _finished(work.file):
        return finished
    pa = require("pyarrow", "eval")
    cv2.setNumThreads(1)  # shards run in parallel; the steps of one do not
    rows: list[dict[str, Any]] = []
    failed = []
    for sample in work.samples:
        try:
            image, face, source = work.recipe.locate(sample)
            image = work.recipe.altered(image, face, sample)
            crop, shown = cut(image, face, work.recipe.spec, work.recipe.surround)
        except PictureError as error:
            failed.append({"file": str(sample.file), "reason": str(error)})
            continue
        rows.append(
            {
                "crop": crop.tobytes(),
                "shown": np.packbits(shown).tobytes(),
                "label": sample.label,
                "file": _text(sample.file.name),
                "found": source is (Source.DETECTOR if work.recipe.detector else Source.BOX),
                "identity": _text(sample.identity) if sample.identity is not None else None,
                "groups": json.dumps(sample.groups),
            }
        )
    schema = _schema(work.recipe)
    stream = pa.BufferOutputStream()
    with pa.ipc.new_file(stream, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
    data = stream.getvalue()
    reasons = Counter(_kind(**failure) for failure in failed)
    shard = Shard(
        work.file.name, len(rows), hashlib.sha256(data).hexdigest(), dict(sorted(reasons.items()))
    )
    write_whole(work.file, data)
    record = json.dumps(asdict(shard) | {"failed": failed}, indent=1)
    write_whole(work.file.with_suffix(".json"), record.encode())
    return shard


def checksum(file: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _finished(file: Path) -> Shard | None:
    try:
        record = json.loads(file.with_suffix(".json").read_text())
        del record["failed"]
        shard = Shard(**record)
        return shard if checksum(file) == shard.sha256 else None
    except (OSError, ValueError, KeyError, TypeError):  # absent, or cut off by a failing disk
        return None


def _schema(recipe: Recipe) -> Any:
    pa = require("pyarrow", "eval")
    pixels = (recipe.spec.size + 2 * recipe.surround) ** 2
    return pa.schema(
        [
            ("crop", pa.binary(pixels * recipe.spec.channels)),
            ("shown", pa.binary((pixels + 7) // 8)),
            ("label", pa.int8()),
            ("file", pa.string()),
            ("found", pa.bool_()),
            ("identity", pa.string()),
            ("groups", pa.string()),
        ]
    )


def _text(name: str) -> str:
    """A name of the file system, which may hold any bytes, as one that Arrow can hold."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


def _kind(file: str, reason: str) -> str:
    """A reason without what differs from picture to picture: its name, numbers and details."""
    plain = re.sub(r" \(.*\)", "", reason.replace(f"{file}: ", "").replace(file, "the picture"))
    return re.sub(r"\b\d[\d,.]*\b", "N", plain)


@cache
def _detector(recipe: Recipe) -> Detector:
    """One detector for each process."""
    model = Path(recipe.detector_model) if recipe.detector_model else None
    return detection.create(recipe.detector, model=model)
