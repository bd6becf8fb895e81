"""Several models beside each other: how often they are right, how large and how quick they are.

    accuracy.py   what they say of the same pictures        latency.py   how long calls take
    machine.py    what measures, and its limits             network.py   time by operator
    stages.py     time of a picture by stage                video.py     frames a second
    report.py     all of that as tables and a drawing

This module puts the comparison together. Knows nothing of the command line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Self

import numpy as np

from genderscope.core import sessions
from genderscope.core.errors import UsageError
from genderscope.core.types import Floats
from genderscope.evaluation.benchmark import accuracy, machine, network
from genderscope.evaluation.benchmark.latency import ratio, summary, take_turns
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
    """A model that is compared.

    Attributes:
        file: its ``.onnx`` file.
        classifier: the same, opened with one thread.
    """

    file: Path
    classifier: Classifier

    @classmethod
    def load(cls, model: str | Path) -> Self:
        """Open a shipped model by its name, or any exported one by its path.

        Raises:
            ModelError: see ``Classifier.load``.
        """
        return cls(find(model), Classifier.load(model, threads=1))

    @property
    def name(self) -> str:
        return self.classifier.name

    def facts(self) -> dict[str, Any]:
        """What its file says of it, with the time that an epoch of its training took."""
        metadata = self.classifier.metadata
        training = metadata.training
        seconds = training and training.seconds
        epochs = training and training.settings.get("epochs")
        return {
            "source": metadata.source or None,
            "parameters": metadata.parameters,
            "multiply_adds": network.multiply_adds(self.file),
            "file_bytes": self.file.stat().st_size,
            "training": {
                "epochs": epochs,
                "seconds": seconds,
                "seconds_per_epoch": seconds / epochs if seconds and epochs else None,
            },
        }


def entrants(models: Sequence[str | Path]) -> dict[str, Entrant]:
    """Models by their names, the smallest first.

    Raises:
        ModelError: see ``Classifier.load``.
        UsageError: two have the same name.
    """
    opened: dict[str, Entrant] = {}
    for entrant in map(Entrant.load, models):
        if entrant.name in opened:
            raise UsageError(
                f"{opened[entrant.name].file} and {entrant.file} are both named {entrant.name}; "
                "compare one of them at a time"
            )
        opened[entrant.name] = entrant
    size = {name: entrant.classifier.metadata.parameters for name, entrant in opened.items()}
    return {name: opened[name] for name in sorted(opened, key=size.__getitem__)}


def compare(
    models: Mapping[str, Entrant],
    said: Mapping[str, Mapping[str, Predictions]],
    rounds: int,
    seed: int,
) -> dict[str, Any]:
    """Everything that is measured of several models and of each pair of them.

    Args:
        said: by the data set's name, then by the model's; may be empty.
        rounds: in which the models take turns, for each batch size.

    Returns:
        ``models`` by name: facts, ``accuracy`` by data set, ``time`` by way and batch size;
        ``pairs``: A, B, the ratio of their times, and how their accuracies differ by data set.
    """
    times = {batch: _timed(models, batch, rounds) for batch in BATCHES}
    results = {
        name: {
            **entrant.facts(),
            "accuracy": {data: accuracy.accuracy(answers[name]) for data, answers in said.items()},
            "time": {
                way: {
                    str(batch): summary(seconds[f"{way} {name}"], batch)
                    for batch, seconds in times.items()
                }
                for way in WAYS
            },
        }
        for name, entrant in models.items()
    }
    pairs = [
        {
            "a": a,
            "b": b,
            "time_ratio": {
                str(batch): ratio(seconds[f"network {a}"], seconds[f"network {b}"], seed)
                for batch, seconds in times.items()
            },
            "accuracy": {
                data: accuracy.pair(answers[a], answers[b], seed) for data, answers in said.items()
            },
        }
        # The larger one first, so that a ratio says how many times as long it takes.
        for b, a in combinations(models, 2)
    ]
    return {"models": results, "pairs": pairs, "time_is": TIME_IS, "rounds": rounds, "seed": seed}


def profile(models: Mapping[str, Entrant], rounds: int) -> dict[str, Any]:
    """How near each network comes to what one thread of the machine can do, and what holds it.

    Returns:
        ``ceiling``: see ``machine.ceiling``, the better of before and after; ``networks`` by name:
        ``multiply_adds`` of the file, and by batch size ``time``, ``gflops`` (a multiplication and
        an addition are two operations) and ``profile``: see ``network.profile``.
    """
    before = machine.ceiling()
    times = {batch: _timed(models, batch, rounds) for batch in BATCHES}
    networks = {}
    for name, entrant in models.items():
        counted = network.multiply_adds(entrant.file)
        time = {
            str(batch): summary(seconds[f"network {name}"], batch)
            for batch, seconds in times.items()
        }
        networks[name] = {
            "multiply_adds": counted,
            "time": time,
            "gflops": {key: 2e-6 * counted / found["median_ms"] for key, found in time.items()},
            "profile": {
                str(batch): network.profile(entrant.file, batch, rounds * REPEATS[batch])
                for batch in BATCHES
            },
        }
    best = max(before, machine.ceiling(), key=lambda ceiling: float(ceiling["best_gflops"]))
    return {"ceiling": best, "networks": networks}


def _timed(models: Mapping[str, Entrant], batch: int, rounds: int) -> dict[str, Floats]:
    """Seconds of each way to run each model, by ``<way> <name>``."""
    calls = {}
    for name, entrant in models.items():
        spec = entrant.classifier.spec
        shape = (batch, spec.size, spec.size, *([3] if spec.channels == 3 else []))
        crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        opened = sessions.create(entrant.file, threads=1)
        given = network.inputs(opened, batch)
        calls[f"network {name}"] = partial(opened.run, None, given)
        calls[f"classifier {name}"] = partial(entrant.classifier, crops)
    return take_turns(calls, rounds, REPEATS[batch])
