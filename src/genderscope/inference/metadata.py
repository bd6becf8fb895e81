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
from genderscope.core.types import LABELS
from genderscope.imaging.preprocess import PreprocessSpec, to_input

METADATA_KEY = "genderscope"
_CROPS = 2  # that a network is tried on: a black one and a noisy one
TRIAL_S = 1.0
# The type of a node in the file: field 4, a text of 4 bytes, in any encoding that protobuf reads.
# How often such a node repeats its graph may depend on the face, so that no trial shows it.
_LOOP = re.compile(rb"[\x22\x00](?:\x04|\x84\x80*\x00)(Loop|Scan)")

Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields that are unknown here are ignored, since a later version may write more."""


class Abstention(_Part, frozen=True, kw_only=True):
    """When a model answers ``uncertain``: below ``min_confidence``, whose meaning is in words, and
    the errors of the ``n`` validation faces, of which the share ``coverage`` is answered.
    """

    min_confidence: Share
    meaning: str = ""
    coverage: Share | None = None
    error_of_answered: Share | None = None
    error_without_abstention: Share | None = None
    n: Count | None = None


class TrainingData(_Part, frozen=True, kw_only=True):
    """What a model was trained on: names and licences of the data sets, joined by `` + ``, their
    readers, the fingerprint of the pictures' names, sizes and labels, the detector, None for the
    data set's own boxes, how some crops were altered, with the seed, and numbers of faces.
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
    """How a model was trained; ``settings`` are those of the training wing, for any recipe."""

    settings: dict[str, Any]  # ``training.settings.Settings``, which this wing cannot import
    commit: str
    versions: dict[str, str]
    seconds: float | int | None = None


class Difference(_Part, frozen=True, kw_only=True):
    """A paired difference of accuracy with its 95% interval, over ``n`` faces."""

    difference: float
    interval: tuple[float, float]
    n: Count


class Quantisation(_Part, frozen=True, kw_only=True):
    """How a model was turned into integers, and what that changed: the types of weights and
    activations, the chosen way of finding the activations' ranges, on ``faces`` faces, the root
    mean square distance from the original's logits, for each way, the difference of accuracy on
    held-out faces, and the share of these that get the original's label.
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
    temperature and bias (see ``classifier.calibrated``), multiply-adds for one face, the paper of
    the architecture, metrics by the part of the data, such as ``validation``, the largest
    difference from torch's logits that was allowed, and the method of a graph that explains, such
    as ``guided``.
    """

    name: str
    labels: tuple[str, ...]
    spec: PreprocessSpec
    temperature: Annotated[float, Meta(gt=0)]
    bias: float
    abstention: Abstention
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

    def plain(self) -> dict[str, Any]:  # JSON, to be changed and written into another model
        """Plain values for JSON; what is absent is left out."""
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
        raise ModelError(f"{file} has metadata that are not valid: {error}") from error
    return metadata


def check(
    session: onnxruntime.InferenceSession,
    run_options: onnxruntime.RunOptions,
    file: Path,
    spec: PreprocessSpec,
) -> None:
    """Try a network on two crops; ``ModelError`` if it has a loop, cannot be run in ``TRIAL_S``, or
    an output has not a row for each crop, logits not two columns, maps not the crops' shape, or not
    all is finite. A ``ModelWarning`` if both crops have the same logits.
    """
    from hashlib import shake_128  # with OpenSSL; importing numpy.random takes longer still

    with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ) as data:
        if found := _LOOP.search(data):
            raise ModelError(f"{file} has a {found[1].decode()}, which may never end")
    noise = shake_128().digest(prod(spec.crop_shape))
    crops = np.zeros((_CROPS, *spec.crop_shape), np.uint8)
    crops[1].flat = np.frombuffer(noise, np.uint8)
    inputs = {"faces": to_input(crops, spec)}
    if any(value.name == "classes" for value in session.get_inputs()):
        inputs["classes"] = np.full(_CROPS, -1)
    faces = inputs["faces"].shape
    expected = {"logits": {(_CROPS, len(LABELS))}, "maps": {faces, (_CROPS, 1, *faces[2:])}}
    names = [value.name for value in session.get_outputs() if value.name in expected]
    if "logits" not in names:
        raise ModelError(f"{file} has no output 'logits'")
    try:
        outputs = within(TRIAL_S, lambda: session.run(names, inputs, run_options))
    except TimeoutError as error:
        run_options.terminate = True  # after the node that it is in, which nothing can stop
        raise ModelError(f"{file} takes more than {TRIAL_S:g} s for {_CROPS} faces") from error
    except Exception as error:  # its exception types are private and have no common root
        raise ModelError(f"{file} cannot be run: {error}") from error
    for name, values in zip(names, outputs, strict=True):
        if np.shape(values) not in expected[name]:
            raise ModelError(f"{file} gives {name} of shape {np.shape(values)} for {_CROPS} faces")
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            raise ModelError(f"{file} gives {name} that are not finite numbers")
        if name == "logits" and np.array_equal(*values):
            message = f"{file} gives the same scores for different faces; export it anew"
            warn(message, ModelWarning, stacklevel=2)
