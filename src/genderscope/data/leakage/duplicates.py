"""Pictures of two sets that are the same, or look the same.

Same bytes, same pixels, or a near duplicate: first the perceptual hashes must be near, as pHash has
them (Zauner, 2010), then the details of small grey versions must correlate. Aligned faces look
alike to a hash and in broad light and shade, so it is their details that decide, shifted a little
against each other. A mirrored picture counts, since training mirrors pictures itself.

Re-encoding, scaling, blur, other light and some 2% cut off each side are found, and so are pictures
taken a moment later; a much tighter crop of the same photograph is not. Knows nothing of data sets.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image

from genderscope.core.errors import PictureError
from genderscope.core.extras import require
from genderscope.core.types import Frame
from genderscope.imaging import decode

HASH_SIDE = 16
MAX_DISTANCE_BITS = 70  # of 256: unrelated faces are 122 apart, five pairs in a million nearer
GREY_SIDE = 32
BLUR_PIXELS = 2.0  # what such a blur takes away is the details
SHIFT_PIXELS = 3
FLAT = 0.5  # grey levels: pictures with less in them have no details to compare
MIN_CORRELATION = 0.8
BLOCK = 1024  # pictures of either side that are compared at once
KINDS = ("near duplicate", "same pixels", "same bytes")
"""How two pictures are the same, the weakest first."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What is kept of a picture to compare it by.

    Attributes:
        content, pixels: SHA-256 of the file and of the decoded picture.
        hash, mirrored_hash: perceptual hashes, 256 bits.
        grey: the picture in grey, 32 x 32 bytes.
    """

    file: str
    content: bytes
    pixels: bytes
    hash: bytes
    mirrored_hash: bytes
    grey: bytes


@dataclass(frozen=True, slots=True)
class Pair:
    """A picture of each data set that are the same.

    Attributes:
        kind: one of ``KINDS``.
        mirrored: they are the same once one is mirrored.
        distance_bits: between their hashes, 0-256.
        correlation: of their details, -1 to 1.
    """

    a: str
    b: str
    kind: str
    mirrored: bool = False
    distance_bits: int = 0
    correlation: float = 1.0

    @property
    def strength(self) -> tuple[int, float]:
        return KINDS.index(self.kind), self.correlation


def signatures(files: Iterable[Path], jobs: int | None) -> Iterator[Signature | Frame]:
    """The signature of each picture, in order; of one that cannot be read, its error."""
    require("imagehash", "eval")  # here, rather than in each process
    if jobs == 1:
        yield from map(_signature, files)
        return
    spawn = get_context("spawn")
    with ProcessPoolExecutor(jobs or os.cpu_count(), spawn, cv2.setNumThreads, (1,)) as pool:
        yield from pool.map(_signature, files, chunksize=64)


def _signature(file: Path) -> Signature | Frame:
    import imagehash

    try:
        image = decode.read(file)
    except PictureError as error:
        return Frame(str(file), error=str(error))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    shown, mirrored = (
        np.packbits(imagehash.phash(PIL.Image.fromarray(side), HASH_SIDE).hash).tobytes()
        for side in (grey, np.ascontiguousarray(grey[:, ::-1]))
    )
    return Signature(
        str(file),
        hashlib.sha256(file.read_bytes()).digest(),
        hashlib.sha256(f"{image.shape}".encode() + image.tobytes()).digest(),
        shown,
        mirrored,
        cv2.resize(grey, (GREY_SIDE, GREY_SIDE), interpolation=cv2.INTER_AREA).tobytes(),
    )


def exact_pairs(a: Sequence[Signature], b: Sequence[Signature]) -> Iterator[Pair]:
    """Pairs of the same bytes or pixels: every picture with the first of its copies over there."""
    for kind, attribute in (("same bytes", "content"), ("same pixels", "pixels")):
        first_a, first_b = (
            {getattr(one, attribute): one.file for one in reversed(side)} for side in (a, b)
        )
        for one in a:
            if other := first_b.get(getattr(one, attribute)):
                yield Pair(one.file, other, kind)
        for one in b:
            if other := first_a.get(getattr(one, attribute)):
                yield Pair(other, one.file, kind)


def near_pairs(
    a: Sequence[Signature], b: Sequence[Signature], min_correlation: float = MIN_CORRELATION
) -> Iterator[list[Pair]]:
    """Pairs that look the same, block by block of ``a``.

    Bits as -1 and 1 make distances a matrix product, which is the quickest way to have them all.
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
                    one, other = block[row], others[column]
                    correlation = _correlation(_details(one), _details(other, mirrored))
                    if correlation >= min_correlation:
                        distance = int(bits - agreement[row, column]) // 2
                        pairs.append(
                            Pair(one.file, other.file, KINDS[0], mirrored, distance, correlation)
                        )
        yield pairs


def _hashes(block: Sequence[Signature], mirrored: bool) -> npt.NDArray[np.float32]:
    packed = b"".join(one.mirrored_hash if mirrored else one.hash for one in block)
    bits = np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(len(block), -1)
    return bits.astype(np.float32) * 2 - 1


def _details(one: Signature, mirrored: bool = False) -> npt.NDArray[np.float32]:
    grey = np.frombuffer(one.grey, np.uint8).reshape(GREY_SIDE, GREY_SIDE).astype(np.float32)
    details = grey - cv2.GaussianBlur(grey, (0, 0), BLUR_PIXELS)
    return np.ascontiguousarray(details[:, ::-1]) if mirrored else details


def _correlation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """The best of the middle of each with every place in the other; 0 if either is flat."""
    if min(one.std(), other.std()) < FLAT:
        return 0.0
    middle = slice(SHIFT_PIXELS, -SHIFT_PIXELS)
    best = max(
        cv2.matchTemplate(whole, part[middle, middle], cv2.TM_CCOEFF_NORMED).max()
        for whole, part in ((one, other), (other, one))
    )
    return round(float(best), 4)


def strongest(pairs: Iterable[Pair]) -> list[Pair]:
    """For every picture the strongest of its pairs, the strongest first.

    So every picture that leaks is there, and there are never more pairs than pictures, however
    often one picture is repeated.
    """
    best: dict[tuple[str, str], Pair] = {}
    for pair in pairs:
        for picture in (("a", pair.a), ("b", pair.b)):
            if picture not in best or pair.strength > best[picture].strength:
                best[picture] = pair
    rank, top = KINDS.index, len(KINDS)
    return sorted(set(best.values()), key=lambda p: (top - rank(p.kind), -p.correlation, p.a, p.b))
