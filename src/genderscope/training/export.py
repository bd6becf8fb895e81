"""From a finished training run to a model file: calibrated, described, exported, verified."""

from pathlib import Path

import numpy as np
import torch
from msgspec import to_builtins
from torch import nn

from genderscope.core import plugins
from genderscope.core.types import Floats
from genderscope.data import datasets
from genderscope.data.prepare.crops import Crops
from genderscope.inference.metadata import Training, TrainingData
from genderscope.training.batches import Indices, split, validation_loader
from genderscope.training.calibration import calibrate
from genderscope.training.mirror import Mirrored
from genderscope.training.onnx_export import export
from genderscope.training.record import TrainingRecord
from genderscope.training.runs import RECORD, load

PARITY_FACES = 256


def export_run(run: Path, crops: Crops) -> Path:
    """Calibrate a finished run on the validation part of its crops and write ``<model>.onnx`` and
    ``<model>.guided.onnx``. ``UsageError`` if it is not finished, ``ResultError`` if its record
    cannot be read, ``ModelError`` if ONNX Runtime does not agree with torch.
    """
    record = TrainingRecord.load(run / RECORD)
    settings, provenance = record.settings, record.provenance
    module = plugins.load("training.models", settings.model)
    readers = {name: datasets.reader(name) for name in record.data.sources}
    network, mirrored = load(run), getattr(module, "MIRRORED", False)
    answering = Mirrored(network) if mirrored else network
    _, held_out = split(crops, settings.validation_ratio, settings.seed)
    labels = crops.labels[held_out].astype(np.int64)
    metadata = {
        "name": settings.model,
        "source": module.SOURCE,
        "data": TrainingData(
            name=" + ".join(readers),
            licence=" + ".join(sorted({reader.LICENCE for reader in readers.values()})),
            sources=record.data.sources,
            fingerprint=provenance.fingerprint or "",
            train=record.data.train,
            validation=record.data.validation,
            detector=record.data.detector,
            altered=record.data.occlusions,
        ),
        "training": Training(
            settings=to_builtins(settings),
            commit=record.commit,
            versions=provenance.versions,
            seconds=record.seconds,
        ),
        "metrics": {"validation": to_builtins(record.history[-1])},
        **to_builtins(calibrate(_logits(answering, crops, held_out), labels)),
    }
    file = run / f"{settings.model}.onnx"
    faces = crops.exact(np.arange(min(PARITY_FACES, len(crops))))
    halved = getattr(module, "HALF_PRECISION", False)
    export(network, crops.spec, faces, metadata, file, halved, mirrored)
    return file


def _logits(network: nn.Module, crops: Crops, indices: Indices) -> Floats:
    """(n, 2) logits of the network's own inputs."""
    with torch.no_grad():
        batches = [network(batch.crops) for batch in validation_loader(crops, indices)]
    logits: Floats = torch.cat(batches).double().numpy()
    return logits
