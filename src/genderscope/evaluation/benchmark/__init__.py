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
from genderscope.core.storage import checksum, write_whole
from genderscope.core.types import Face, Floats, Image, Sample
from genderscope.evaluation import evaluate, predictions
from genderscope.evaluation.benchmark import machine, network, results
from genderscope.evaluation.benchmark.latency import ratio, summary, take_turns
from genderscope.evaluation.metrics import paired, share
from genderscope.evaluation.predictions import Predictions
from genderscope.inference.classifier import Classifier, find

BATCHES = (1, 64)
REPEATS = {1: 20, 64: 2}  # consecutive calls per model and round: those with one face are short
TIME_IS = (
    "one thread, the network alone in ONNX Runtime, or the classifier from crops to scores; the "
    "models take turns; median and 95th percentile of all calls, divided by the faces of a call"
)
WAYS = ("network", "classifier")


@dataclass(frozen=True, slots=True, eq=False)
class Entrant:
    """A model to compare: its ``.onnx`` file, and its classifier on one thread."""

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
    """Models by name, smallest first. A duplicate name gets its folder's name appended;
    ``UsageError`` if that is taken too, or a file is named twice.
    """
    opened: dict[str, Entrant] = {}
    for entrant in map(Entrant.load, models):
        if entrant.name in opened:
            entrant = replace(entrant, name=f"{entrant.name}.{entrant.file.absolute().parent.name}")
        if entrant.name in opened or any(entrant.file == other.file for other in opened.values()):
            raise UsageError(
                f"{entrant.file} is named twice, or another model has its name and folder"
            )
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
    """Compare several models and each pair of them: their ``predictions``, by data set, then by
    model, if any, and their speed over rounds of alternating calls, for each batch size.
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
                accuracy={data: accuracy(by_model[name]) for data, by_model in predictions.items()},
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
                    data: paired_accuracy(by_model[a], by_model[b])
                    for data, by_model in predictions.items()
                },
            )
            # The larger model first, so that time ratios are usually above 1.
            for b, a in combinations(models, 2)
        ),
        time_is=TIME_IS,
        rounds=rounds,
    )


def profile(
    models: Mapping[str, Entrant], rounds: int
) -> tuple[results.Ceiling, dict[str, results.NetworkSpeed]]:
    """Each network's operators, compared with one thread's ceiling, measured before and after: the
    higher ceiling, and the networks by name. A multiplication and an addition are two operations.
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
    """Seconds of each call, by ``network <name>`` and ``classifier <name>``."""
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
    """A detector with a cache, so that each picture is searched once for all models."""

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
    weights: Path | None = None,
) -> dict[str, Predictions]:
    """The predictions of each model for every sample; ``data`` names the data set in results. A
    table in ``folder`` is read instead if it is of the same pictures, newer than these and the
    model, and beside a file with the SHA-256 of the model and of the detector's ``weights``.
    ``report`` gets a line of text before each model that runs.
    """
    remembering = Remembering(detector)
    results = {}
    for name, entrant in models.items():
        table = folder / f"{name}.{data}.{detector.name}.csv"
        networks, beside = _sha256(entrant.file, weights), table.with_suffix(".sha256")
        known = beside.is_file() and beside.read_bytes() == networks
        kept = _kept(table, entrant.file, samples) if known else None
        if kept is None:
            report(f"classifying {data} with {name}")
            answers = evaluate.answers(samples, remembering, entrant.classifier)
            beside.unlink(missing_ok=True)
            predictions.write(table, predictions.of(answers, name))
            write_whole(beside, networks)
            kept = predictions.read(table)  # rounded, as a later run will read it
        results[name] = kept
    return results


def accuracy(predictions: Predictions) -> Estimate:
    """The share of labelled pictures that are right, without abstention."""
    return share(_right(predictions), 1)


def paired_accuracy(a: Predictions, b: Predictions) -> results.PairedAccuracy:
    """A's accuracy minus B's on the same pictures."""
    right = _right(a), _right(b)
    difference, test = paired.difference(*right), paired.mcnemar(*right)
    return results.PairedAccuracy(difference=difference, test=test)


def _right(predictions: Predictions) -> npt.NDArray[np.bool_]:
    labelled = predictions.truth >= 0
    right: npt.NDArray[np.bool_] = predictions.forced[labelled] == predictions.truth[labelled]
    return right


def _sha256(*files: Path | None) -> bytes:
    """A line for each file, ``-`` for none."""
    digests = (checksum(file) if file else "-" for file in files)
    return "".join(f"{digest}\n" for digest in digests).encode()


def _changed_s(file: Path) -> float:
    """A file's modification time; 0 if it does not exist."""
    return file.stat().st_mtime if file.is_file() else 0.0


def _kept(table: Path, model: Path, samples: Sequence[Sample]) -> Predictions | None:
    """The predictions in a table, if it is current and of these pictures."""
    files = [model, *(sample.file for sample in samples)]
    if not table.is_file() or table.stat().st_mtime < max(map(_changed_s, files)):
        return None
    kept = predictions.read(table)
    # Paths relative to the table and to the working directory resolve to the same file.
    same = [*map(os.path.realpath, kept.files)] == [os.path.realpath(s.file) for s in samples]
    return kept if same and kept.truth.tolist() == [s.label for s in samples] else None
