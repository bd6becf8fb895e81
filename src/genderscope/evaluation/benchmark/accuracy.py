"""Accuracy of several models on the same pictures, and of each pair of them."""

import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genderscope.core.protocols import Detector
from genderscope.core.results import Estimate
from genderscope.core.types import Face, Image, Sample
from genderscope.evaluation import evaluate, predictions
from genderscope.evaluation.benchmark.results import PairedAccuracy
from genderscope.evaluation.metrics import paired, proportion
from genderscope.evaluation.predictions import Predictions
from genderscope.inference.classifier import Classifier


class Remembering:
    """A detector that searches each picture once for all models."""

    def __init__(self, detector: Detector) -> None:
        self.name = detector.name
        self._detector = detector
        self._faces: dict[tuple[tuple[int, ...], bytes], list[Face]] = {}

    def __call__(self, image: Image) -> list[Face]:
        key = image.shape, blake2b(image.tobytes(), digest_size=16).digest()
        if key not in self._faces:
            self._faces[key] = self._detector(image)
        return self._faces[key]


def predict(
    models: Mapping[str, tuple[Path, Classifier]],
    samples: Sequence[Sample],
    detector: Detector,
    data: str,
    folder: Path,
    report: Callable[[str], None] = lambda text: None,
) -> dict[str, Predictions]:
    """The predictions of each model, with the file that it was loaded from, for every sample of
    ``data``, by its name for the results. A table in ``folder`` that is newer than its model and
    has the same pictures is read instead; ``report`` gets a line of text before each.
    """
    remembering = Remembering(detector)
    results = {}
    for name, (file, model) in models.items():
        table = folder / f"{name}.{data}.{detector.name}.csv"
        if (kept := _kept(table, file, samples)) is None:
            report(f"classifying {data} with {name}")
            answers = evaluate.answers(samples, remembering, model)
            predictions.write(table, predictions.of(answers, name))
            kept = predictions.read(table)  # rounded as they are written, so that both are equal
        results[name] = kept
    return results


def accuracy(predictions: Predictions) -> Estimate:
    """The share of labelled pictures that are right, without abstention."""
    right = _right(predictions)
    return proportion(int(right.sum()), len(right))


def pair(a: Predictions, b: Predictions, seed: int) -> PairedAccuracy:
    """A's accuracy minus B's on the same pictures."""
    right = _right(a), _right(b)
    return PairedAccuracy(difference=paired.difference(*right, seed), test=paired.mcnemar(*right))


def _right(predictions: Predictions) -> npt.NDArray[np.bool_]:
    labelled = predictions.truth >= 0
    right: npt.NDArray[np.bool_] = predictions.forced[labelled] == predictions.truth[labelled]
    return right


def _kept(table: Path, model: Path, samples: Sequence[Sample]) -> Predictions | None:
    """The predictions in a table, if they are of this model and these pictures."""
    if not table.is_file() or table.stat().st_mtime < model.stat().st_mtime:
        return None
    kept = predictions.read(table)
    # Paths relative to the table and to the working directory resolve to the same file.
    same = [*map(os.path.realpath, kept.files)] == [os.path.realpath(s.file) for s in samples]
    return kept if same and kept.truth.tolist() == [s.label for s in samples] else None
