"""Streaming counts of a data set's rows, without opening pictures, and samples opened afterwards.

Memory grows only with the names of files and persons. Race and age are the data set's own labels.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from math import isfinite, isinf
from operator import itemgetter
from os.path import isfile

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import FaceOutsidePicture, PictureError
from genderscope.core.types import Face, Image, Sample
from genderscope.data.fingerprint import Fingerprint
from genderscope.data.selection import REFERENCE, Selected
from genderscope.imaging import decode
from genderscope.imaging.preprocess import PreprocessSpec, crop, whole

BLOCK = 10_000
EXAMPLES = 3
MOST_GROUPS = 50  # a column with more values, such as names, does not define groups
UNLABELLED = 2  # the index of pictures without a label, after the two labels
SHEET_PICTURES = 24  # crops per label for a contact sheet
SHEET = PreprocessSpec("sheet", size=96, padding="edge", colour="bgr")
"""A margin of 40% around the box, as in the published crops of IMDB and WIKI."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a sample, and the bins of its histogram; the outer bins are open."""

    of: Callable[[Sample], float | None]
    bin: float
    low: float
    high: float


MEASURES = {
    "face_score": Measure(lambda sample: sample.face_score, 0.25, -10, 20),
    "second_face_score": Measure(lambda sample: sample.second_face_score, 0.25, -10, 20),
    "age_years": Measure(lambda sample: sample.age, 1, 0, 123),
    "box_side_px": Measure(lambda sample: sample.box.longer if sample.box else None, 8, 0, 16_384),
}
ODDITIES: dict[str, Callable[[Sample], bool]] = {
    "unlabelled": lambda sample: sample.label is None,
    "faceless": lambda sample: sample.face_score is not None and isinf(sample.face_score),
    "boxless": lambda sample: (
        sample.box is None and sample.face_score is not None and isfinite(sample.face_score)
    ),
    "crowded": lambda sample: sample.second_face_score is not None,
    "ageless": lambda sample: sample.age is None,
}


@dataclass(slots=True)
class Occurrences:
    """The number of samples with a property, and the files of the first few."""

    n: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, samples: Sequence[Sample]) -> None:
        self.n += len(samples)
        first_few = samples[: EXAMPLES - len(self.examples)]
        self.examples += [str(sample.file) for sample in first_few]


class Tally:
    """Counts of samples by label: 0, 1 and ``UNLABELLED``; ``draw`` pictures are drawn at random.

    ``histograms`` are (bins, 3) for each of ``MEASURES``; ``infinite`` counts infinite values
    separately. ``groups`` of each column count (value, label), ``identities`` (identity, label).
    ``odd`` holds occurrences of ``ODDITIES`` and of ``missing`` and ``repeated`` files; ``removed``
    counts samples that ``selection.REFERENCE`` would remove, by condition.
    """

    def __init__(self, draw: int = 0, seed: int = 0) -> None:
        self.labels = np.zeros(3, np.int64)
        self.histograms = {
            name: np.zeros((round((measure.high - measure.low) / measure.bin), 3), np.int64)
            for name, measure in MEASURES.items()
        }
        self.infinite: Counter[str] = Counter()
        self.groups: dict[str, Counter[tuple[str, int]]] = {}
        self.identities: Counter[tuple[str, int]] = Counter()
        self.odd = {name: Occurrences() for name in (*ODDITIES, "missing", "repeated")}
        self.removed: dict[str, int] = {}
        self.fingerprint = Fingerprint()
        self._draw = draw
        self._random = np.random.default_rng(seed)
        self._drawn: list[tuple[float, Sample]] = []
        self._files: set[str] = set()

    @property
    def n(self) -> int:
        return int(self.labels.sum())

    @property
    def drawn(self) -> list[Sample]:
        """Samples with existing files, drawn at random, in random order."""
        return [sample for _, sample in self._drawn]

    def has(self, measure: str) -> bool:
        """Whether any sample has a value of a measure."""
        return bool(self.histograms[measure].any() or self.infinite[measure])

    def count(self, samples: Iterable[Sample]) -> None:
        """Count all samples; call this once."""
        selected = Selected(self._watch(iter(samples)), REFERENCE)
        for _ in selected:
            pass
        self.removed = selected.removed

    def _watch(self, samples: Iterator[Sample]) -> Iterator[Sample]:
        while block := list(islice(samples, BLOCK)):
            labels = [UNLABELLED if sample.label is None else sample.label for sample in block]
            self._count_measures(block, np.array(labels))
            self._count_groups(block, labels)
            self._inspect(block)
            self.fingerprint.add(block)
            yield from block

    def _count_measures(self, block: list[Sample], labels: npt.NDArray[np.int64]) -> None:
        self.labels += np.bincount(labels, minlength=3)
        for name, measure in MEASURES.items():
            values = np.array([measure.of(sample) for sample in block], np.float64)  # None is NaN
            self.infinite[name] += int(np.isinf(values).sum())
            finite = np.isfinite(values)
            counts = self.histograms[name]
            bins = ((values[finite] - measure.low) // measure.bin).clip(0, len(counts) - 1)
            cells = bins.astype(np.int64) * 3 + labels[finite]
            counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)

    def _count_groups(self, block: list[Sample], labels: list[int]) -> None:
        for sample, label in zip(block, labels, strict=True):
            if sample.identity is not None:
                self.identities[sample.identity, label] += 1
            for column, value in sample.groups.items():
                counts = self.groups.setdefault(column, Counter())
                if len(counts) <= 3 * MOST_GROUPS:  # else there are too many values: save memory
                    counts[value, label] += 1

    def _inspect(self, block: list[Sample]) -> None:
        for name, is_odd in ODDITIES.items():
            self.odd[name].add([sample for sample in block if is_odd(sample)])
        repeated = []
        for sample in block:
            if (file := str(sample.file)) in self._files:
                repeated.append(sample)
            self._files.add(file)
        self.odd["repeated"].add(repeated)
        pairs = [(sample, isfile(sample.file)) for sample in block]
        self.odd["missing"].add([sample for sample, exists in pairs if not exists])
        keys = self._random.random(len(block)).tolist()
        present = (
            (key, sample) for key, (sample, exists) in zip(keys, pairs, strict=True) if exists
        )
        # Keeping the smallest random keys draws uniformly from a stream of unknown length.
        self._drawn = heapq.nsmallest(self._draw, chain(self._drawn, present), key=itemgetter(0))


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """A sample's opened picture: its width and height in pixels, upright, or why it is unreadable;
    the face, (96, 96, 3) uint8 BGR, for the first pictures of each label; and whether the sample's
    box extends beyond the picture.
    """

    sample: Sample
    size: tuple[int, int] | None = None
    crop: Image | None = None
    error: str | None = None
    outside: bool = False


def open_pictures(samples: Iterable[Sample]) -> Iterator[OpenedPicture]:
    """Open pictures, in order. Full decoding also finds truncated files."""
    kept: Counter[int | None] = Counter()
    for sample in samples:
        try:
            image = decode.read(sample.file)
        except PictureError as error:
            yield OpenedPicture(sample, error=str(error))
            continue
        height, width = image.shape[:2]
        face, outside = whole(image, SHEET), False
        if box := sample.box:
            face = Face(box)
            beyond = max(box.x + box.width - width, box.y + box.height - height)
            outside = min(box.x, box.y) < -1 or beyond > 1  # tolerates rounding
        face_crop = None
        if kept[sample.label] < SHEET_PICTURES:
            try:
                face_crop = crop(image, face, SHEET)
                kept[sample.label] += 1
            except FaceOutsidePicture:
                pass
        yield OpenedPicture(sample, (width, height), face_crop, outside=outside)
