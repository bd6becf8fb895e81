"""Parquet: a folder of parts, one row per picture with ``path``, ``error`` and the list ``faces``.

A part appears once it is complete. Needs the extra [eval].
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any

from genderscope.core.errors import UsageError
from genderscope.core.extras import require
from genderscope.core.records import SceneRecord, plain
from genderscope.core.storage import Store, escaped, opened
from genderscope.core.types import LABELS, Scene
from genderscope.sinks import BaseSink, Finished, check_folder

PART_PICTURES = 1000
SETTINGS = "_settings.json"  # readers of Parquet folders skip names that begin with _


class Parquet(BaseSink):
    """A folder, local or in object storage, created if needed; ``append`` continues after its
    existing parts. ``UsageError`` if it cannot be created, or holds parts without ``append``;
    ``MissingExtra`` without pyarrow.
    """

    def __init__(self, target: str, append: bool = False) -> None:
        require("pyarrow", "eval")
        check_folder(target)
        self._store = Store(target)
        self._store.clear()
        self._records: list[SceneRecord] = []
        self._parts = parts(self._store)
        if self._parts and not append:
            raise UsageError(f"{self._store.place} already holds results: add --resume to continue")
        self._next = self._parts[-1] + 1 if self._parts else 0

    def close(self) -> None:
        if self._records or not (self._parts or self._next):
            self._flush()

    def write(self, scene: Scene) -> None:
        self._records.append(SceneRecord.of(scene))
        if len(self._records) == PART_PICTURES:
            self._flush()

    def _flush(self) -> None:
        self._store.write(file_name(self._next), encode(self._records))
        self._records = []
        self._next += 1


create = Parquet


def clear(target: str) -> None:
    """Remove the parts and the settings of an output."""
    store = Store(target)
    for name in [*map(file_name, parts(store)), SETTINGS]:
        store.remove(name)


def finished(target: str) -> Iterator[Finished]:
    """A folder's finished pictures, paths as from ``text``; ``UsageError`` for a broken part."""
    pq, pa = require("pyarrow.parquet", "eval"), require("pyarrow", "eval")
    store = Store(target)
    for number in parts(store):
        place = store.path(file_name(number))
        try:
            with opened(place) as stream, pq.ParquetFile(stream) as part:
                for batch in part.iter_batches(columns=["path", "faces.list.element.label"]):
                    for row in batch.to_pylist():
                        faces = row["faces"]
                        yield row["path"], faces and [face["label"] for face in faces]
        except (pa.ArrowException, KeyError, OSError) as error:
            raise UsageError(f"{place} is not a part of these results: {error}") from error


def parts(store: Store) -> list[int]:
    """The numbers of the existing parts, sorted."""
    names = (re.fullmatch(r"part-(\d+)\.parquet", name) for name in store.names())
    return [int(name[1]) for name in names if name]


def file_name(number: int) -> str:
    """The file name of a part."""
    return f"part-{number:08d}.parquet"


def encode(records: Iterable[SceneRecord]) -> bytes:
    """Records as a Parquet file, in row groups of ``PART_PICTURES``."""
    pa, pq = require("pyarrow", "eval"), require("pyarrow.parquet", "eval")
    rows = (
        {
            key: escaped(value) if isinstance(value, str) else value
            for key, value in plain(row).items()
        }
        for row in records
    )
    stream = pa.BufferOutputStream()
    with pq.ParquetWriter(stream, schema()) as writer:
        while group := list(islice(rows, PART_PICTURES)):
            writer.write_table(pa.Table.from_pylist(group, schema()))
    data: bytes = stream.getvalue().to_pybytes()
    return data


@cache
def schema() -> Any:
    """The columns of a part: those of ``SceneRecord``, with missing values as null."""
    pa = require("pyarrow", "eval")

    def numbers(*names: str) -> Any:
        return pa.struct([(name, pa.float64()) for name in names])

    face = pa.struct(
        [
            ("box", numbers("x", "y", "width", "height")),
            ("label", pa.string()),
            ("scores", numbers(*LABELS)),
            ("confidence", pa.float64()),
            ("detector_score", pa.float64()),
            ("landmarks", pa.list_(pa.list_(pa.float64()))),
            ("roll_deg", pa.float64()),
            ("yaw_deg", pa.float64()),
        ]
    )
    return pa.schema([("path", pa.string()), ("error", pa.string()), ("faces", pa.list_(face))])
