"""Crops of a whole data set, cut once and kept, so that an epoch costs the network's time only.

Faces are found and cut by the code that runs later. A cache is a folder of Arrow shards (a column
of crops, one of packed masks, and what the data set says of each) and ``manifest.json``, which is
written last and says what the crops were made from. A shard appears only when it is whole, so an
interrupted run goes on where it was.

Knows nothing of torch or of training.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from genderscope import detectors, sources
from genderscope.contracts import DatasetError, Image, PictureError, Sample, require
from genderscope.preprocess import PreprocessSpec, cut

SHARD_ROWS = 1000
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a cache's pixels, besides the pictures.

    Attributes:
        detector: the detector's name.
        detector_model: its weights, or None.
    """

    spec: PreprocessSpec
    detector: str
    detector_model: str | None = None

    @property
    def surround(self) -> int:
        """Pixels kept around the crop for turning and shifting it in training."""
        return self.spec.size // 4


def fingerprint(samples: Iterable[Sample]) -> str:
    """SHA-256 of a data set's file names, sizes in bytes and labels, in order."""
    digest = hashlib.sha256()
    for sample in samples:
        size = sample.file.stat().st_size if sample.file.is_file() else -1
        digest.update(f"{sample.file.name}\t{size}\t{sample.label}\n".encode())
    return digest.hexdigest()


def prepare(
    samples: Sequence[Sample],
    recipe: Recipe,
    out: Path,
    *,
    sources_named: Sequence[str] = (),
    jobs: int | None = None,
) -> Iterator[int]:
    """Write or complete a cache.

    Args:
        sources_named: where the samples come from, for the record.
        jobs: processes; by default one for each core.

    Yields:
        How many samples of the data set are done, after each shard.

    Raises:
        DatasetError: ``out`` holds a cache of something else.
    """
    require("pyarrow", "eval")
    made_from = {
        "samples": len(samples),
        "fingerprint": fingerprint(samples),
        "spec": recipe.spec.to_dict(),
        "detector": recipe.detector,
        "surround": recipe.surround,
    }
    out.mkdir(parents=True, exist_ok=True)
    plan = out / "plan.json"
    if plan.is_file() and json.loads(plan.read_text()) != made_from:
        raise DatasetError(f"{out} holds crops of other pictures or another spec: name another")
    plan.write_text(json.dumps(made_from, indent=1))
    if (out / MANIFEST).is_file():
        yield len(samples)
        return

    starts = range(0, len(samples), SHARD_ROWS)
    shards = [samples[start : start + SHARD_ROWS] for start in starts]
    done, failures = 0, []
    with ProcessPoolExecutor(jobs or os.cpu_count(), get_context("spawn")) as pool:
        for failed, shard in zip(
            pool.map(
                _write_shard,
                shards,
                [recipe] * len(shards),
                [out] * len(shards),
                range(len(shards)),
            ),
            shards,
            strict=True,
        ):
            failures += failed
            done += len(shard)
            yield done
    manifest = made_from | {"sources": list(sources_named), "failures": failures}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _write_shard(
    samples: Sequence[Sample], recipe: Recipe, out: Path, number: int
) -> list[dict[str, str]]:
    """Cut one shard, if it is not there yet; returns the pictures that could not be cut."""
    import pyarrow as pa

    file = out / f"shard-{number:05d}.arrow"
    failures = file.with_suffix(".failures.json")
    if file.is_file():
        return list(json.loads(failures.read_text()))
    detector = _detector(recipe)
    rows: list[dict[str, Any]] = []
    failed = []
    for sample in samples:
        try:
            image = sources.read(sample.file)
            face, found = detectors.find_one(image, detector, recipe.spec, sample.box)
            crop, shown = cut(image, face, recipe.spec, recipe.surround)
        except (PictureError, ValueError) as error:
            failed.append({"file": str(sample.file), "reason": str(error)})
            continue
        rows.append(
            {
                "crop": crop.tobytes(),
                "shown": np.packbits(shown).tobytes(),
                "label": sample.label,
                "file": sample.file.name,
                "found": found,
                "identity": sample.identity,
                "groups": json.dumps(sample.groups),
            }
        )
    side = recipe.spec.size + 2 * recipe.surround
    schema = pa.schema(
        [
            ("crop", pa.binary(side * side * recipe.spec.channels)),
            ("shown", pa.binary((side * side + 7) // 8)),
            ("label", pa.int8()),
            ("file", pa.string()),
            ("found", pa.bool_()),
            ("identity", pa.string()),
            ("groups", pa.string()),
        ]
    )
    failures.write_text(json.dumps(failed))
    part = file.with_suffix(".part")
    with pa.OSFile(str(part), "wb") as target, pa.ipc.new_file(target, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_pylist(rows, schema))
    part.replace(file)
    return failed


@cache
def _detector(recipe: Recipe) -> Any:
    """One detector for each process; the pictures are what runs in parallel."""
    cv2.setNumThreads(1)
    model = Path(recipe.detector_model) if recipe.detector_model else None
    return detectors.create(recipe.detector, model=model)


class Crops:
    """A finished cache, memory-mapped.

    Attributes:
        manifest: what it was made from.
        labels: (n,) int8, -1 where unknown.
        files: (n,) names.
        found: (n,) bool, whether the detector found the face.
        identities: (n,) names or None.
        groups: the data set's own labels of each sample.
    """

    def __init__(self, folder: Path) -> None:
        pa = require("pyarrow", "eval")
        if not (folder / MANIFEST).is_file():
            raise DatasetError(f"{folder} holds no finished cache")
        self.manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        self.spec = PreprocessSpec.from_dict(self.manifest["spec"])
        self.surround: int = self.manifest["surround"]
        self._side = self.spec.size + 2 * self.surround
        table = pa.concat_tables(
            pa.ipc.open_file(pa.memory_map(str(file))).read_all()
            for file in sorted(folder.glob("shard-*.arrow"))
        )
        self._chunks = [
            _bytes_of(table["crop"], self._side**2 * self.spec.channels),
            _bytes_of(table["shown"], (self._side**2 + 7) // 8),
        ]
        self._ends = np.cumsum([len(chunk) for chunk in self._chunks[0]])
        self.labels: npt.NDArray[np.int8] = table["label"].fill_null(-1).to_numpy()
        self.files: list[str] = table["file"].to_pylist()
        self.found: npt.NDArray[np.bool_] = table["found"].to_numpy()
        self.identities: list[str | None] = table["identity"].to_pylist()
        self.groups: list[dict[str, str]] = [
            json.loads(text) for text in table["groups"].to_pylist()
        ]

    def __len__(self) -> int:
        return len(self.labels)

    def wide(self, indices: npt.NDArray[np.int64]) -> Image:
        """Crops with their surround, (n, side, side[, 3]) uint8."""
        shape = (len(indices), self._side, self._side, self.spec.channels)
        crops = self._gather(0, indices).reshape(shape)
        return crops[..., 0] if self.spec.channels == 1 else crops

    def shown(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Where those crops show the picture rather than padding, (n, side, side)."""
        bits = np.unpackbits(self._gather(1, indices), axis=1, count=self._side**2)
        return bits.reshape(-1, self._side, self._side).astype(bool)

    def exact(self, indices: npt.NDArray[np.int64]) -> Image:
        """The crops that the running wing would cut, (n, size, size[, 3]) uint8."""
        middle = slice(self.surround, self.surround + self.spec.size)
        return self.wide(indices)[:, middle, middle]

    def _gather(self, column: int, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        shards = np.searchsorted(self._ends, indices, side="right")
        starts = np.concatenate([[0], self._ends])[shards]
        chunks = self._chunks[column]
        return np.stack(
            [chunks[shard][row] for shard, row in zip(shards, indices - starts, strict=True)]
        )


def _bytes_of(column: Any, width: int) -> list[npt.NDArray[np.uint8]]:
    """Each chunk of a column of fixed-size binaries as (rows, width) uint8, without a copy."""
    return [
        np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * width :][
            : len(chunk) * width
        ].reshape(-1, width)
        for chunk in column.chunks
    ]
