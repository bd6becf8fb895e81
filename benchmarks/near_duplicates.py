"""Recall of the near-duplicate check on changed pictures, and its false positives.

    python -m benchmarks.near_duplicates FIRST SECOND ... [--leakage FILE] [--jobs N]

Applies each of ``CHANGES`` to 300 pictures of the first data set and counts those found. Then
compares every two data sets. Pairs with one picture mirrored are a control, since hardly anyone
publishes mirrored photographs. So are all pairs of different data sets, which share no picture.
Also compares the labels of the copies in a leakage file. Writes ``results/near_duplicates.json``.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.results import Control, NearDuplicateCheck, provenance
from genderscope.core.types import Frame, Image, Sample
from genderscope.data import datasets
from genderscope.data.leakage import Leakage, duplicates
from genderscope.data.leakage.duplicates import Pair, Signature
from genderscope.evaluation.metrics import proportion
from genderscope.imaging import decode

ROOT = Path(__file__).parents[1]
LIBRARIES = ("imagehash", "numpy", "opencv-python-headless")
CHANGED = 300
SAMPLE = 1_000


def jpeg(image: Image, quality: int) -> Any:
    content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(content, cv2.IMREAD_COLOR)


def cropped(image: Image, share: float, sides: int) -> Image:
    """Crop a share of the height and width, from the top and left or from all 4 ``sides``."""
    height, width = image.shape[:2]
    top, left = round(height * share), round(width * share)
    bottom, right = (height - top, width - left) if sides == 4 else (height, width)
    return image[top:bottom, left:right]


CHANGES: dict[str, Callable[[Any], Any]] = {
    "JPEG of quality 40": lambda image: jpeg(image, 40),
    "JPEG of quality 15": lambda image: jpeg(image, 15),
    "scaled to 40 pixels": lambda image: cv2.resize(image, (40, 40), interpolation=cv2.INTER_AREA),
    "40 grey levels brighter": lambda image: cv2.add(image, (40, 40, 40, 0)),
    "gamma 0.6": lambda image: (255 * (image / 255) ** 0.6).round().astype(np.uint8),
    "blur of 1.5 pixels": lambda image: cv2.GaussianBlur(image, (0, 0), 1.5),
    "mirrored": lambda image: image[:, ::-1],
    "2% cropped from each side": lambda image: cropped(image, 0.02, 4),
    "3% cropped from each side": lambda image: cropped(image, 0.03, 4),
    "4% cropped from each side": lambda image: cropped(image, 0.04, 4),
    "4% cropped from two sides": lambda image: cropped(image, 0.04, 2),
    "8% cropped from two sides": lambda image: cropped(image, 0.08, 2),
}


def signatures(files: Sequence[Path], jobs: int | None) -> list[Signature]:
    """The signatures of the readable pictures."""
    return [s for s in duplicates.signatures(files, jobs) if not isinstance(s, Frame)]


def near(a: Sequence[Signature], b: Sequence[Signature], min_correlation: float) -> Iterator[Pair]:
    return chain.from_iterable(duplicates.near_pairs(a, b, min_correlation))


def found_again(files: Sequence[Path], change: Callable[[Any], Any]) -> tuple[int, int]:
    """The numbers of changed pictures found and of false pairs."""
    with tempfile.TemporaryDirectory() as folder:
        changed = [Path(folder, f"{number}.png") for number in range(len(files))]
        for file, target in zip(files, changed, strict=True):
            cv2.imwrite(str(target), change(decode.read(file)))
        original = {str(target): str(file) for file, target in zip(files, changed, strict=True)}
        pairs = list(near(signatures(files, 1), signatures(changed, 1), duplicates.MIN_CORRELATION))
    found = {pair.a for pair in pairs if pair.a == original[pair.b]}
    return len(found), sum(pair.a != original[pair.b] for pair in pairs)


def distance_bits(a: Sequence[Signature], b: Sequence[Signature]) -> float:
    """The median distance between the hashes of the first pictures of two parts."""
    bits_a, bits_b = (
        np.unpackbits(np.frombuffer(b"".join(s.hash for s in part), np.uint8)).reshape(
            len(part), -1
        )
        for part in (a[:SAMPLE], b[:SAMPLE])
    )
    return float(np.median((bits_a[:, None] != bits_b[None]).sum(2)))


def control(pairs: int, near_pairs: Sequence[Pair]) -> Control:
    return Control(
        pairs=pairs,
        within=len(near_pairs),
        highest_correlation=max((pair.correlation for pair in near_pairs), default=0.0),
    )


def disagreements(leakage: Path, samples: Sequence[Sample]) -> dict[str, int]:
    """The number of exact copies whose label or group differs between the two data sets."""
    by_name = {f"{sample.file.parent.name}/{sample.file.name}": sample for sample in samples}
    counts = {"label": 0}
    for pair in Leakage.load(leakage).pairs:
        if pair.kind != "near duplicate":
            a, b = (by_name["/".join(Path(file).parts[-2:])] for file in (pair.a, pair.b))
            counts["label"] += a.label != b.label
            for group in a.groups.keys() & b.groups.keys():
                counts[group] = counts.get(group, 0) + (a.groups[group] != b.groups[group])
    return dict(sorted(counts.items()))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("sources", nargs="+", help="data sets, such as fairface:DIR?split=val")
    options.add_argument("--leakage", type=Path, default=ROOT / "results/leakage.json")
    options.add_argument("--out", type=Path, default=ROOT / "results/near_duplicates.json")
    options.add_argument("--jobs", type=int, help="processes")
    arguments = options.parse_args()
    parts = [list(datasets.read(source, None)) for source in arguments.sources]
    files = [sample.file for sample in parts[0][:CHANGED]]
    changes = {name: found_again(files, change) for name, change in CHANGES.items()}
    read = [signatures([sample.file for sample in part], arguments.jobs) for part in parts]
    names = [source.partition(":")[0] for source in arguments.sources]
    compared, strangers, mirrored, unmirrored = 0, 0, [], []
    for first, second in combinations(range(len(parts)), 2):
        a, b = read[first], read[second]
        compared += len(a) * len(b)
        pairs = list(near(a, b, -1))
        mirrored += [pair for pair in pairs if pair.mirrored]
        if names[first] != names[second]:
            strangers += len(a) * len(b)
            unmirrored += [pair for pair in pairs if not pair.mirrored]
    NearDuplicateCheck(
        provenance=provenance("near_duplicates", LIBRARIES),
        changes={name: proportion(found, len(files)) for name, (found, _) in changes.items()},
        false_pairs=sum(false for _, false in changes.values()),
        median_distance_bits=distance_bits(read[0], read[-1]),
        mirrored=control(compared, mirrored),
        unmirrored=control(strangers, unmirrored),
        copies_that_disagree=disagreements(arguments.leakage, list(chain(*parts))),
    ).save(arguments.out, overwrite=True)


if __name__ == "__main__":
    main()
