"""Duplicates: pictures of two sets with the same bytes, the same pixels, or the same appearance.

Near duplicates have similar perceptual hashes (pHash; Zauner, 2010) and correlated details in small
grey versions. Aligned faces share hashes and broad shading, so the details decide, compared at
small shifts. A mirrored copy is a duplicate, since training mirrors pictures.

This finds copies that are re-encoded, scaled, blurred, relit or cropped by some 2% on each side,
and pictures taken a moment later. It misses a much tighter crop of the same photograph.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from genderscope.core.errors import PictureError
from genderscope.core.extras import require
from genderscope.core.results import Record
from genderscope.core.types import Frame
from genderscope.data import workers
from genderscope.imaging import decode

HASH_SIDE = 16
MAX_DISTANCE_BITS = 70  # of 256: unrelated faces are 122 apart, five pairs in a million nearer
GREY_SIDE = 32
BLUR_PIXELS = 2.0  # this blur removes the details
SHIFT_PIXELS = 3
FLAT = 0.5  # grey levels; with a smaller deviation there are no details to compare
MIN_CORRELATION = 0.8
BLOCK = 1024  # pictures of each set that are compared at once
Kind = Literal["near duplicate", "same pixels", "same bytes"]
KINDS: tuple[Kind, ...] = ("near duplicate", "same pixels", "same bytes")
"""Kinds of duplicates, the weakest first."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What identifies a picture: SHA-256 of the file and of the decoded ``pixels``, perceptual
    hashes of 256 bits, and the picture in grey, 32 x 32 bytes.
    """

    file: str
    content: bytes
    pixels: bytes
    hash: bytes
    mirrored_hash: bytes
    grey: bytes


class Pair(Record, frozen=True, kw_only=True):
    """Two duplicates, one from each data set, perhaps mirrored; the distance of their hashes is
    0-256 bits, the correlation of their details -1 to 1.
    """

    a: str
    b: str
    kind: Kind
    mirrored: bool = False
    distance_bits: int = 0
    correlation: float = 1.0

    @property
    def strength(self) -> tuple[int, float]:
        return KINDS.index(self.kind), self.correlation


def signatures(files: Iterable[Path], jobs: int | None) -> Iterator[Signature | Frame]:
    """The signature of each picture, in order; its error if it cannot be read."""
    require("imagehash", "eval")  # here, rather than in each process
    if jobs == 1:
        yield from map(_signature, files)
        return
    with workers.pool(jobs or os.cpu_count() or 1) as pool:
        yield from pool.map(_signature, files, chunksize=64)


def _signature(file: Path) -> Signature | Frame:
    import imagehash

    try:
        image = decode.read(file)
    except PictureError as error:
        return Frame(str(file), error=str(error))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    hash_, mirrored_hash = (
        np.packbits(imagehash.phash(PIL.Image.fromarray(side), HASH_SIDE).hash).tobytes()
        for side in (grey, np.ascontiguousarray(grey[:, ::-1]))
    )
    return Signature(
        str(file),
        hashlib.sha256(file.read_bytes()).digest(),
        hashlib.sha256(f"{image.shape}".encode() + image.tobytes()).digest(),
        hash_,
        mirrored_hash,
        cv2.resize(grey, (GREY_SIDE, GREY_SIDE), interpolation=cv2.INTER_AREA).tobytes(),
    )


def exact_pairs(a: Sequence[Signature], b: Sequence[Signature]) -> Iterator[Pair]:
    """Pairs with the same bytes or pixels: every picture with its first copy in the other set."""
    attributes: dict[Kind, str] = {"same bytes": "content", "same pixels": "pixels"}
    for kind, attribute in attributes.items():
        first_a, first_b = ({getattr(s, attribute): s.file for s in side[::-1]} for side in (a, b))
        for signature in a:
            if copy := first_b.get(getattr(signature, attribute)):
                yield Pair(a=signature.file, b=copy, kind=kind)
        for signature in b:
            if copy := first_a.get(getattr(signature, attribute)):
                yield Pair(a=copy, b=signature.file, kind=kind)


def near_pairs(
    a: Sequence[Signature], b: Sequence[Signature], min_correlation: float = MIN_CORRELATION
) -> Iterator[list[Pair]]:
    """Near duplicates with different pixels, by blocks of ``a``. With bits as -1 and 1, a product
    gives all distances.
    """
    bits = HASH_SIDE**2
    for start in range(0, len(a), BLOCK):
        block, pairs = a[start : start + BLOCK], []
        hashes = _hashes(block, False)
        for start_b in range(0, len(b), BLOCK):
            others = b[start_b : start_b + BLOCK]
            for mirrored in (False, True):
                agreement = hashes @ _hashes(others, mirrored).T
                for row, column in np.argwhere(agreement >= bits - 2 * MAX_DISTANCE_BITS):
                    first, second = block[row], others[column]
                    if first.pixels == second.pixels:
                        continue  # pairs of ``exact_pairs``; of a placeholder there are millions
                    correlation = _correlation(_details(first), _details(second, mirrored))
                    if correlation >= min_correlation:
                        distance = int(bits - agreement[row, column]) // 2
                        pair = Pair(
                            a=first.file,
                            b=second.file,
                            kind=KINDS[0],
                            mirrored=mirrored,
                            distance_bits=distance,
                            correlation=correlation,
                        )
                        pairs.append(pair)
        yield pairs


def _hashes(block: Sequence[Signature], mirrored: bool) -> npt.NDArray[np.float32]:
    packed = b"".join(each.mirrored_hash if mirrored else each.hash for each in block)
    bits = np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(len(block), -1)
    return bits.astype(np.float32) * 2 - 1


def _details(signature: Signature, mirrored: bool = False) -> npt.NDArray[np.float32]:
    grey = np.frombuffer(signature.grey, np.uint8).reshape(GREY_SIDE, GREY_SIDE).astype(np.float32)
    details = grey - cv2.GaussianBlur(grey, (0, 0), BLUR_PIXELS)
    return np.ascontiguousarray(details[:, ::-1]) if mirrored else details


def _correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """The best correlation of either's centre with a position in the other; 0 if one is flat."""
    if min(a.std(), b.std()) < FLAT:
        return 0.0
    middle = slice(SHIFT_PIXELS, -SHIFT_PIXELS)
    best = max(
        cv2.matchTemplate(whole, part[middle, middle], cv2.TM_CCOEFF_NORMED).max()
        for whole, part in ((a, b), (b, a))
    )
    return round(float(best), 4)


def strongest(pairs: Iterable[Pair]) -> list[Pair]:
    """The strongest pair of each duplicate, strongest first."""
    best: dict[tuple[str, str], Pair] = {}
    for pair in pairs:
        for picture in (("a", pair.a), ("b", pair.b)):
            if picture not in best or pair.strength > best[picture].strength:
                best[picture] = pair
    rank = KINDS.index
    return sorted(set(best.values()), key=lambda p: (-rank(p.kind), -p.correlation, p.a, p.b))
