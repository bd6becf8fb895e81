"""Several models compared: accuracy, size and speed."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from itertools import combinations
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from genderscope.core import sessions
from genderscope.core.errors import UsageError
from genderscope.core.protocols import Detector
from genderscope.core.results import Estimate, Provenance
from genderscope.core.types import Face, Floats, Image, Sample
from genderscope.evaluation import evaluate, predictions
from genderscope.evaluation.benchmark import machine, network, results
from genderscope.evaluation.benchmark.latency import ratio, summary, take_turns
from genderscope.evaluation.metrics import paired, share
from genderscope.evaluation.predictions import Predictions
from genderscope.inference.classifier import Classifier, find

BATCHES = (1, 64)
# Calls in a row of each model in each round: a call with one face is short.
REPEATS = {1: 20, 64: 2}
TIME_IS = (
    "one thread, the network alone in ONNX Runtime, or the classifier from crops to scores; the "
    "models take turns; median and 95th percentile of all calls, divided by the faces of a call"
)
WAYS = ("network", "classifier")


@dataclass(frozen=True, slots=True, eq=False)
class Entrant:
    """A model that is compared: its ``.onnx`` file, and the same opened with one thread."""

    file: Path
    classifier: Classifier
    name: str

    @classmethod
    def load(cls, model: str | Path) -> Self:
        """Open a model by its name or path; errors as ``Classifier.load``."""
        classifier = Classifier.load(model, threads=1)
        return cls(find(model), classifier, classifier.name)

    def training_time(self) -> results.TrainingTime:
        training = self.classifier.metadata.training
        seconds = training.seconds if training else None
        epochs = training.settings.get("epochs") if training else None
        mean = seconds / epochs if seconds and epochs else None
        return results.TrainingTime(epochs=epochs, seconds=seconds, seconds_per_epoch=mean)


def entrants(models: Sequence[str | Path]) -> dict[str, Entrant]:
    """Models by their names, the smallest first; a second one of a name has its folder's too, and
    if both are the same it is a ``UsageError``.
    """
    opened: dict[str, Entrant] = {}
    for entrant in map(Entrant.load, models):
        if entrant.name in opened:
            entrant = replace(entrant, name=f"{entrant.name}.{entrant.file.absolute().parent.name}")
        if entrant.name in opened or any(entrant.file == other.file for other in opened.values()):
            raise UsageError(f"{entrant.file} is named twice, or another has its name and folder")
        opened[entrant.name] = entrant
    size = {name: entrant.classifier.metadata.parameters for name, entrant in opened.items()}
    return {name: opened[name] for name in sorted(opened, key=size.__getitem__)}


def compare(
    models: Mapping[str, Entrant],
    predictions: Mapping[str, Mapping[str, Predictions]],
    rounds: int,
    detector: str,
    provenance: Provenance,
) -> results.Benchmark:
    """Compare several models and each pair of them: their predictions by data set, then by model,
    if any, and their speed in rounds in which they take turns, for each batch size.
    """
    times = {batch: _timed(models, batch, rounds) for batch in BATCHES}
    seed = provenance.seed or 0
    return results.Benchmark(
        provenance=provenance,
        machine=machine.describe(),
        detector=detector,
        models={
            name: results.ModelResult(
                source=entrant.classifier.metadata.source or None,
                parameters=entrant.classifier.metadata.parameters,
                multiply_adds=network.multiply_adds(entrant.file),
                file_bytes=entrant.file.stat().st_size,
                training=entrant.training_time(),
                accuracy={data: accuracy(of[name]) for data, of in predictions.items()},
                time={way: _timings(times, f"{way} {name}") for way in WAYS},
            )
            for name, entrant in models.items()
        },
        pairs=tuple(
            results.Pair(
                a=a,
                b=b,
                time_ratio={
                    str(batch): ratio(seconds[f"network {a}"], seconds[f"network {b}"], seed)
                    for batch, seconds in times.items()
                },
                accuracy={
                    data: paired_accuracy(of[a], of[b], seed) for data, of in predictions.items()
                },
            )
            # The larger one first, so that a ratio is how many times as long it takes.
            for b, a in combinations(models, 2)
        ),
        time_is=TIME_IS,
        rounds=rounds,
    )


def profile(
    models: Mapping[str, Entrant], rounds: int
) -> tuple[results.Ceiling, dict[str, results.NetworkSpeed]]:
    """Each network's operators, compared with what one thread can do: the better ceiling of before
    and after, and the networks by name. A multiplication and an addition are two operations.
    """
    before = machine.ceiling()
    times = {batch: _timed(models, batch, rounds) for batch in BATCHES}
    networks = {}
    for name, entrant in models.items():
        count = network.multiply_adds(entrant.file)
        timings = _timings(times, f"network {name}")
        networks[name] = results.NetworkSpeed(
            multiply_adds=count,
            time=timings,
            gflops={batch: 2e-6 * count / timing.median_ms for batch, timing in timings.items()},
            profile={
                str(batch): network.profile(entrant.file, batch, rounds * REPEATS[batch])
                for batch in BATCHES
            },
        )
    return max(before, machine.ceiling(), key=lambda ceiling: ceiling.best_gflops), networks


def _timings(times: Mapping[int, Mapping[str, Floats]], name: str) -> dict[str, results.Timing]:
    return {str(batch): summary(seconds[name], batch) for batch, seconds in times.items()}


def _timed(models: Mapping[str, Entrant], batch: int, rounds: int) -> dict[str, Floats]:
    """Seconds of the network and the classifier of each model, by ``network <name>`` and so on."""
    calls = {}
    for name, entrant in models.items():
        spec = entrant.classifier.spec
        shape = (batch, spec.size, spec.size, *([3] if spec.channels == 3 else []))
        crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        opened = sessions.create(entrant.file, threads=1)
        inputs = network.inputs(opened, batch)
        calls[f"network {name}"] = partial(opened.run, None, inputs)
        calls[f"classifier {name}"] = partial(entrant.classifier, crops)
    return take_turns(calls, rounds, REPEATS[batch])


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
    models: Mapping[str, Entrant],
    samples: Sequence[Sample],
    detector: Detector,
    data: str,
    folder: Path,
    report: Callable[[str], None] = lambda text: None,
) -> dict[str, Predictions]:
    """The predictions of each model for every sample; ``data`` names them in results. A table in
    ``folder`` with the same pictures, and newer than them and the model, is read instead;
    ``report`` gets a line of text before each model that runs.
    """
    remembering = Remembering(detector)
    results = {}
    for name, entrant in models.items():
        table = folder / f"{name}.{data}.{detector.name}.csv"
        if (kept := _kept(table, entrant.file, samples)) is None:
            report(f"classifying {data} with {name}")
            answers = evaluate.answers(samples, remembering, entrant.classifier)
            predictions.write(table, predictions.of(answers, name))
            kept = predictions.read(table)  # rounded as they are written, so that both are equal
        results[name] = kept
    return results


def accuracy(predictions: Predictions) -> Estimate:
    """The share of labelled pictures that are right, without abstention."""
    return share(_right(predictions), 1)


def paired_accuracy(a: Predictions, b: Predictions, seed: int) -> results.PairedAccuracy:
    """A's accuracy minus B's on the same pictures."""
    right = _right(a), _right(b)
    difference, test = paired.difference(*right, seed), paired.mcnemar(*right)
    return results.PairedAccuracy(difference=difference, test=test)


def _right(predictions: Predictions) -> npt.NDArray[np.bool_]:
    labelled = predictions.truth >= 0
    right: npt.NDArray[np.bool_] = predictions.forced[labelled] == predictions.truth[labelled]
    return right


def _changed_s(file: Path) -> float:
    """When a file was changed; 0 if it is not there."""
    return file.stat().st_mtime if file.is_file() else 0.0


def _kept(table: Path, model: Path, samples: Sequence[Sample]) -> Predictions | None:
    """The predictions in a table, if they are of this model and these pictures."""
    files = [model, *(sample.file for sample in samples)]
    if not table.is_file() or table.stat().st_mtime < max(map(_changed_s, files)):
        return None
    kept = predictions.read(table)
    # Paths relative to the table and to the working directory resolve to the same file.
    same = [*map(os.path.realpath, kept.files)] == [os.path.realpath(s.file) for s in samples]
    return kept if same and kept.truth.tolist() == [s.label for s in samples] else None
