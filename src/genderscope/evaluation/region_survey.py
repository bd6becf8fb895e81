"""Which regions of the face a model relies on, over a data set: saliency maps and their energy."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from genderscope.core.errors import DatasetError
from genderscope.core.protocols import Detector
from genderscope.core.results import Document, Estimate, Provenance, Record
from genderscope.core.types import LABELS, Floats, Image, Sample
from genderscope.evaluation import metrics, regions
from genderscope.evaluation.metrics import Bools, Integers
from genderscope.evaluation.metrics.groups import members
from genderscope.inference import locate
from genderscope.inference.explainer import Explainer

ALL, RIGHT, WRONG = "all", "right", "wrong"


@dataclass(frozen=True, slots=True)
class Average:
    """Means over the faces of one truth and prediction: the crop, (size, size[, channels]), the
    maps' energy, (size, size), each scaled to sum to 1, and landmarks in the crop, (5, 2).
    """

    n: int
    face: Floats
    energy: Floats
    landmarks: Floats


@dataclass(frozen=True, slots=True)
class Maps:
    """The maps of n faces, summarised: ``truth`` and ``predicted``, (n,) indices into ``LABELS``,
    the latter being the explained class; shares of the maps' energy and of the crops' pixels,
    (n, 7), see ``regions``; averages by truth and prediction; the data set's groups of each face.
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
    batches: list[tuple[Floats | Integers, ...]] = []
    sums: dict[tuple[int, int], list[Floats]] = {}  # by truth and prediction
    faces = _faces(samples, detector, explainer, tally, unreadable)
    while batch := list(islice(faces, batch_size)):
        samples_in, crops_in, landmarks_in = zip(*batch, strict=True)
        truth = np.array([sample.label for sample in samples_in])
        crops, landmarks = np.stack(crops_in), np.stack(landmarks_in)
        scores, maps = explainer(crops)
        predicted = scores.argmax(1)
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
            parts = [np.float64(1), crops[index], energy[index] / total[index], landmarks[index]]
            sums[kind] = list(map(np.add, sums.get(kind, [0.0] * 4), parts))
    if not sums:
        raise DatasetError("no labelled face was detected, so there is nothing to explain")
    truth, predicted, shares, areas = map(np.concatenate, zip(*batches, strict=True))
    return Maps(
        *(truth, predicted, shares, areas),
        {
            kind: Average(int(n), *(total / n for total in parts))
            for kind, (n, *parts) in sums.items()
        },
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
    """The sample, crop and landmarks of each face; pictures without one are counted."""
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


class RegionShare(Record, frozen=True, kw_only=True):
    """One region in a group's maps: its mean ``share`` of the energy, with a bootstrap interval
    over faces, and its mean share of the crop's ``area``, None where ``share`` is withheld.
    """

    share: Estimate
    area: float | None


class RegionGroup(Record, frozen=True, kw_only=True):
    """The regions in the maps of a group of faces, by label and by right or wrong answer, or all;
    a group of the data set also has its column and its share of wrong answers, ``error``.
    """

    label: str
    answers: str
    column: str | None = None
    group: str | None = None
    error: float | None = None
    n: int
    regions: dict[str, RegionShare]


class RegionSurvey(Document, frozen=True, kw_only=True):
    """Which regions of the face a model relies on, over ``n`` faces of a data set: which class is
    ``explained``, how energy is defined, and groups by label and by whether the answer was right,
    then by the data set's columns. ``by_box`` counts faces without landmarks, which get the average
    face's. Left out are pictures without a detected face, faces whose map is zero everywhere, and
    unreadable pictures, with the reason.
    """

    KIND = "region survey"

    dataset: str
    split: str
    model: str
    detector: str
    n: int
    explained: str
    energy_is: str
    groups: tuple[RegionGroup, ...]
    by_box: int
    not_detected: int
    no_gradient: int
    unreadable: tuple[str, ...]
    resamples: int


def check_columns(by: Iterable[str], groups: Sequence[Mapping[str, str]]) -> None:
    """``DatasetError`` if no face has a value in one of the columns ``by``."""
    if empty := [name for name in by if not any(values.get(name) for values in groups)]:
        raise DatasetError(f"no face of the data set has a value for {', '.join(empty)}")


def survey(
    maps: Maps,
    provenance: Provenance,
    *,
    dataset: str,
    split: str,
    model: str,
    detector: str,
    by: Sequence[str] = (),
) -> RegionSurvey:
    """Shares of energy by label, by right and wrong, and by the columns ``by``; ``provenance.seed``
    is the bootstrap's. ``DatasetError`` if a column is missing.
    """
    right = maps.truth == maps.predicted
    check_columns(by, maps.groups)
    columns = {name: np.array([groups.get(name, "") for groups in maps.groups]) for name in by}
    seed = provenance.seed or 0
    labels = {ALL: maps.truth >= 0, **{name: maps.truth == k for k, name in enumerate(LABELS)}}
    groups = [
        RegionGroup(
            label=label,
            answers=answers,
            n=int((of_label & member).sum()),
            regions=_regions(maps, of_label & member, seed),
        )
        for label, of_label in labels.items()
        for answers, member in {ALL: right | ~right, RIGHT: right, WRONG: ~right}.items()
    ] + [
        RegionGroup(
            label=ALL,
            answers=ALL,
            column=column,
            group=group,
            error=float(1 - right[member].mean()),
            n=int(member.sum()),
            regions=_regions(maps, member, seed),
        )
        for column, values in columns.items()
        for group, member in members(values)
        if group
    ]
    return RegionSurvey(
        provenance=provenance,
        dataset=dataset,
        split=split,
        model=model,
        detector=detector,
        n=len(maps.truth),
        explained="the class with the higher score",
        energy_is="the squares of the guided gradient, each map's scaled to sum to 1",
        groups=tuple(groups),
        by_box=maps.by_box,
        not_detected=maps.not_detected,
        no_gradient=maps.no_gradient,
        unreadable=maps.unreadable,
        resamples=metrics.RESAMPLES,
    )


def _regions(maps: Maps, member: Bools, seed: int) -> dict[str, RegionShare]:
    shares, areas = maps.shares[member], maps.areas[member]
    if (n := len(shares)) < metrics.SMALLEST_N:
        withheld = RegionShare(share=Estimate(n=n, value=None, interval=None), area=None)
        return dict.fromkeys(regions.REGIONS, withheld)
    intervals = metrics.mean_interval(shares, seed).T
    rows = zip(regions.REGIONS, shares.mean(0), intervals, areas.mean(0), strict=True)
    return {
        name: RegionShare(share=metrics.estimate(share, interval, n), area=float(area))
        for name, share, interval, area in rows
    }
