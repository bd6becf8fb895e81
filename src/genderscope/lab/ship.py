"""From a finished training run to a model file: calibrated, described, exported, checked."""

import json
from pathlib import Path

import numpy as np

from genderscope import plugins
from genderscope.crops import Crops
from genderscope.lab.export import calibrate, export
from genderscope.lab.task import Task
from genderscope.lab.train import RECORD, validation_logits

PARITY_FACES = 256


def ship(task: Task, crops: Crops, out: Path) -> Path:
    """Fit the confidence on the validation part and write ``<model>.onnx`` beside the record.

    Raises:
        ModelError: ONNX Runtime does not agree with torch.
    """
    name = task.settings.model
    record = json.loads((out / RECORD).read_text())
    readers = {source: plugins.load("datasets", source) for source in record["data"]["sources"]}
    fitted = calibrate(*validation_logits(task, crops))
    metadata = {
        "name": name,
        "source": plugins.load("lab.models", name).SOURCE,
        "data": record["data"]
        | {
            "name": " + ".join(readers),
            "licence": " + ".join(sorted({reader.LICENCE for reader in readers.values()})),
        },
        "training": {key: record[key] for key in ("settings", "commit", "versions", "seconds")},
        "metrics": {"validation": record["history"][-1]},
        **fitted,
    }
    file = out / f"{name}.onnx"
    faces = crops.exact(np.arange(min(PARITY_FACES, len(crops))))
    export(task.network, crops.spec, faces, metadata, file)
    return file
