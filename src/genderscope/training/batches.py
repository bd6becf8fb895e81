"""Crops as batches, and the part of them that is kept for choosing.

Knows nothing of networks.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from genderscope.core.types import LABELS
from genderscope.data.prepare.crops import Crops
from genderscope.data.splits import hold_out
from genderscope.evaluation.metrics import group_order
from genderscope.imaging.preprocess import to_input


class Batches(Dataset[tuple[Tensor, ...]]):
    """Crops by batches of indices: (crops, plain, shown, labels, ages, groups), as uint8, uint8,
    bool and int64 three times. ``plain`` are the crops as they are where others are altered, and
    empty where none is.

    Args:
        exact: the inputs that run, as floats, rather than wide crops.
        altered: the same samples in other conditions, of which each batch takes ``share``.
    """

    def __init__(
        self,
        crops: Crops,
        indices: npt.NDArray[np.int64],
        exact: bool,
        altered: Crops | None = None,
        share: float = 0.0,
    ) -> None:
        self._crops, self._indices, self._exact = crops, indices, exact
        self._altered, self._share = altered, share
        self._ages, _ = age_groups(crops)
        self._groups, _ = race_groups(crops)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, batch: list[int]) -> tuple[Tensor, ...]:
        chosen = self._indices[batch]
        labels = torch.from_numpy(self._crops.labels[chosen].astype(np.int64))
        ages = torch.from_numpy(self._ages[chosen])
        groups = torch.from_numpy(self._groups[chosen])
        if self._exact:
            inputs = to_input(self._crops.exact(chosen), self._crops.spec)
            return (
                torch.from_numpy(inputs).float(),
                torch.empty(0),
                torch.empty(0),
                labels,
                ages,
                groups,
            )
        wide, shown = self._crops.wide(chosen), self._crops.visible(chosen)
        plain = wide[:0]
        if self._altered is not None:
            # Decided by the batch alone, so that a resumed run equals an uninterrupted one.
            other = np.random.default_rng(batch).random(len(chosen)) < self._share
            if other.any():
                plain = wide.copy()
                wide[other] = self._altered.wide(chosen[other])
        return (
            torch.from_numpy(wide),
            torch.from_numpy(plain),
            torch.from_numpy(shown),
            labels,
            ages,
            groups,
        )


def age_groups(crops: Crops) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Each crop's age group, (n,) of indices into the names that follow; -1 where the data set does
    not say.
    """
    return _numbered([groups.get("age", "") for groups in crops.groups])


def race_groups(crops: Crops) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Each crop's group of race and label, (n,) of indices into the names that follow; -1 where the
    data set does not say. For weights in the loss alone.
    """
    return _numbered(
        [
            f"{race}, {LABELS[label]}" if (race := groups.get("race")) and label >= 0 else ""
            for groups, label in zip(crops.groups, crops.labels, strict=True)
        ]
    )


def _numbered(given: list[str]) -> tuple[npt.NDArray[np.int64], list[str]]:
    names = sorted(set(given) - {""}, key=group_order)
    place = {name: number for number, name in enumerate(names)}
    return np.array([place.get(name, -1) for name in given], np.int64), names


def split(crops: Crops, ratio: float, seed: int) -> tuple[Any, Any]:
    """Indices for training and for validation, by class and the seed; unlabelled crops in neither.

    Identities, where the data set knows them, are never in both.
    """
    return hold_out(crops.labels, crops.identities, ratio, seed)


class Shuffled(Sampler[list[int]]):
    """Whole batches in an order that the seed and the epoch decide, so that a resumed run equals an
    uninterrupted one.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self._count, self._batch_size, self._seed = count, batch_size, seed
        self._epoch = 0

    def __len__(self) -> int:
        return self._count // self._batch_size

    def set_epoch(self, epoch: int) -> None:
        """Lightning calls this before every epoch."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        order = self._order(np.random.default_rng((self._seed, self._epoch)))
        whole = order[: len(self) * self._batch_size]
        yield from whole.reshape(-1, self._batch_size).tolist()

    def _order(self, draw: np.random.Generator) -> npt.NDArray[np.int64]:
        return draw.permutation(self._count)


class Balanced(Shuffled):
    """As many of each class in an epoch, which stays as long: the rarer class's crops come several
    times, all equally often to within one, and of the other class some wait for a later epoch.
    """

    def __init__(self, labels: npt.NDArray[np.int8], batch_size: int, seed: int) -> None:
        super().__init__(len(labels), batch_size, seed)
        self._classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]

    def _order(self, draw: np.random.Generator) -> npt.NDArray[np.int64]:
        share = -(-self._count // len(self._classes))
        parts = [np.resize(draw.permutation(members), share) for members in self._classes]
        return draw.permutation(np.concatenate(parts))[: self._count]


def class_weights(labels: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """What a crop of each class counts so that both classes count as much, 1 on average."""
    counts = np.bincount(labels, minlength=len(LABELS))
    return (len(labels) / len(LABELS) / np.maximum(counts, 1)).astype(np.float32)


def training_loader(
    crops: Crops,
    indices: npt.NDArray[np.int64],
    batch_size: int,
    seed: int,
    balanced: bool = False,
    altered: Crops | None = None,
    share: float = 0.0,
) -> DataLoader[Any]:
    """Wide crops in a new order for each epoch, ``share`` of them in other conditions."""
    order = (
        Balanced(crops.labels[indices], batch_size, seed)
        if balanced
        else Shuffled(len(indices), batch_size, seed)
    )
    batches = Batches(crops, indices, exact=False, altered=altered, share=share)
    return DataLoader(batches, batch_size=None, sampler=order)


def validation_loader(crops: Crops, indices: npt.NDArray[np.int64]) -> DataLoader[Any]:
    """The inputs that run, in the cache's order."""
    order = np.array_split(np.arange(len(indices)), max(len(indices) // 512, 1))
    sampler = [part.tolist() for part in order]
    return DataLoader(Batches(crops, indices, exact=True), batch_size=None, sampler=sampler)
