"""The metadata of a model file: typed, and validated when the file is opened."""

import re
from math import prod
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Annotated, Any
from warnings import warn

import msgspec
import numpy as np
import onnxruntime
from msgspec import Meta

from genderscope.core.errors import ModelError, ModelWarning
from genderscope.core.parallel import within
from genderscope.core.types import LABELS, SecondLook
from genderscope.imaging.preprocess import PreprocessSpec, to_input

METADATA_KEY = "genderscope"
_CROPS = 2  # in a trial: a black one and a noisy one
# The largest shipped graph takes 0.3 s of processor time, and several times that on a busy machine.
TRIAL_S = 5.0
# The type of a node in the file: field 4, a string of 4 bytes, in any encoding that protobuf reads.
# The number of iterations of such a node may depend on the face, so no trial can bound it.
_LOOP = re.compile(rb"[\x22\x00](?:\x04|\x84\x80*\x00)(Loop|Scan)")

Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
Turn = Annotated[float, Meta(ge=0, le=45)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Unknown fields are ignored, since a later version may write more."""


class Abstention(_Part, frozen=True, kw_only=True):
    """When a model answers ``uncertain``: below ``min_confidence``, described by ``meaning``; and
    its errors on ``n`` validation faces, of which it answers the share ``coverage``.
    """

    min_confidence: Share
    meaning: str = ""
    coverage: Share | None = None
    error_of_answered: Share | None = None
    error_without_abstention: Share | None = None
    n: Count | None = None


class TrainingData(_Part, frozen=True, kw_only=True):
    """What a model was trained on: the data sets' names and licences, joined by `` + ``, and their
    readers; the fingerprint of the pictures' names, sizes and labels; the detector, None for the
    data set's own boxes; how some crops were altered, with the seed; and the numbers of faces.
    """

    name: str
    licence: str
    sources: tuple[str, ...]
    fingerprint: str
    train: Count
    validation: Count
    detector: str | None = None
    altered: str | None = None


class Training(_Part, frozen=True, kw_only=True):
    """How a model was trained; ``settings`` may belong to any recipe."""

    settings: dict[str, Any]  # ``training.settings.Settings``, which inference cannot import
    commit: str
    versions: dict[str, str]
    seconds: float | int | None = None


class Difference(_Part, frozen=True, kw_only=True):
    """A paired difference of accuracy with its 95% interval, over ``n`` faces."""

    difference: float
    interval: tuple[float, float]
    n: Count


class Quantisation(_Part, frozen=True, kw_only=True):
    """How a model was quantised, and the effect: the types of weights and activations; the chosen
    calibration method of the activations' ``ranges``, on ``faces`` faces; the root mean square
    distance from the original's logits, for each method; the difference of accuracy on held-out
    faces, and the share of these with the original's label.
    """

    weights: str
    activations: str
    ranges: str
    faces: Count
    logits_away_rms: dict[str, float]
    accuracy_difference: Difference
    same_answers: Share


class Metadata(_Part, frozen=True, kw_only=True):
    """What the export wrote into a model file: ``LABELS``, the preprocessing of training,
    temperature and bias (see ``classifier.calibrated``), multiply-adds per face, the architecture's
    paper, metrics by data split, such as ``validation``, the allowed difference from torch's
    logits, and the method of a graph that explains, such as ``guided``. Which faces get a
    ``second_look`` (see ``classifier.Model``), the angle of its turned views, and the share of
    validation faces that were ``scored_twice``.
    """

    name: str
    labels: tuple[str, ...]
    spec: PreprocessSpec
    temperature: Annotated[float, Meta(gt=0)]
    bias: float
    abstention: Abstention
    second_look: SecondLook = "none"
    second_look_deg: Turn = 0.0
    scored_twice: Share = 0.0
    parameters: Count
    multiply_adds: Count
    source: str = ""
    data: TrainingData | None = None
    training: Training | None = None
    metrics: dict[str, dict[str, int | float]] = {}
    parity: float | None = None
    quantisation: Quantisation | None = None
    explains: str | None = None

    def __post_init__(self) -> None:
        if self.labels != LABELS:
            raise ValueError(f"it has the labels {', '.join(self.labels)}, not {', '.join(LABELS)}")

    def plain(self) -> dict[str, Any]:  # JSON, to be edited and written into another model
        """Plain values for JSON, without fields at their defaults."""
        return dict(msgspec.to_builtins(self))


def read(session: onnxruntime.InferenceSession, file: Path) -> Metadata:
    """The metadata of an open model file; ``ModelError`` if missing or not valid."""
    try:
        text = session.get_modelmeta().custom_metadata_map[METADATA_KEY]
        metadata = msgspec.json.decode(text, type=Metadata)
        spec = msgspec.json.decode(text, type=dict[str, msgspec.Raw])["spec"]
        PreprocessSpec.refuse_unknown(msgspec.json.decode(spec, type=dict[str, msgspec.Raw]))
    except KeyError as error:
        raise ModelError(f"{file} lacks genderscope's metadata") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{file} has metadata that is not valid: {error}") from error
    return metadata


def is_guided(session: onnxruntime.InferenceSession) -> bool:
    """Whether a graph takes the classes to explain."""
    return any(value.name == "classes" for value in session.get_inputs())


def check(
    session: onnxruntime.InferenceSession,
    run_options: onnxruntime.RunOptions,
    file: Path,
    spec: PreprocessSpec,
) -> None:
    """Try a network on two crops; ``ModelError`` if it has a loop, does not run within ``TRIAL_S``,
    or has an output of the wrong shape or with values that are not finite. A ``ModelWarning`` if
    both crops get the same logits.
    """
    from hashlib import shake_128  # slow to import, but faster than numpy.random

    with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
        if found := _LOOP.search(data):
            raise ModelError(f"{file} has a {found[1].decode()}, which may never end")
    noise = shake_128().digest(prod(spec.crop_shape))
    crops = np.zeros((_CROPS, *spec.crop_shape), np.uint8)
    crops[1].flat = np.frombuffer(noise, np.uint8)
    inputs = {"faces": to_input(crops, spec)}
    if is_guided(session):
        inputs["classes"] = np.full(_CROPS, -1)
    faces = inputs["faces"].shape
    expected = {"logits": {(_CROPS, len(LABELS))}, "maps": {faces, (_CROPS, 1, *faces[2:])}}
    names = [value.name for value in session.get_outputs() if value.name in expected]
    if "logits" not in names:
        raise ModelError(f"{file} has no output 'logits'")
    try:
        outputs = within(TRIAL_S, lambda: session.run(names, inputs, run_options))
    except TimeoutError as error:
        run_options.terminate = True  # takes effect after the running node
        raise ModelError(f"{file} takes more than {TRIAL_S:g} s for {_CROPS} faces") from error
    except Exception as error:  # its exception types are private, without a common base
        raise ModelError(f"{file} cannot be run: {error}") from error
    for name, values in zip(names, outputs, strict=True):
        if np.shape(values) not in expected[name]:
            raise ModelError(f"{file} gives {name} of shape {np.shape(values)} for {_CROPS} faces")
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            raise ModelError(f"{file} gives {name} that are not finite")
        if name == "logits" and np.array_equal(*values):
            message = f"{file} gives the same scores for different faces; export it again"
            warn(message, ModelWarning, stacklevel=2)
