"""Several models compared: accuracy, size and speed."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

import numpy as np

from genderscope.core import sessions
from genderscope.core.errors import UsageError
from genderscope.core.protocols import Detector
from genderscope.core.results import Provenance
from genderscope.core.storage import checksum, write_whole
from genderscope.core.types import Face, Floats, Image, Sample
from genderscope.evaluation import evaluate, predictions
from genderscope.evaluation.benchmark import machine, network, results
from genderscope.evaluation.benchmark.latency import ratio, summary, take_turns
from genderscope.evaluation.metrics import paired, share
from genderscope.evaluation.predictions import Predictions
from genderscope.inference.classifier import Classifier, find
from genderscope.inference.metadata import Training

BATCHES = (1, 64)
REPEATS = {1: 20, 64: 2}  # consecutive calls per model and round: those with one face are short
TIME_IS = (
    "one thread, the network alone in ONNX Runtime, or from crops to logits, for one look at a "
    "face; the models take turns; median and 95th percentile of all calls, "
    "divided by the faces of a call"
)
WAYS = ("network", "classifier")


def entrants(models: Sequence[str | Path]) -> dict[str, Classifier]:
    """Models on one thread by name, smallest first. A duplicate name gets its folder's name
    appended; ``UsageError`` if that is taken too, or a file is named twice; other errors as
    ``Classifier.load``.
    """
    opened: dict[str, Classifier] = {}
    files: set[Path] = set()
    for file in map(find, models):
        model = Classifier.open(file, threads=1)
        name = model.name
        if name in opened:
            name = f"{name}.{file.absolute().parent.name}"
        if name in opened or file in files:
            raise UsageError(f"{file} is named twice, or another model has its name and folder")
        opened[name] = model
        files.add(file)
    return dict(sorted(opened.items(), key=lambda item: item[1].metadata.parameters))


def compare(
    models: Mapping[str, Classifier],
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
                source=model.metadata.source or None,
                parameters=model.metadata.parameters,
                multiply_adds=network.multiply_adds(model.file),
                looks=1 + model.metadata.scored_twice * (len(model.looks) - 1),
                file_bytes=model.file.stat().st_size,
                training=_training_time(model.metadata.training),
                accuracy={
                    data: share(by_model[name].right, 1) for data, by_model in predictions.items()
                },
                time={way: _timings(times, f"{way} {name}") for way in WAYS},
            )
            for name, model in models.items()
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


def _training_time(training: Training | None) -> results.TrainingTime:
    seconds = training.seconds if training else None
    epochs = training.settings.get("epochs") if training else None
    mean = seconds / epochs if seconds and epochs else None
    return results.TrainingTime(epochs=epochs, seconds=seconds, seconds_per_epoch=mean)


def profile(
    models: Mapping[str, Classifier], rounds: int
) -> tuple[results.Ceiling, dict[str, results.NetworkSpeed]]:
    """Each network's operators, compared with one thread's ceiling, measured before and after: the
    higher ceiling, and the networks by name. A multiplication and an addition are two operations.
    """
    before = machine.ceiling()
    times = {batch: _timed(models, batch, rounds) for batch in BATCHES}
    networks = {}
    for name, model in models.items():
        count = network.multiply_adds(model.file)
        timings = _timings(times, f"network {name}")
        networks[name] = results.NetworkSpeed(
            multiply_adds=count,
            time=timings,
            gflops={batch: 2e-6 * count / timing.median_ms for batch, timing in timings.items()},
            profile={
                str(batch): network.profile(model.file, batch, rounds * REPEATS[batch])
                for batch in BATCHES
            },
        )
    return max(before, machine.ceiling(), key=lambda ceiling: ceiling.best_gflops), networks


def _timings(times: Mapping[int, Mapping[str, Floats]], name: str) -> dict[str, results.Timing]:
    return {str(batch): summary(seconds[name], batch) for batch, seconds in times.items()}


def _timed(models: Mapping[str, Classifier], batch: int, rounds: int) -> dict[str, Floats]:
    """Seconds of each call, by ``network <name>`` and ``classifier <name>``."""
    calls = {}
    for name, model in models.items():
        spec = model.spec
        shape = (batch, spec.size, spec.size, *([3] if spec.channels == 3 else []))
        crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        opened = sessions.create(model.file, threads=1)
        inputs = network.inputs(opened, batch)
        calls[f"network {name}"] = partial(opened.run, None, inputs)
        calls[f"classifier {name}"] = partial(model.first_look, crops)
    return take_turns(calls, rounds, REPEATS[batch])


class CachedDetector:
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
    models: Mapping[str, Classifier],
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
    cached = CachedDetector(detector)
    by_model = {}
    for name, model in models.items():
        table = folder / f"{name}.{data}.{detector.name}.csv"
        digest_file = table.with_suffix(".sha256")
        digests = (checksum(file) if file else "-" for file in (model.file, weights))
        networks = "".join(f"{digest}\n" for digest in digests).encode()
        unchanged = digest_file.is_file() and digest_file.read_bytes() == networks
        kept = _kept(table, model.file, samples) if unchanged else None
        if kept is None:
            report(f"classifying {data} with {name}")
            answers = evaluate.answers(samples, cached, model)
            digest_file.unlink(missing_ok=True)
            predictions.write(table, predictions.of(answers, name))
            write_whole(digest_file, networks)
            kept = predictions.read(table)  # rounded, as a later run will read it
        by_model[name] = kept
    return by_model


def paired_accuracy(a: Predictions, b: Predictions) -> results.PairedAccuracy:
    """A's accuracy minus B's on the same pictures."""
    right = a.right, b.right
    difference, test = paired.difference(*right), paired.mcnemar(*right)
    return results.PairedAccuracy(difference=difference, test=test)


def _kept(table: Path, model: Path, samples: Sequence[Sample]) -> Predictions | None:
    """The predictions in a table, if it is current and of these pictures."""
    if not table.is_file():
        return None
    files = [model, *(sample.file for sample in samples)]
    if table.stat().st_mtime < max(file.stat().st_mtime for file in files if file.is_file()):
        return None
    kept = predictions.read(table)
    # Paths relative to the table and to the working directory resolve to the same file.
    same = [*map(os.path.realpath, kept.files)] == [os.path.realpath(s.file) for s in samples]
    return kept if same and kept.truth.tolist() == [s.label for s in samples] else None
