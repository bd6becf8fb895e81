"""Where on the face a model looks, over a labelled data set: its maps' energy by region."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from genderscope.core.errors import DatasetError
from genderscope.core.results import Document, Estimate, Provenance, Record
from genderscope.core.types import LABELS
from genderscope.evaluation import metrics, regions
from genderscope.evaluation.metrics.groups import members
from genderscope.evaluation.region_maps import Maps

ALL, RIGHT, WRONG = "all", "right", "wrong"
RESAMPLES = 2000


class RegionShare(Record, frozen=True, kw_only=True):
    """One region in a group's maps: the mean ``share`` of the energy, with a bootstrap interval
    over faces, and the mean ``area`` of the crop, None where the share is.
    """

    share: Estimate
    area: float | None


class RegionGroup(Record, frozen=True, kw_only=True):
    """The regions in the maps of a group of faces: of a label or all, right, wrong or all answers,
    and where it is one of the data set's groups its column and the share of wrong answers.
    """

    label: str
    answers: str
    column: str | None = None
    group: str | None = None
    error: float | None = None
    n: int
    regions: dict[str, RegionShare]


class RegionSurvey(Document, frozen=True, kw_only=True):
    """Where on the face a model looks, over ``n`` faces of a data set: which class is
    ``explained``, how energy is defined, and the groups: by label and by whether the answer was
    right, then by the data set's columns. Faces without landmarks have the average face's,
    ``by_box``. Left out are pictures without a detected face, faces whose map is zero everywhere,
    and those unreadable, with the reason.
    """

    KIND: ClassVar[str] = "region survey"

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
    is the bootstrap's. A missing column is a ``DatasetError``.
    """
    right = maps.truth == maps.predicted
    columns = {name: np.array([groups.get(name, "") for groups in maps.groups]) for name in by}
    if empty := [name for name, values in columns.items() if not any(values)]:
        raise DatasetError(f"the data set gives no face a value for {', '.join(empty)}")
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
        resamples=RESAMPLES,
    )


def _regions(maps: Maps, member: npt.NDArray[np.bool_], seed: int) -> dict[str, RegionShare]:
    shares, areas = maps.shares[member], maps.areas[member]
    if (n := len(shares)) < metrics.SMALLEST_N:
        withheld = RegionShare(share=Estimate(n=n, value=None, interval=None), area=None)
        return dict.fromkeys(regions.REGIONS, withheld)
    draw = np.random.default_rng(seed)
    means = np.stack([shares[draw.integers(n, size=n)].mean(0) for _ in range(RESAMPLES)])
    columns = zip(shares.mean(0), metrics.percentiles(means).T, areas.mean(0), strict=True)
    return {
        name: RegionShare(share=metrics.estimate(share, interval, n), area=float(area))
        for name, (share, interval, area) in zip(regions.REGIONS, columns, strict=True)
    }
