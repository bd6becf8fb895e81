"""A cache of crops: its plan, written first, its manifest, written last, and read access to its
memory-mapped Arrow shards, so that an epoch decodes nothing.
"""

import json
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError, ResultError, UsageError
from genderscope.core.extras import require
from genderscope.core.results import Document, Record
from genderscope.core.types import Image
from genderscope.data import datasets
from genderscope.imaging.preprocess import PreprocessSpec

PLAN = "plan.json"
MANIFEST = "manifest.json"
LATER = ("shard_rows", "groups_sha256")  # fields that older caches lack


class ShardFile(Record, frozen=True, kw_only=True):
    """A file of ``rows`` crops with its SHA-256."""

    file: str
    rows: int
    sha256: str


class CropsPlan(Document, frozen=True, kw_only=True):
    """What determines the crops of a cache, with the fingerprint of the samples: the detector, None
    for the data set's own boxes, and the SHA-256 of its weights, if they are a file; the
    counterfactual condition and its seed, None for unchanged pictures; pixels around each crop;
    samples per shard, and the SHA-256 of all samples' groups, both None in older caches.
    """

    KIND = "crops-plan"

    samples: int
    spec: PreprocessSpec
    detector: str | None
    detector_sha256: str | None = None
    counterfactual: str | None = None
    surround: int
    shard_rows: int | None = None
    groups_sha256: str | None = None

    @property
    def fingerprint(self) -> str:
        return self.provenance.fingerprint or ""

    @classmethod
    def decode(cls, data: bytes, name: str) -> Self:
        return super().decode(_present_layout(data, cls), name)

    def differences(self, wanted: "CropsPlan") -> list[str]:
        """The settings in which another plan differs."""
        own, other = self._values(), wanted._values()
        return [
            f"{key} was {own[key]!r} and is {value!r}"
            for key, value in other.items()
            if own[key] != value and not (key in LATER and own[key] is None)
        ]

    def _values(self) -> dict[str, object]:
        values = {name: getattr(self, name) for name in CropsPlan.__struct_fields__}
        del values["provenance"], values["spec"]
        spec = {f"spec.{name}": value for name, value in asdict(self.spec).items()}
        return values | {"fingerprint": self.fingerprint} | spec


class CropsManifest(CropsPlan, frozen=True, kw_only=True):
    """A finished cache: the names of its data sets, the number of pictures that could not be cut
    for each reason, and its shards, none in the caches of the earliest versions.
    """

    KIND = "crops"

    sources: tuple[str, ...]
    failures: dict[str, int]
    shards: tuple[ShardFile, ...] = ()

    @property
    def crops(self) -> int:
        return sum(shard.rows for shard in self.shards)


def _present_layout(data: bytes, kind: type[CropsPlan]) -> bytes:
    """A file of version 0.1, without kind, version and provenance, in the present layout."""
    try:
        values = msgspec.json.decode(data, type=dict[str, Any])  # of any layout
    except (msgspec.DecodeError, RecursionError):
        return data  # reported by the caller
    if "kind" in values or "fingerprint" not in values:
        return data
    provenance = {"command": "", "versions": {}, "fingerprint": values.pop("fingerprint")}
    values |= {"counterfactual": values.pop("alter", None), "provenance": provenance}
    values.pop("crops", None)
    if "failures" in values:
        values["failures"] = values["failures"] or {}
    return msgspec.json.encode({"kind": kind.KIND, "version": kind.VERSION} | values)


class Crops:
    """A finished cache: labels, (n,) int8, -1 where unknown; names of ``files`` and persons, the
    latter None where unknown; ``located``, (n,) bool: the face was found by the detector or, if
    none is used, boxed in the data set. ``DatasetError`` if unfinished, ``ResultError`` if broken.
    """

    def __init__(self, folder: Path) -> None:
        pa = require("pyarrow", "eval")
        self.folder = folder
        if not (folder / MANIFEST).is_file():
            raise DatasetError(f"{folder} is not a finished cache: it has no {MANIFEST}")
        self.manifest = CropsManifest.load(folder / MANIFEST)
        self.spec, self.surround = self.manifest.spec, self.manifest.surround
        self._side = self.spec.size + 2 * self.surround
        files = [folder / shard.file for shard in self.manifest.shards]
        try:
            table = pa.concat_tables(
                pa.ipc.open_file(pa.memory_map(str(file))).read_all()
                for file in files or sorted(folder.glob("shard-*.arrow"))
            )
        except (OSError, ValueError) as error:  # Arrow's errors are subclasses of these
            raise ResultError(
                f"{folder} lacks a shard or has a broken one: repeat the prepare command in its "
                f"{PLAN}, which writes it again ({error})"
            ) from error
        self._chunks = [
            _bytes_of(table["crop"], self._side**2 * self.spec.channels),
            _bytes_of(table["shown"], (self._side**2 + 7) // 8),
        ]
        self._starts = np.cumsum([0, *map(len, self._chunks[0])])
        self._groups = table["groups"]
        self.labels: npt.NDArray[np.int8] = table["label"].fill_null(-1).to_numpy()
        self.files: list[str] = table["file"].to_pylist()
        self.located: npt.NDArray[np.bool_] = table["found"].to_numpy()
        self.identities: list[str | None] = table["identity"].to_pylist()

    def __len__(self) -> int:
        return len(self.labels)

    def check_readers(self) -> None:
        """``UsageError`` if a data set has no reader, as without the folder of its plug-in."""
        for name in self.manifest.sources:
            try:
                datasets.reader(name)
            except UsageError as error:
                raise UsageError(f"the crops in {self.folder} are of {name!r}: {error}") from error

    @cached_property
    def groups(self) -> list[dict[str, str]]:
        """The data set's other labels of each sample."""
        return [json.loads(text) for text in self._groups.to_pylist()]

    def wide(self, indices: npt.NDArray[np.int64]) -> Image:
        """Crops with a margin around them, (n, side, side[, 3]) uint8."""
        shape = (len(indices), self._side, self._side, self.spec.channels)
        crops = self._gather(0, indices).reshape(shape)
        return crops[..., 0] if self.spec.channels == 1 else crops

    def visible(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Where those crops show the picture, not padding, (n, side, side)."""
        bits = np.unpackbits(self._gather(1, indices), axis=1, count=self._side**2)
        return bits.reshape(-1, self._side, self._side).astype(bool)

    def exact(self, indices: npt.NDArray[np.int64]) -> Image:
        """The crops as the network reads them, (n, size, size[, 3]) uint8."""
        middle = slice(self.surround, self.surround + self.spec.size)
        return self.wide(indices)[:, middle, middle]

    def _gather(self, column: int, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        shards = np.searchsorted(self._starts, indices, side="right") - 1
        chunks = self._chunks[column]
        rows = zip(shards, indices - self._starts[shards], strict=True)
        return np.stack([chunks[shard][row] for shard, row in rows])


def _bytes_of(column: Any, width: int) -> list[npt.NDArray[np.uint8]]:
    """Each chunk of a column of fixed-size binaries as (rows, width) uint8, without a copy."""
    return [
        np.frombuffer(
            chunk.buffers()[1] or b"", np.uint8, len(chunk) * width, chunk.offset * width
        ).reshape(-1, width)
        for chunk in column.chunks
    ]
