"""Batches of crops, for training and validation."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

from genderscope.core.errors import UsageError
from genderscope.core.types import LABELS, Floats
from genderscope.data.prepare.crops import Crops
from genderscope.data.splits import hold_out
from genderscope.evaluation.metrics import group_order
from genderscope.imaging.preprocess import to_input
from genderscope.training.settings import Settings

Indices = npt.NDArray[np.int64]
MAX_SEED = 2**32 - 1  # that of NumPy and Lightning


class Batch(NamedTuple):
    """A batch of n crops: (n, side, side[, channels]) uint8 with their surround, or the network's
    inputs, (n, channels, size, size) floats; the originals without occlusions, empty if none has
    any; ``visible``, (n, side, side) bool: where a crop shows the picture rather than padding;
    labels, ages and groups, (n,) int64, the last two -1 where unknown; the teachers' P(man), (n,)
    float32, NaN where unknown.
    """

    crops: Tensor
    originals: Tensor
    visible: Tensor
    labels: Tensor
    ages: Tensor
    groups: Tensor
    scores: Tensor


class Batches(Dataset[Batch]):
    """Batches by lists of indices: wide crops, or the network's ``exact`` inputs. A ``share`` of
    each batch comes from ``occlusions``, the same samples with occlusions; ``scores`` are the
    teachers' P(man) for every crop, (n,).
    """

    def __init__(
        self,
        crops: Crops,
        indices: Indices,
        exact: bool,
        occlusions: Crops | None = None,
        share: float = 0.0,
        scores: Floats | None = None,
    ) -> None:
        self._scores = np.full(len(crops), np.nan) if scores is None else scores
        self._crops, self._indices, self._exact = crops, indices, exact
        self._occlusions, self._share = occlusions, share
        self._ages, _ = age_groups(crops)
        self._groups, _ = race_groups(crops)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, batch: list[int]) -> Batch:
        chosen = self._indices[batch]
        targets = (
            torch.from_numpy(self._crops.labels[chosen].astype(np.int64)),
            torch.from_numpy(self._ages[chosen]),
            torch.from_numpy(self._groups[chosen]),
            torch.from_numpy(self._scores[chosen]).float(),
        )
        if self._exact:
            inputs = torch.from_numpy(to_input(self._crops.exact(chosen), self._crops.spec))
            return Batch(inputs.float(), torch.empty(0), torch.empty(0), *targets)
        wide = self._crops.wide(chosen)
        originals = wide[:0]
        if self._occlusions is not None:
            # Depends on the batch alone, so that a resumed run equals an uninterrupted one.
            occluded = np.random.default_rng(batch).random(len(chosen)) < self._share
            if occluded.any():
                originals = wide.copy()
                wide[occluded] = self._occlusions.wide(chosen[occluded])
        shown = self._crops.visible(chosen)
        crops, bare, visible = map(torch.from_numpy, (wide, originals, shown))
        return Batch(crops, bare, visible, *targets)


def age_groups(crops: Crops) -> tuple[Indices, list[str]]:
    """Each crop's age group, (n,) indices into the names that follow; -1 where unknown."""
    return _numbered([groups.get("age", "") for groups in crops.groups])


def race_groups(crops: Crops) -> tuple[Indices, list[str]]:
    """Each crop's group of race and label, as in ``age_groups``; only to weight the loss."""
    return _numbered(
        [
            f"{race}, {LABELS[label]}" if (race := groups.get("race")) and label >= 0 else ""
            for groups, label in zip(crops.groups, crops.labels, strict=True)
        ]
    )


def _numbered(groups: list[str]) -> tuple[Indices, list[str]]:
    names = sorted(set(groups) - {""}, key=group_order)
    numbers = {name: number for number, name in enumerate(names)}
    return np.array([numbers.get(group, -1) for group in groups], np.int64), names


def split(crops: Crops, ratio: float, seed: int) -> tuple[Indices, Indices]:
    """Stratified indices for training and validation; no unlabelled crops, no shared identities.
    ``UsageError`` if a part would be empty, or the seed is above ``MAX_SEED``.
    """
    if not 0 < ratio < 1:
        raise UsageError(
            f"validation_ratio is {ratio:g}: choose one between 0 and 1, since some crops are "
            "trained on and others are held out"
        )
    if seed > MAX_SEED:
        raise UsageError(f"seed is {seed}: choose one of at most {MAX_SEED}")
    return hold_out(crops.labels, crops.identities, ratio, seed)


class Shuffled(Sampler[list[int]]):
    """Whole batches, shuffled by seed and epoch: a resumed run equals an uninterrupted one."""

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

    def _order(self, draw: np.random.Generator) -> Indices:
        return draw.permutation(self._count)


class Balanced(Shuffled):
    """Equally many crops of each class in an epoch of the same length: those of the rarer class
    are repeated, all equally often to within one, and some others wait for a later epoch.
    """

    def __init__(self, labels: npt.NDArray[np.int8], batch_size: int, seed: int) -> None:
        super().__init__(len(labels), batch_size, seed)
        self._classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]

    def _order(self, draw: np.random.Generator) -> Indices:
        share = -(-self._count // len(self._classes))
        parts = [np.resize(draw.permutation(members), share) for members in self._classes]
        return draw.permutation(np.concatenate(parts))[: self._count]


def class_weights(labels: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """Class weights that balance the loss, 1 on average over crops."""
    counts = np.bincount(labels, minlength=len(LABELS))
    return (len(labels) / len(LABELS) / np.maximum(counts, 1)).astype(np.float32)


def training_loader(
    crops: Crops,
    indices: Indices,
    settings: Settings,
    occlusions: Crops | None = None,
    scores: Floats | None = None,
) -> DataLoader[Batch]:
    """Wide crops, reshuffled every epoch, a share of them with occlusions."""
    order = (
        Balanced(crops.labels[indices], settings.batch_size, settings.seed)
        if settings.balance == "sampler"
        else Shuffled(len(indices), settings.batch_size, settings.seed)
    )
    batches = Batches(crops, indices, False, occlusions, settings.occlusion_share, scores)
    return DataLoader(batches, batch_size=None, sampler=order)


def validation_loader(crops: Crops, indices: Indices) -> DataLoader[Batch]:
    """The network's inputs, in the cache's order."""
    order = np.array_split(np.arange(len(indices)), max(len(indices) // 512, 1))
    sampler = [part.tolist() for part in order]
    return DataLoader(Batches(crops, indices, exact=True), batch_size=None, sampler=sampler)


def logits(network: nn.Module, crops: Crops, indices: Indices) -> Tensor:
    """A network's logits, (n, 2), for some crops."""
    with torch.no_grad():
        return torch.cat([network(batch.crops) for batch in validation_loader(crops, indices)])
