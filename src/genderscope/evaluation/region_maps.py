"""Maps of what a model looks at in the faces of a labelled data set, and their averages."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError
from genderscope.core.protocols import Detector
from genderscope.core.types import Floats, Image, Sample
from genderscope.evaluation import regions
from genderscope.evaluation.metrics import Integers
from genderscope.inference import locate
from genderscope.inference.explainer import Explainer


@dataclass(frozen=True, slots=True)
class Average:
    """The mean of the faces of one kind of answer: crop, (size, size[, channels]), energy of the
    maps, (size, size), each scaled to sum to 1, and landmarks in the crop, (5, 2).
    """

    n: int
    face: Floats
    energy: Floats
    landmarks: Floats


@dataclass(frozen=True, slots=True)
class Maps:
    """The maps of a data set's faces: ``truth`` and ``predicted``, (n,) indices into ``LABELS``, of
    which the latter is explained; shares of the maps' energy and of the crops' pixels, (n, 7), see
    ``regions``; averages by truth and prediction; the data set's own labels of each face, (n,).
    """

    truth: Integers
    predicted: Integers
    shares: Floats
    areas: Floats
    averages: dict[tuple[int, int], Average]
    groups: tuple[Mapping[str, str], ...]
    by_box: int
    not_detected: int
    no_gradient: int
    unreadable: tuple[str, ...]


def explain(
    samples: Iterable[Sample], detector: Detector, explainer: Explainer, batch_size: int = 64
) -> Maps:
    """Explain the predicted class of each labelled face; ``DatasetError`` if none was detected."""
    tally: Counter[str] = Counter()
    unreadable: list[str] = []
    groups: list[Mapping[str, str]] = []
    batches: list[tuple[npt.NDArray[np.number], ...]] = []
    sums: dict[tuple[int, int], _Sum] = {}
    faces = _faces(samples, detector, explainer, tally, unreadable)
    while batch := list(islice(faces, batch_size)):
        samples_in, crops_in, landmarks_in = zip(*batch, strict=True)
        truth = np.array([sample.label for sample in samples_in])
        crops, landmarks = np.stack(crops_in), np.stack(landmarks_in)
        scores, maps = explainer(crops)
        predicted = (scores[:, 1] > scores[:, 0]).astype(np.int64)
        energy = regions.energy(maps)
        total = energy.sum((1, 2))
        mapped = total > 0
        tally["no gradient"] += int((~mapped).sum())
        areas = regions.areas(landmarks, explainer.spec.size)
        values = truth, predicted, regions.shares(maps, landmarks), areas
        batches.append(tuple(array[mapped] for array in values))
        for index in np.flatnonzero(mapped):
            groups.append(samples_in[index].groups)
            kind = int(truth[index]), int(predicted[index])
            sums.setdefault(kind, _Sum()).add(
                crops[index].astype(np.float64), energy[index] / total[index], landmarks[index]
            )
    if not sums:
        raise DatasetError("no labelled face was detected, so there is nothing to explain")
    truth, predicted, shares, areas = map(np.concatenate, zip(*batches, strict=True))
    return Maps(
        *(truth, predicted, shares, areas),
        {kind: one.average() for kind, one in sums.items()},
        tuple(groups),
        by_box=tally["by box"],
        not_detected=tally["not detected"],
        no_gradient=tally["no gradient"],
        unreadable=tuple(unreadable),
    )


def _faces(
    samples: Iterable[Sample],
    detector: Detector,
    explainer: Explainer,
    tally: Counter[str],
    unreadable: list[str],
) -> Iterator[tuple[Sample, Image, Floats]]:
    """The sample, crop and landmarks of each face; what has none of them is counted."""
    labelled = (sample for sample in samples if sample.label is not None)
    for located in locate.stream(labelled, detector, explainer.spec):
        if located.frame.error is not None:
            unreadable.append(located.frame.error)
        elif not located.detected:
            tally["not detected"] += 1
        elif located.sample is not None:
            [face], [crop] = located.faces, located.crops
            tally["by box"] += face.landmarks is None
            yield located.sample, crop, regions.landmarks(face, explainer.spec)


class _Sum:
    """Faces of one kind of answer, added up."""

    def __init__(self) -> None:
        self._n = 0
        self._sums: tuple[Floats, ...] = ()

    def add(self, *arrays: Floats) -> None:
        self._n += 1
        self._sums = tuple(map(np.add, self._sums, arrays)) if self._sums else arrays

    def average(self) -> Average:
        return Average(self._n, *(total / self._n for total in self._sums))
