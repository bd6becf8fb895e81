"""The documents of a cache of crops: the plan, written first, and the manifest, written last."""

from dataclasses import asdict
from typing import Any, Self

import msgspec

from genderscope.core.results import Document, Record
from genderscope.imaging.preprocess import PreprocessSpec

PLAN = "plan.json"
MANIFEST = "manifest.json"


class ShardFile(Record, frozen=True, kw_only=True):
    """A file of ``rows`` crops with its SHA-256."""

    file: str
    rows: int
    sha256: str


class CropsPlan(Document, frozen=True, kw_only=True):
    """What determines the crops of a cache, with the fingerprint of the samples: the detector, None
    for the data set's own boxes, and the SHA-256 of its weights, where they are a file; the
    counterfactual condition and its seed, None for unchanged pictures; pixels around each crop; and
    the samples of a shard, None in the caches of the earliest versions.
    """

    KIND = "crops-plan"

    samples: int
    spec: PreprocessSpec
    detector: str | None
    detector_sha256: str | None = None
    counterfactual: str | None = None
    surround: int
    shard_rows: int | None = None

    @property
    def fingerprint(self) -> str:
        return self.provenance.fingerprint or ""

    @classmethod
    def decode(cls, data: bytes, name: str) -> Self:
        return super().decode(_present_layout(data, cls), name)

    def differences(self, wanted: "CropsPlan") -> list[str]:
        """How the crops of another plan would differ."""
        own, other = self._values(), wanted._values()
        return [
            f"{key} was {own[key]!r} and is {value!r}"
            for key, value in other.items()
            if own[key] != value and not (key == "shard_rows" and own[key] is None)
        ]

    def _values(self) -> dict[str, object]:
        values = {name: getattr(self, name) for name in CropsPlan.__struct_fields__}
        del values["provenance"], values["spec"]
        spec = {f"spec.{name}": value for name, value in asdict(self.spec).items()}
        return values | {"fingerprint": self.fingerprint} | spec


class CropsManifest(CropsPlan, frozen=True, kw_only=True):
    """A finished cache: the names of its data sets, how many pictures could not be cut, for each
    reason, and its shards, none in the caches of the earliest versions.
    """

    KIND = "crops"

    sources: tuple[str, ...]
    failures: dict[str, int]
    shards: tuple[ShardFile, ...] = ()

    @property
    def crops(self) -> int:
        return sum(shard.rows for shard in self.shards)


def _present_layout(data: bytes, kind: type[CropsPlan]) -> bytes:
    """Version 0.1 wrote the same values without kind, version and provenance."""
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
