"""How often each of several models is right on the same pictures, and each pair of them compared.

Knows nothing of time, of screens or of the command line.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genderscope.core.protocols import Detector
from genderscope.core.types import Face, Image, Sample
from genderscope.evaluation import evaluate, predictions
from genderscope.evaluation.metrics import paired, proportion
from genderscope.evaluation.predictions import Predictions
from genderscope.inference.classifier import Classifier


class Remembering:
    """A detector that searches each picture once, however many models ask for its faces."""

    def __init__(self, detector: Detector) -> None:
        self.name = detector.name
        self._detector = detector
        self._found: dict[tuple[tuple[int, ...], bytes], list[Face]] = {}

    def __call__(self, image: Image) -> list[Face]:
        key = image.shape, blake2b(image.tobytes(), digest_size=16).digest()
        if key not in self._found:
            self._found[key] = self._detector(image)
        return self._found[key]


def ask(
    models: Mapping[Path, Classifier],
    samples: Sequence[Sample],
    detector: Detector,
    data: str,
    folder: Path,
    told: Callable[[str], None] = lambda text: None,
) -> dict[str, Predictions]:
    """What each model says of every sample, by its name.

    Answers are kept as tables, and a table that is newer than its model and holds the same pictures
    is taken instead of asking again.

    Args:
        models: by the file that each was loaded from.
        data: the name of the samples.
        folder: where the tables are.
        told: is called with a line of text before each model is asked.
    """
    remembering = Remembering(detector)
    said = {}
    for file, model in models.items():
        place = folder / f"{model.name}.{data}.{detector.name}.csv"
        if (kept := _kept(place, file, samples)) is None:
            told(f"asking {model.name} about {data}")
            answers = evaluate.answers(samples, remembering, model)
            predictions.write(place, predictions.of(answers, model.name))
            kept = predictions.read(place)  # rounded as they are written, so that both are equal
        said[model.name] = kept
    return said


def accuracy(given: Predictions) -> dict[str, Any]:
    """The share of labelled pictures that it has right, without abstention, and its interval."""
    right = _right(given)
    share = proportion(int(right.sum()), len(right))
    return {"n": share.n, "value": share.value, "interval": share.interval}


def pair(a: Predictions, b: Predictions, seed: int) -> dict[str, Any]:
    """A's accuracy less B's on the same pictures, bootstrapped, and McNemar's exact test."""
    right = _right(a), _right(b)
    apart, test = paired.difference(*right, seed), paired.mcnemar(*right)
    return {
        "difference": apart.value,
        "interval": apart.interval,
        "n": apart.n,
        "a_only": test.a_only,
        "b_only": test.b_only,
        "p": test.p,
    }


def _right(given: Predictions) -> npt.NDArray[np.bool_]:
    labelled = given.truth >= 0
    right: npt.NDArray[np.bool_] = given.forced[labelled] == given.truth[labelled]
    return right


def _kept(place: Path, model: Path, samples: Sequence[Sample]) -> Predictions | None:
    """An earlier run's answers, if they are of this model and these pictures."""
    if not place.is_file() or place.stat().st_mtime < model.stat().st_mtime:
        return None
    kept = predictions.read(place)
    # Both ways of naming a file, relative to the table and to where we are, meet in the real one.
    same = [*map(os.path.realpath, kept.files)] == [os.path.realpath(s.file) for s in samples]
    return kept if same and kept.truth.tolist() == [s.label for s in samples] else None
