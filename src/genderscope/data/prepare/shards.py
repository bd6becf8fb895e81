"""One shard of a cache of crops, with the same bytes on every machine.

``shard-NNNNN.arrow`` has crops, packed masks and the data set's labels. ``shard-NNNNN.json`` is
written last: a shard without it is written again.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from genderscope import detection
from genderscope.core.errors import PictureError
from genderscope.core.extras import require
from genderscope.core.protocols import Detector
from genderscope.core.results import Unreadable
from genderscope.core.storage import checksum, text, write_whole
from genderscope.core.terminal import printable
from genderscope.core.types import Face, Image, Sample
from genderscope.data import counterfactuals
from genderscope.data.prepare.crops import ShardFile
from genderscope.detection import downloads
from genderscope.imaging.preprocess import PreprocessSpec, cut
from genderscope.inference.locate import Source, locate


@dataclass(frozen=True, slots=True)
class Recipe:
    """What determines the crops, besides the pictures: the detector's name, None for the data set's
    boxes or, without a box, the whole picture; its weights; a condition of ``counterfactuals`` or
    ``random``, applied after the face is located; and its seed, combined with each file's name.
    """

    spec: PreprocessSpec
    detector: str | None
    detector_model: str | None = None
    counterfactual: str | None = None
    seed: int = 0

    @property
    def weights(self) -> str | None:
        """SHA-256 of the detector's weights, if they are a file."""
        model = Path(self.detector_model) if self.detector_model else None
        file = downloads.weights(self.detector or "", model)
        return checksum(file) if file and file.is_file() else None

    @property
    def surround(self) -> int:
        """Pixels around the crop, which rotated and shifted views show."""
        return self.spec.size // 4

    def locate(self, sample: Sample) -> tuple[Image, Face, Source]:
        """A sample's picture, its face, and how the face was located; errors as ``locate``."""
        located = locate(sample, _detector(self) if self.detector else None, self.spec)
        [face], image = located.faces, located.frame.image
        assert image is not None  # an unreadable picture raises
        return image, face, located.source

    def apply(self, image: Image, face: Face, sample: Sample) -> Image:
        """A sample's picture in the recipe's counterfactual condition."""
        if self.counterfactual is None:
            return image
        seed = counterfactuals.picture_seed(sample.file, self.seed)
        return counterfactuals.apply(image, face, self.counterfactual, seed)


@dataclass(frozen=True, slots=True)
class Work:
    """The samples of shard ``number`` in the folder ``out``."""

    number: int
    samples: Sequence[Sample]
    recipe: Recipe
    out: Path

    @property
    def file(self) -> Path:
        return self.out / f"shard-{self.number:05d}.arrow"


class Shard(ShardFile, frozen=True, kw_only=True):
    """A written shard, with the pictures that failed and their counts by reason."""

    failures: dict[str, int]
    failed: tuple[Unreadable, ...]


def write_shard(work: Work) -> Shard:
    """Cut one shard, unless it exists and is complete."""
    if shard := _finished(work.file):
        return shard
    pa = require("pyarrow", "eval")
    cv2.setNumThreads(1)  # shards run in parallel, not the steps of one
    rows: list[dict[str, object]] = []
    failed = []
    for sample in work.samples:
        try:
            image, face, source = work.recipe.locate(sample)
            image = work.recipe.apply(image, face, sample)
            crop, visible = cut(image, face, work.recipe.spec, work.recipe.surround)
        except PictureError as error:
            file = text(str(sample.file))
            reason = str(error).replace(printable(str(sample.file)), file)
            failed.append(Unreadable(file=file, reason=text(reason)))
            continue
        rows.append(
            {
                "crop": crop.tobytes(),
                "shown": np.packbits(visible).tobytes(),
                "label": sample.label,
                "file": text(sample.file.name),
                "found": source is (Source.DETECTOR if work.recipe.detector else Source.BOX),
                "identity": text(sample.identity) if sample.identity is not None else None,
                "groups": json.dumps(sample.groups),
            }
        )
    schema = _schema(work.recipe)
    stream = pa.BufferOutputStream()
    with pa.ipc.new_file(stream, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
    data = stream.getvalue()
    reasons = Counter(map(_kind, failed))
    shard = Shard(
        file=work.file.name,
        rows=len(rows),
        sha256=hashlib.sha256(data).hexdigest(),
        failures=dict(sorted(reasons.items())),
        failed=tuple(failed),
    )
    write_whole(work.file, data)
    record = msgspec.json.format(msgspec.json.encode(shard), indent=1)
    write_whole(work.file.with_suffix(".json"), record)
    return shard


def _finished(file: Path) -> Shard | None:
    try:
        shard = msgspec.json.decode(file.with_suffix(".json").read_bytes(), type=Shard)
        return shard if checksum(file) == shard.sha256 else None
    except (OSError, msgspec.DecodeError):  # absent or truncated
        return None


def _schema(recipe: Recipe) -> Any:
    pa = require("pyarrow", "eval")
    pixels = (recipe.spec.size + 2 * recipe.surround) ** 2
    crop, shown = pa.binary(pixels * recipe.spec.channels), pa.binary((pixels + 7) // 8)
    kinds = {"crop": crop, "shown": shown, "label": pa.int8(), "file": pa.string()}
    return pa.schema(kinds | {"found": pa.bool_(), "identity": pa.string(), "groups": pa.string()})


def _kind(failure: Unreadable) -> str:
    """A reason without the picture's name, numbers and details, for counts."""
    reason = failure.reason.replace(f"{failure.file}: ", "").replace(failure.file, "the picture")
    plain = re.sub(r" \(.*\)", "", reason)
    return re.sub(r"\b\d[\d,.]*\b", "N", plain)


@cache
def _detector(recipe: Recipe) -> Detector:
    """One detector for each process."""
    model = Path(recipe.detector_model) if recipe.detector_model else None
    return detection.create(recipe.detector, model=model)
