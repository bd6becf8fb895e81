"""What a model looks at over a labelled data set: the shares of its maps' energy in the regions of
the face, and average maps. Knows nothing of torch, of screens or of the command line.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import cv2
import numpy as np

from genderscope.core.errors import DatasetError
from genderscope.core.protocols import Detector
from genderscope.core.types import LABELS, Floats, Image, Sample
from genderscope.evaluation import metrics, regions
from genderscope.evaluation.evaluate import versions
from genderscope.imaging import panels
from genderscope.inference import locate
from genderscope.inference.explainer import Explainer

ALL, RIGHT, WRONG = "all", "right", "wrong"
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Average:
    """The faces of one kind of answer, one on the other.

    Attributes:
        n: how many there are.
        face: their mean crop, (size, size[, channels]).
        energy: the mean of their maps' energy, (size, size), each scaled to sum to 1.
        landmarks: (5, 2), the mean places in the crop.
    """

    n: int
    face: Floats
    energy: Floats
    landmarks: Floats


@dataclass(frozen=True, slots=True)
class Survey:
    """What a model looked at in the faces of a data set.

    Attributes:
        truth, said: (n,) indices into ``LABELS``; the class that is said is the one explained.
        shares, areas: (n, 7) of the maps' energy and of the crops' pixels: see ``regions``.
        averages: by truth and by what was said.
        groups: (n,) the data set's own labels of each face.
        by_box: how many of the n faces had no landmarks, so that the average face's were taken.
        not_found: pictures in which the detector found no face; they are not among the n.
        no_gradient: faces whose map is zero everywhere; they are not among the n.
        unreadable: pictures that could not be read, each with the reason.
    """

    truth: metrics.Integers
    said: metrics.Integers
    shares: Floats
    areas: Floats
    averages: dict[tuple[int, int], Average]
    groups: tuple[Mapping[str, str], ...]
    by_box: int
    not_found: int
    no_gradient: int
    unreadable: tuple[str, ...]


def survey(
    samples: Iterable[Sample], detector: Detector, explainer: Explainer, batch_size: int = 64
) -> Survey:
    """Explain the class that a model says of each labelled face.

    Raises:
        DatasetError: no labelled face was found.
    """
    tally: Counter[str] = Counter()
    unreadable: list[str] = []
    columns: list[list[Any]] = [[], [], [], []]
    groups: list[Mapping[str, str]] = []
    sums: dict[tuple[int, int], list[Any]] = {}
    looks = _looks(samples, detector, explainer, tally, unreadable)
    while batch := list(islice(looks, batch_size)):
        asked, *arrays = zip(*batch, strict=True)
        truth = np.array([sample.label for sample in asked])
        crops, marks = map(np.stack, arrays)
        scores, maps = explainer(crops)
        said = (scores[:, 1] > scores[:, 0]).astype(np.int64)
        energy = regions.energy(maps)
        total = energy.sum((1, 2))
        tally["no gradient"] += int((total == 0).sum())
        areas = regions.areas(marks, explainer.spec.size)
        values = truth, said, regions.shares(maps, marks), areas
        for column, array in zip(columns, values, strict=True):
            column.extend(array[total > 0])
        groups += [sample.groups for sample, of in zip(asked, total, strict=True) if of > 0]
        for index in np.flatnonzero(total):
            kind = int(truth[index]), int(said[index])
            sum_of = sums.setdefault(kind, [0, 0.0, 0.0, 0.0])
            added = 1, crops[index].astype(np.float64), energy[index] / total[index], marks[index]
            sum_of[:] = [one + other for one, other in zip(sum_of, added, strict=True)]
    if not sums:
        raise DatasetError("no labelled face was found, so there is nothing to explain")
    averages = {kind: Average(n, *(total / n for total in of)) for kind, (n, *of) in sums.items()}
    truth, said, shares, areas = (np.stack(column) for column in columns)
    return Survey(
        *(truth, said, shares, areas, averages, tuple(groups)),
        by_box=tally["by box"],
        not_found=tally["not found"],
        no_gradient=tally["no gradient"],
        unreadable=tuple(unreadable),
    )


def report(
    found: Survey,
    *,
    about: Mapping[str, str],
    by: Sequence[str] = (),
    seed: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """The shares of energy by class and by whether the answer was right, ready for JSON.

    Args:
        about: what was asked about what, to be reported as it is.
        by: columns of the data set, for whose groups the same is said.
        seed: of the bootstrap.

    Returns:
        Among others ``groups``: for each label and for both, of all answers, the right and the
        wrong ones, ``n`` and by region its mean ``share`` of the energy, the ``interval`` of that
        (bootstrap over faces) and its mean share of the ``area``; then the same for each ``group``
        of each ``column``, with its ``error``. A share over fewer than
        ``metrics.SMALLEST_N`` faces is None, and so is its interval.

    Raises:
        DatasetError: the data set has no such column.
    """
    right = found.truth == found.said
    values = {name: np.array([of.get(name, "") for of in found.groups]) for name in by}
    if unknown := [name for name, of in values.items() if not any(of)]:
        raise DatasetError(f"the data set does not say of any face its {', '.join(unknown)}")
    return {
        **about,
        "n": len(found.truth),
        "explained": "the class with the higher score",
        "energy_is": "the squares of the guided gradient, each map's scaled to sum to 1",
        "groups": [
            {"label": label, "answers": answers, **_shares(found, of & among, seed)}
            for label, of in _labels(found.truth).items()
            for answers, among in {ALL: right | ~right, RIGHT: right, WRONG: ~right}.items()
        ]
        + [
            {"label": ALL, "answers": ALL, "column": name, "group": group}
            | {"error": float(1 - right[of == group].mean())}
            | _shares(found, of == group, seed)
            for name, of in values.items()
            for group in sorted(set(of.tolist()) - {""}, key=metrics.group_order)
        ],
        "by_box": found.by_box,
        "not_found": found.not_found,
        "no_gradient": found.no_gradient,
        "unreadable": found.unreadable,
        "seed": seed,
        "resamples": RESAMPLES,
        "versions": versions(),
        "command": command,
    }


def picture(one: Average, title: str) -> Image:
    """An average as a picture: the mean face with the regions, and the mean energy over it."""
    size = len(one.energy)
    grey = one.face if one.face.ndim == 2 else one.face.mean(-1)
    face = cv2.cvtColor(grey.round().astype(np.uint8), cv2.COLOR_GRAY2BGR)
    scale = panels.TILE_PX / size
    parts = regions.masks(one.landmarks[None] * scale, panels.TILE_PX)[0]
    plain = panels.tile(face.astype(np.uint8))
    tiles = [panels.outlined(plain, parts), panels.overlay(plain, one.energy)]
    return panels.row(tiles, f"{title}, n = {one.n:,}")


def _looks(
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
            tally["not found"] += 1
        elif located.sample is not None:
            [face], [crop] = located.faces, located.crops
            tally["by box"] += face.landmarks is None
            yield located.sample, crop, regions.landmarks(face, explainer.spec)


def _labels(truth: metrics.Integers) -> dict[str, Any]:
    return {ALL: truth >= 0, **{label: truth == index for index, label in enumerate(LABELS)}}


def _shares(found: Survey, member: Any, seed: int) -> dict[str, Any]:
    shares, areas = found.shares[member], found.areas[member]
    n = len(shares)
    if small := n < metrics.SMALLEST_N:
        nothing = dict.fromkeys(("share", "interval", "area"))
        return {"n": n, "n_too_small": small, "regions": dict.fromkeys(regions.REGIONS, nothing)}
    draw = np.random.default_rng(seed)
    means = np.stack([shares[draw.integers(n, size=n)].mean(0) for _ in range(RESAMPLES)])
    columns = zip(shares.mean(0), metrics.percentiles(means).T, areas.mean(0), strict=True)
    return {
        "n": n,
        "n_too_small": small,
        "regions": {
            name: {"share": float(share), "interval": interval.tolist(), "area": float(area)}
            for name, (share, interval, area) in zip(regions.REGIONS, columns, strict=True)
        },
    }
