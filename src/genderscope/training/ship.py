"""From a finished training run to a model file: calibrated, described, exported, checked."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from genderscope.core import plugins
from genderscope.data import datasets
from genderscope.data.prepare.crops import Crops
from genderscope.training.batches import split, validation_loader
from genderscope.training.export import calibrate, export
from genderscope.training.task import load
from genderscope.training.train import RECORD

PARITY_FACES = 256


def ship(run: Path, crops: Crops) -> Path:
    """Fit the confidence on the validation part and write ``<model>.onnx`` and
    ``<model>.guided.onnx`` beside the record.

    Args:
        run: the folder of a finished training run.
        crops: what it was trained on.

    Raises:
        UsageError: the folder holds no finished run.
        ModelError: ONNX Runtime does not agree with torch.
    """
    network = load(run)
    record = json.loads((run / RECORD).read_text())
    settings = record["settings"]
    readers = {source: datasets.reader(source) for source in record["data"]["sources"]}
    _, held = split(crops, settings["validation_ratio"], settings["seed"])
    metadata = {
        "name": settings["model"],
        "source": plugins.load("training.models", settings["model"]).SOURCE,
        "data": record["data"]
        | {
            "name": " + ".join(readers),
            "licence": " + ".join(sorted({reader.LICENCE for reader in readers.values()})),
        },
        "training": {key: record[key] for key in ("settings", "commit", "versions", "seconds")},
        "metrics": {"validation": record["history"][-1]},
        **calibrate(_logits(network, crops, held), crops.labels[held].astype(np.int64)),
    }
    file = run / f"{settings['model']}.onnx"
    faces = crops.exact(np.arange(min(PARITY_FACES, len(crops))))
    export(network, crops.spec, faces, metadata, file)
    return file


def _logits(
    network: nn.Module, crops: Crops, indices: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Logits (n, 2) for the crops that run."""
    with torch.no_grad():
        batches = [network(inputs) for inputs, *_ in validation_loader(crops, indices)]
    logits: npt.NDArray[Any] = torch.cat(batches).double().numpy()
    return logits
