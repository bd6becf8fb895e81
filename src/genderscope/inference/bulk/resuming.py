"""Resuming an earlier run: what is already done, and whether with the same settings."""

import hashlib
from collections.abc import Iterable

import msgspec
import numpy as np

from genderscope.core.errors import ResultError, UsageError
from genderscope.core.results import Document
from genderscope.core.storage import Store
from genderscope.core.types import Orientation


class Run(Document, frozen=True, kw_only=True):
    """The settings of a bulk output, stored beside it.

    Attributes:
        model, model_sha256: the classifier's name, and the digest of its file.
        detector, detection_size, min_score, min_face_px, orientation: see ``detection.create``.
        max_yaw: faces turned further to the side are uncertain.
        crops_are_faces: each picture is one face.
        ignore_region: see ``detection.ignored``.
        max_pixels: larger pictures are rejected.
        shards: their number in a run on a cluster; the provenance has their fingerprint.
    """

    KIND = "bulk run"

    model: str
    model_sha256: str
    detector: str
    detection_size: int
    min_score: float
    min_face_px: int
    min_confidence: float
    crops_are_faces: bool
    max_pixels: int
    ignore_region: tuple[str, ...] = ()
    orientation: Orientation = "upright"
    max_yaw: float | None = None
    shards: int | None = None

    def differences(self, other: "Run") -> list[str]:
        """How another run's settings differ, one phrase each."""
        before, now = (
            msgspec.to_builtins(run)
            | {
                "version": run.provenance.versions.get("genderscope"),
                "fingerprint": run.provenance.fingerprint,
            }
            for run in (self, other)
        )
        return [
            f"{key} was {before[key]!r} and is {now[key]!r}"
            for key in before
            if key != "provenance" and before[key] != now[key]
        ]


class Done:
    """Names of finished pictures as 8-byte hashes: a million take 12 MB. The chance that any of a
    million new names collides with them is 1 in 20 million.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._hashes = np.sort(np.fromiter(map(_hash, names), np.uint64))
        self._taken = np.zeros(len(self._hashes), np.uint32)

    def __len__(self) -> int:
        return len(self._hashes)

    def take(self, name: str) -> bool:
        """Whether the next picture of this name is finished. Several may have the same name, such
        as addresses that differ only in their query; the first ones were classified first.
        """
        wanted = np.uint64(_hash(name))
        first = int(np.searchsorted(self._hashes, wanted))
        place = first + int(self._taken[first]) if first < len(self) else first
        found = place < len(self) and bool(self._hashes[place] == wanted)
        if found:
            self._taken[first] += 1
        return found


def agree(store: Store, name: str, run: Run) -> None:
    """Compare settings with the stored ones, or store them; ``UsageError`` if they differ."""
    stored = store.read(name)
    if stored is None:
        store.write(name, run.encode())
        return
    try:
        before = Run.decode(stored, store.path(name))
    except ResultError as error:
        raise UsageError(f"{error}: choose another output") from error
    if differences := before.differences(run):
        raise UsageError(
            f"{store.path(name)} is from another run ({'; '.join(differences)}): use the same "
            "options, or choose another output"
        )


def _hash(name: str) -> int:
    data = name.encode(errors="surrogateescape")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
