"""The network in ONNX Runtime: from crops to calibrated scores.

Labels, preprocessing, temperature and threshold come from the model file, so that a model runs as
it was trained.
"""

import os
import re
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from genderscope.core import sessions
from genderscope.core.errors import ModelError, UsageError
from genderscope.core.parallel import ordered
from genderscope.core.types import Floats, Image
from genderscope.imaging.preprocess import to_input
from genderscope.inference import metadata
from genderscope.inference.metadata import METADATA_KEY as METADATA_KEY
from genderscope.inference.metadata import Metadata

WEIGHTS = Path(__file__).parents[1] / "weights"
GUIDED = ".guided.onnx"  # suffix of the file beside a model that explains it: see ``explainer``
CARD = ".card.md"  # suffix of the card beside a model: see ``reporting.cards``
INT8 = ".int8.onnx"  # suffix of a model's quantised version: see ``training.quantise``
ALIASES = {"fast": "mini_xception", "balanced": "standard_cnn", "accurate": "efficientnet_lite0"}
"""Shipped models by what they are chosen for."""
AT_ONCE = 8  # faces in one run of the network on a CPU: the maps of more of them leave its caches


def shipped() -> list[str]:
    """Names of the models in this package."""
    files = WEIGHTS.glob("*.onnx")
    return sorted(file.stem for file in files if not file.name.endswith((GUIDED, INT8)))


def quantised() -> list[str]:
    """Names of their quantised versions, ``<model>.int8``."""
    return sorted(file.stem for file in WEIGHTS.glob(f"*{INT8}"))


def find(model: str | Path) -> Path:
    """The file of a shipped model by name or alias, or of any by path; ``ModelError`` if absent."""
    model = ALIASES.get(str(model), model)
    ours = str(model) in (*shipped(), *quantised())
    file = WEIGHTS / f"{model}.onnx" if ours else Path(model)
    if not file.is_file():
        raise ModelError(
            f"no model {str(model)!r}: give the path of an .onnx file or one of "
            f"{', '.join((*shipped(), *quantised(), *ALIASES))}"
        )
    return file


def results_beside(network: Path) -> list[Path]:
    """The results beside a model file, ``<model>.<data>.<detector>.json``, by name."""
    name = re.compile(re.escape(network.stem) + r"\.[^.]+\.[^.]+\.json")
    return sorted(file for file in network.parent.iterdir() if name.fullmatch(file.name))


class Model:
    """An open model file and its metadata; see ``open``. It has the preprocessing of its training,
    temperature and bias (see ``calibrated``), the confidence below which the label is
    ``uncertain``, explained in the metadata, and the provider by ONNX Runtime's name in lower case,
    such as ``cpu``.
    """

    at_once = AT_ONCE

    def __init__(self, session: sessions.Session, metadata: Metadata, threads: int) -> None:
        self._session = session
        self.file = session.file
        self._threads = threads
        self.metadata = metadata
        self.provider = sessions.provider_of(session())
        self.name, self.spec = metadata.name, metadata.spec
        self.temperature, self.bias = metadata.temperature, metadata.bias
        self.min_confidence = metadata.abstention.min_confidence

    @classmethod
    def open(cls, file: Path, threads: int = 0, provider: str = sessions.CPU) -> Self:
        """Open a model file; ``ModelError`` if it cannot be opened, was not exported by this
        package, or does not give finite logits (see ``metadata.check``); else errors as
        ``sessions.create``. ``threads`` share a batch of more than ``at_once`` faces, by default
        one for each core. A smaller batch has one: a second would cost more than it saves.
        ``UsageError`` if they are fewer than 0.
        """
        if threads < 0:
            raise UsageError(f"threads must be 0 or more, not {threads}")
        if file.parent != WEIGHTS:  # the shipped ones are tested
            trial = sessions.create(file, 1, trial=True)
            spec = metadata.read(trial, file).spec
            metadata.check(trial, sessions.trial_options(), file, spec)
            del trial
        session = sessions.Session(file, 1, provider)
        return cls(session, metadata.read(session(), file), threads or os.cpu_count() or 1)

    def _scores(self, logits: Floats) -> Floats:
        """Calibrated probabilities, (n, 2); ``ModelError`` if they are not finite."""
        scores = calibrated(logits, self.temperature, self.bias)
        if not np.isfinite(scores).all():
            raise ModelError(f"the network {self.name} gives scores that are not finite numbers")
        return scores

    def _run(
        self, outputs: list[str], crops: Image, **more: npt.NDArray[Any]
    ) -> list[npt.NDArray[Any]]:
        """Outputs of the network for some crops and what else it reads of each."""
        size = self.at_once if self.provider == sessions.CPU else len(crops)

        def run(start: int) -> list[npt.NDArray[Any]]:
            part = slice(start, start + size)
            inputs = {name: values[part] for name, values in more.items()}
            inputs["faces"] = to_input(crops[part], self.spec)
            found: list[npt.NDArray[Any]] = self._session().run(outputs, inputs)
            return found

        if len(crops) <= size:
            return run(0)
        starts = range(0, len(crops), size)
        one = self._threads == 1
        runs = map(run, starts) if one else ordered(lambda: run, starts, self._threads)
        return [np.concatenate(parts) for parts in zip(*runs, strict=True)]


class Classifier(Model):
    """A model that scores faces; see ``load``."""

    @classmethod
    def load(cls, model: str | Path, threads: int = 0, provider: str = sessions.CPU) -> Self:
        """Open a shipped model by name or another by path; errors as ``find`` and ``open``."""
        return cls.open(find(model), threads, provider)

    def logits(self, crops: Image) -> Floats:
        """Raw outputs, (n, 2), for crops (n, size, size[, 3]) uint8."""
        outputs: Floats = self._run(["logits"], crops)[0].astype(np.float64)
        return outputs

    def __call__(self, crops: Image) -> Floats:
        """Calibrated probabilities, (n, 2) in the order of ``LABELS``, of crops that
        ``preprocess.crop`` cut, (n, size, size) uint8 grey or (n, size, size, 3) BGR.
        """
        return self._scores(self.logits(crops))


def calibrated(logits: Floats, temperature: float, bias: float) -> Floats:
    """Probabilities (n, 2): softmax of logits over temperature, bias added to the last class."""
    scaled = logits / temperature + np.array([0.0, bias])
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    scores: Floats = powers / powers.sum(-1, keepdims=True)
    return scores
