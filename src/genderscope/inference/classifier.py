"""The network in ONNX Runtime: from crops to calibrated scores.

Labels, preprocessing, temperature and threshold come from the model file, so inference matches
training.
"""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from genderscope.core import sessions
from genderscope.core.arguments import whole
from genderscope.core.errors import ModelError, UsageError
from genderscope.core.parallel import ordered
from genderscope.core.storage import unexpanded
from genderscope.core.types import Floats, Image
from genderscope.imaging.preprocess import to_input
from genderscope.inference import looks, metadata
from genderscope.inference.metadata import METADATA_KEY as METADATA_KEY
from genderscope.inference.metadata import Metadata

WEIGHTS = Path(__file__).parents[1] / "weights"
GUIDED = ".guided.onnx"  # suffix of a model's graph for explanations: see ``explainer``
CARD = ".card.md"  # suffix of the card beside a model: see ``reporting.cards``
INT8 = ".int8.onnx"  # suffix of a model's quantised version: see ``training.quantise``
ALIASES = {"fast": "mini_xception", "balanced": "standard_cnn", "accurate": "efficientnet_lite0"}
"""Shipped models by their purpose."""
MOST_THREADS = 1024  # each is started; a million would take the machine down
AT_ONCE = 8  # faces per run on a CPU: the feature maps of more of them exceed its caches


def shipped() -> list[str]:
    """Names of the models in this package."""
    files = WEIGHTS.glob("*.onnx")
    return sorted(file.stem for file in files if not file.name.endswith((GUIDED, INT8)))


def quantised() -> list[str]:
    """Names of the quantised versions of shipped models, ``<model>.int8``."""
    return sorted(file.stem for file in WEIGHTS.glob(f"*{INT8}"))


def find(model: str | Path) -> Path:
    """The file of a shipped model by name or alias, or of any model by path; ``ModelError`` if
    absent, ``UsageError`` if neither a name nor a path.
    """
    if not isinstance(model, str | os.PathLike):
        raise UsageError(f"model must be a name or a path, not {model!r}")
    model = ALIASES.get(str(model), model)
    ours = str(model) in (*shipped(), *quantised())
    file = WEIGHTS / f"{model}.onnx" if ours else Path(model)
    if not file.is_file():
        if advice := unexpanded(str(model)):
            raise ModelError(f"no model {str(model)!r}; {advice}")
        names = (*shipped(), *quantised(), *ALIASES)
        near = get_close_matches(str(model).lower(), names, n=1)
        hint = f"; did you mean {near[0]!r}? Else" if near else ":"
        raise ModelError(
            f"no model {str(model)!r}{hint} give the path of an .onnx file or one of "
            f"{', '.join(names)}"
        )
    return file


def results_beside(network: Path) -> list[Path]:
    """The evaluations beside a model file, ``<model>.<data>.<detector>.json``, sorted."""
    name = re.compile(re.escape(network.stem) + r"\.[^.]+\.[^.]+\.json")
    return sorted(file for file in network.parent.iterdir() if name.fullmatch(file.name))


class Model:
    """An open model file and its metadata; see ``open``. ``spec`` is the preprocessing of its
    training, ``temperature`` and ``bias`` are for ``calibrated``, below ``min_confidence`` the
    label is ``uncertain``, and ``provider`` is named as in ``sessions.create``.

    Models give uncertain faces, or all, a second look: they score other views of it too, and answer
    with the mean of the logits (see ``looks``). This makes a network more accurate, but hardly
    changes the label of a face that is not near the border. The first of ``looks`` is the crop.
    """

    at_once = AT_ONCE
    explains = False  # whether its graph has the input ``classes`` and the output ``maps``

    def __init__(self, session: sessions.Session, metadata: Metadata, threads: int) -> None:
        self._session = session
        self.file = session.file
        self._threads = threads
        self.metadata = metadata
        self.provider = sessions.provider_of(session())
        self.name, self.spec = metadata.name, metadata.spec
        self.temperature, self.bias = metadata.temperature, metadata.bias
        self.min_confidence = metadata.abstention.min_confidence
        self.looks = looks.looks(metadata.second_look_deg)

    @classmethod
    def open(cls, file: Path, threads: int = 0, provider: str = sessions.CPU) -> Self:
        """Open a model file. ``threads``, by default one per core, share a batch of more than
        ``at_once`` faces; a smaller batch is not worth a second thread.

        ``ModelError`` if the file cannot be opened, was not exported by this package, fails
        ``metadata.check``, or is a guided graph where none is wanted, or the reverse;
        ``UsageError`` for invalid ``threads`` or an unknown provider.
        """
        threads = whole("threads", threads, 0, MOST_THREADS)
        if file.parent != WEIGHTS:  # the shipped models need no trial
            trial = sessions.create(file, 1, trial=True)
            spec = metadata.read(trial, file).spec
            metadata.check(trial, sessions.trial_options(), file, spec)
            del trial
        session = sessions.Session(file, 1, provider)
        explains = metadata.is_guided(session())
        if explains != cls.explains:
            raise ModelError(
                f"{file} is a guided graph itself; name the model beside it"
                if explains
                else f"{file} is not a guided graph; 'genderscope export' writes one"
            )
        return cls(session, metadata.read(session(), file), threads or os.cpu_count() or 1)

    def _scores(self, logits: Floats) -> Floats:
        """Calibrated probabilities, (n, 2); ``ModelError`` if they are not finite."""
        scores = calibrated(logits, self.temperature, self.bias)
        if not np.isfinite(scores).all():
            raise ModelError(f"the network {self.name} gives scores that are not finite")
        return scores

    def _again(self, logits: Floats) -> npt.NDArray[np.intp]:
        """Indices of the faces that get a second look, from the logits of the first."""
        scores, faces = self._scores(logits), self.metadata.second_look
        return np.flatnonzero(looks.scored_again(scores, faces, self.min_confidence))

    def _run(
        self, outputs: list[str], crops: Image, **extra: npt.NDArray[Any]
    ) -> list[npt.NDArray[Any]]:
        """Outputs of the network for crops and its ``extra`` inputs, one row per crop;
        ``UsageError`` unless the crops are those of its spec.
        """
        shape, wanted = np.shape(crops), self.spec.crop_shape
        if getattr(crops, "dtype", None) != np.uint8 or shape[1:] != wanted:
            sides = ", ".join(map(str, wanted))
            given = f"{shape} of {getattr(crops, 'dtype', type(crops).__name__)}"
            raise UsageError(f"crops must be an array (n, {sides}) of uint8, not {given}")
        size = self.at_once if self.provider == sessions.CPU else len(crops)

        def run(start: int) -> list[npt.NDArray[Any]]:
            part = slice(start, start + size)
            inputs = {name: values[part] for name, values in extra.items()}
            inputs["faces"] = to_input(crops[part], self.spec)
            found: list[npt.NDArray[Any]] = self._session().run(outputs, inputs)
            return found

        if len(crops) <= size:
            return run(0)
        starts = range(0, len(crops), size)
        single = self._threads == 1
        runs = map(run, starts) if single else ordered(lambda: run, starts, self._threads)
        return [np.concatenate(parts) for parts in zip(*runs, strict=True)]


class Classifier(Model):
    """A model that scores faces; see ``load``."""

    @classmethod
    def load(cls, model: str | Path, threads: int = 0, provider: str = sessions.CPU) -> Self:
        """Open a shipped model by name, or any model by path; errors as in ``find``, ``open``."""
        return cls.open(find(model), threads, provider)

    def first_look(self, crops: Image) -> Floats:
        """The network's logits, (n, 2), of crops (n, size, size[, 3]) uint8."""
        outputs: Floats = self._run(["logits"], crops)[0].astype(np.float64)
        return outputs

    def logits(self, crops: Image) -> Floats:
        """Logits, (n, 2), of crops as for ``first_look``, after the second look of some."""
        logits = self.first_look(crops)
        if len(again := self._again(logits)):
            others = [self.first_look(look.of(crops[again])) for look in self.looks[1:]]
            logits[again] = np.mean([logits[again], *others], 0)
        return logits

    def __call__(self, crops: Image) -> Floats:
        """Calibrated probabilities, (n, 2) in the order of ``LABELS``, of crops from
        ``preprocess.crop``, (n, size, size) uint8 grey or (n, size, size, 3) BGR.
        """
        return self._scores(self.logits(crops))


def calibrated(logits: Floats, temperature: float, bias: float) -> Floats:
    """Probabilities, (n, 2): softmax of logits / temperature, plus ``bias`` for the last class."""
    scaled = logits / temperature + np.array([0.0, bias])
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    scores: Floats = powers / powers.sum(-1, keepdims=True)
    return scores
