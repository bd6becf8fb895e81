"""Leakage: pictures and persons that several data sets, or splits of one, share."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np
from msgspec.structs import astuple

from genderscope.core.errors import DatasetError
from genderscope.core.results import Document, Exclusions, Provenance, Record, Unreadable
from genderscope.core.storage import checksum, csv_of, write_whole
from genderscope.core.types import Frame, Image, Sample
from genderscope.data.identities import normalised
from genderscope.data.leakage import duplicates
from genderscope.data.leakage.duplicates import MIN_CORRELATION, Pair, Signature
from genderscope.imaging import decode
from genderscope.imaging.contact_sheet import Tile, fitted, in_columns
from genderscope.imaging.contact_sheet import contact_sheet as draw

SHEET_PAIRS, SHEET_COLUMNS, THUMBNAIL_PX = 120, 6, 112

Step = TypeVar("Step")


class Track(Protocol):
    """Yields the steps of an iterable and shows progress, such as a terminal bar."""

    def __call__(self, steps: Iterable[Step], /, *, total: int, description: str) -> Iterable[Step]:
        """The same steps."""
        ...


class PartSummary(Record, frozen=True, kw_only=True):
    """A compared part, with the numbers of its pictures and of those with a person's name."""

    source: str
    split: str
    pictures: int
    with_identity: int
    unreadable: tuple[Unreadable, ...]


class SharedIdentity(Record, frozen=True, kw_only=True):
    """A person in both parts, with the number of pictures in each."""

    identity: str
    pictures_a: int
    pictures_b: int


class Comparison(Record, frozen=True, kw_only=True):
    """What two parts share: counts by kind, and the strongest pair of every duplicate."""

    a: PartSummary
    b: PartSummary
    counts: dict[str, int]
    pairs: tuple[Pair, ...]
    shared_identities: tuple[SharedIdentity, ...]

    @property
    def leaks(self) -> bool:
        return any(self.counts.values())


class NearDuplicates(Record, frozen=True, kw_only=True):
    """What makes two pictures near duplicates: see ``duplicates``."""

    hash: str
    max_distance_bits: int
    min_correlation: float


class Leakage(Document, frozen=True, kw_only=True):
    """Duplicates and persons shared by each two of several parts of data sets."""

    KIND = "leakage"

    near_duplicates: NearDuplicates
    comparisons: tuple[Comparison, ...]

    @property
    def pairs(self) -> list[Pair]:
        return [pair for comparison in self.comparisons for pair in comparison.pairs]

    @property
    def pictures(self) -> frozenset[str]:
        """The pictures of all pairs, for ``Selection.without``."""
        return frozenset(file for pair in self.pairs for file in (pair.a, pair.b))


def excluded_pictures(file: Path | None) -> frozenset[str]:
    """The pictures in a leakage file, for ``Selection.without``; ``ResultError`` if broken."""
    return Leakage.load(file).pictures if file else frozenset()


def exclusions(file: Path | None, pictures: int) -> Exclusions | None:
    """The provenance of a data set without the ``pictures`` that a leakage file excludes."""
    if file is None:
        return None
    return Exclusions(file=file.name, sha256=checksum(file), pictures=pictures)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a data set and, once read, the signatures of its pictures."""

    source: str
    split: str
    samples: Sequence[Sample]
    signatures: list[Signature] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def read(self, jobs: int | None = None) -> Iterator[None]:
        """Read every picture, and yield after each. ``jobs`` processes, by default one for each
        core; 1 starts none. ``DatasetError`` if no picture can be read.
        """
        for result in duplicates.signatures([sample.file for sample in self.samples], jobs):
            if isinstance(result, Frame):
                self.unreadable.append(Unreadable(file=result.path, reason=str(result.error)))
            else:
                self.signatures.append(result)
            yield
        if not self.signatures:
            raise DatasetError(f"{self.source} holds no readable picture")

    def summary(self) -> PartSummary:
        return PartSummary(
            source=self.source,
            split=self.split,
            pictures=len(self.samples),
            with_identity=sum(sample.identity is not None for sample in self.samples),
            unreadable=tuple(self.unreadable),
        )


def find(
    parts: Sequence[Part],
    provenance: Provenance,
    track: Track,
    min_correlation: float = MIN_CORRELATION,
    jobs: int | None = None,
) -> Leakage:
    """Read all parts and compare every two of them; ``jobs`` and errors as in ``Part.read``."""
    for part in parts:
        reading = f"Reading {part.source}"
        for _ in track(part.read(jobs), total=len(part.samples), description=reading):
            pass
    return Leakage(
        provenance=provenance,
        near_duplicates=NearDuplicates(
            hash=f"pHash, {duplicates.HASH_SIDE**2} bits",
            max_distance_bits=duplicates.MAX_DISTANCE_BITS,
            min_correlation=min_correlation,
        ),
        comparisons=tuple(_compare(*two, track, min_correlation) for two in combinations(parts, 2)),
    )


def _compare(a: Part, b: Part, track: Track, min_correlation: float) -> Comparison:
    blocks = track(
        duplicates.near_pairs(a.signatures, b.signatures, min_correlation),
        total=-(-len(a.signatures) // duplicates.BLOCK),
        description="Comparing",
    )
    exact = duplicates.exact_pairs(a.signatures, b.signatures)
    pairs = tuple(duplicates.strongest(chain(exact, chain.from_iterable(blocks))))
    kinds, identities = Counter(pair.kind for pair in pairs), shared_identities(a, b)
    return Comparison(
        a=a.summary(),
        b=b.summary(),
        counts={kind: kinds[kind] for kind in reversed(duplicates.KINDS)}
        | {"shared identity": len(identities)},
        pairs=pairs,
        shared_identities=identities,
    )


def shared_identities(a: Part, b: Part) -> tuple[SharedIdentity, ...]:
    """Persons in both parts; case, underscores and spaces do not matter.

    Identities that are numbers are compared only between parts of one kind of data set.
    """
    counts_a, counts_b = (Counter(normalised(s.identity) for s in part.samples) for part in (a, b))
    same_kind = a.source.partition(":")[0] == b.source.partition(":")[0]
    return tuple(
        SharedIdentity(identity=name, pictures_a=counts_a[name], pictures_b=counts_b[name])
        for name in sorted(counts_a.keys() & counts_b.keys())
        if name and (same_kind or not name.isdecimal())
    )


def save(leakage: Leakage, folder: Path) -> None:
    """Write ``leakage.json``, ``leakage.csv``, and ``leakage.png`` if there are pairs."""
    leakage.save(folder / "leakage.json", overwrite=True)
    rows = [(number, *astuple(pair)) for number, pair in enumerate(leakage.pairs, start=1)]
    write_whole(folder / "leakage.csv", csv_of([("pair", *Pair.__struct_fields__), *rows]))
    sheet = folder / "leakage.png"
    sheet.unlink(missing_ok=True)
    if leakage.pairs:
        write_whole(sheet, cv2.imencode(".png", contact_sheet(leakage.pairs))[1].tobytes())


def contact_sheet(pairs: Sequence[Pair]) -> Image:
    """At most 120 evenly spaced pairs; ``PictureError`` if a picture is unreadable."""
    chosen = np.linspace(0, len(pairs) - 1, min(len(pairs), SHEET_PAIRS)).round().astype(int)
    return draw(in_columns([_tile(index + 1, pairs[index]) for index in chosen], SHEET_COLUMNS))


def _tile(number: int, pair: Pair) -> Tile:
    both = np.full((THUMBNAIL_PX, 2 * THUMBNAIL_PX, 3), 255, np.uint8)
    for left, file in ((0, pair.a), (THUMBNAIL_PX, pair.b)):
        image = fitted(decode.read(Path(file)), THUMBNAIL_PX)
        both[: image.shape[0], left : left + image.shape[1]] = image
    mirrored = " mirrored" * pair.mirrored
    return Tile(both, f"{number}: {pair.kind}{mirrored} {pair.correlation:.3f}")
