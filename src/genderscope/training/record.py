"""The record of a finished training run, and of a search for settings. Does not import torch."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from genderscope.core.results import Document, Estimate, Record
from genderscope.evaluation.metrics import proportion, wilson
from genderscope.imaging.preprocess import PreprocessSpec
from genderscope.training.settings import Settings


class Epoch(Record, frozen=True, kw_only=True):
    """The mean training loss of an epoch, and loss and accuracy on the validation part after it."""

    epoch: int
    train_loss: float
    loss: float
    accuracy: float


class TrainingData(Record, frozen=True, kw_only=True):
    """The crops of a run: names of the data sets; the detector, None for the data set's own boxes;
    the occlusions, such as ``random, seed 0``; and the sizes of both parts.
    """

    sources: tuple[str, ...]
    detector: str | None
    occlusions: str | None = None
    train: int
    validation: int


class TrainingRecord(Document, frozen=True, kw_only=True):
    """``record.json`` in a run's folder: its settings, in which runs and tables have no folder; the
    commit of the code, or ``unknown``; and the seconds of all epochs without validation.
    """

    KIND = "training"

    settings: Settings
    spec: PreprocessSpec
    data: TrainingData
    commit: str
    history: tuple[Epoch, ...]
    seconds: int

    @property
    def held_out(self) -> Estimate:
        """The final accuracy on the validation part."""
        n, accuracy = self.data.validation, self.history[-1].accuracy
        interval = proportion(round(accuracy * n), n).interval
        return Estimate(n=n, value=accuracy, interval=interval)


def chance(record: TrainingRecord, labels: npt.NDArray[np.integer]) -> str:
    """A warning if a network does not beat always giving the more frequent label; else empty."""
    n, accuracy = record.data.validation, record.history[-1].accuracy
    shares = np.bincount(labels) / len(labels)
    low, _ = wilson(accuracy * n, n)
    if low > shares.max():
        return ""
    return (
        f"warning: {accuracy:.1%} of {n} held-out faces are right, no better than chance "
        f"({shares.max():.1%}): train on more faces or for more epochs"
    )


class Trial(Record, frozen=True, kw_only=True):
    """One trial of a search: its settings, and the validation loss after each epoch."""

    number: int
    state: Literal["complete", "pruned"]
    losses: tuple[float, ...]
    options: dict[str, float]


class Study(Document, frozen=True, kw_only=True):
    """The ended trials of a search, in order, and the settings that they share."""

    KIND = "study"

    settings: Settings
    trials: tuple[Trial, ...]
