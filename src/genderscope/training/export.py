"""Export of a finished training run: a calibrated model file with its metadata, and its guided
graph, both compared with torch.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from warnings import catch_warnings, simplefilter

import numpy as np
import onnx
import torch
from msgspec import to_builtins
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from genderscope.core import plugins
from genderscope.core.errors import ModelError, UsageError
from genderscope.core.types import LABELS, Floats, Image
from genderscope.data import datasets
from genderscope.data.prepare.crops import Crops
from genderscope.imaging.preprocess import PreprocessSpec, to_input
from genderscope.inference.classifier import METADATA_KEY, Classifier
from genderscope.inference.explainer import Explainer, guided_file
from genderscope.inference.metadata import Training, TrainingData
from genderscope.training.batches import Indices, split
from genderscope.training.calibration import Views, calibrate, cut_of_crops, views
from genderscope.training.guided_export import check
from genderscope.training.guided_graph import with_gradients
from genderscope.training.half_precision import halve, share
from genderscope.training.record import TrainingRecord
from genderscope.training.runs import RECORD, load

PARITY = 1e-4
OPSET = 18
PARITY_FACES = 256


def export_run(run: Path, crops: Crops) -> Path:
    """Calibrate a finished run on the validation part of its crops and write ``<model>.onnx`` and
    ``<model>.guided.onnx``. ``UsageError`` if it is not finished or was trained on other crops,
    ``ResultError`` if its record cannot be read, ``ModelError`` if ONNX Runtime does not agree with
    torch.
    """
    record = TrainingRecord.load(run / RECORD)
    settings, provenance = record.settings, record.provenance
    if (provenance.fingerprint, record.spec) != (crops.manifest.fingerprint, crops.spec):
        raise UsageError(f"{run} was not trained on the crops in {crops.folder}")
    module = plugins.load("training.models", settings.model)
    readers = {name: datasets.reader(name) for name in record.data.sources}
    network = load(run)
    _, held_out = split(crops, settings.validation_ratio, settings.seed)
    labels = crops.labels[held_out].astype(np.int64)

    def score(faces: Image) -> Floats:
        inputs = torch.from_numpy(to_input(faces, crops.spec)).float()
        return np.asarray(network(inputs), np.float64)

    def looked(rows: Indices) -> Views:
        return views(score, crops, rows, settings.second_look_deg)

    look = settings.second_look
    cut = cut_of_crops(crops, looked, look) if settings.worst_group_bias else None
    calibration = calibrate(looked(held_out), labels, cut, look)
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
        "second_look_deg": settings.second_look_deg,
        **to_builtins(calibration),
    }
    file = run / f"{settings.model}.onnx"
    faces = crops.exact(np.arange(min(PARITY_FACES, len(crops))))
    halved = getattr(module, "HALF_PRECISION", False)
    export(network, crops.spec, faces, metadata, file, halved)
    return file


class InputCast(nn.Module):
    """The network behind a cast, so that its input has the dtype of the spec."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> Tensor:
        logits: Tensor = self.network(faces.float())
        return logits


def export(
    network: nn.Module,
    spec: PreprocessSpec,
    crops: Image,
    metadata: Mapping[str, object],
    file: Path,
    half_precision: bool = False,
) -> None:
    """Write the ONNX file and its guided graph; ``ModelError`` if ONNX Runtime's logits for real
    crops, (n, size, size[, 3]) uint8, differ from torch's by more than ``PARITY``, or the guided
    gradients from Captum's (see ``guided_export.check``). Labels, spec, parameters and
    multiply-adds are added to the metadata.

    With ``half_precision`` weights are stored in 16 bits, once for both files, after the
    comparison.
    """
    network = network.cpu().eval()
    inputs = torch.from_numpy(to_input(crops, spec))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not needed
    with TemporaryDirectory() as folder, torch.no_grad(), catch_warnings():
        simplefilter("ignore")  # the exporter warns about its own internals
        graph = Path(folder) / "model.onnx"
        torch.onnx.export(
            InputCast(network),
            (inputs,),
            graph,
            input_names=["faces"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
        expected = network(inputs.float()).double().numpy()
        model = onnx.load(graph)
    complete = {
        **metadata,
        "labels": LABELS,
        "spec": spec,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "multiply_adds": multiply_adds(network, spec),
        "parity": PARITY,
    }
    # The exporter records each node's source line, with paths of this machine.
    traced = model.graph
    for each in (traced, *traced.node, *traced.input, *traced.output, *traced.value_info):
        del each.metadata_props[:]
    for node in traced.node:
        node.doc_string = ""
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(to_builtins(complete))})
    parts = {Path(f"{target}.part"): target for target in (file, guided_file(file))}
    plain, guided = parts
    try:
        onnx.save(model, plain)
        difference = float(np.abs(Classifier.open(plain).first_look(crops) - expected).max())
        if not difference <= PARITY:
            raise ModelError(f"ONNX Runtime and torch differ by {difference:.1e} > {PARITY}")
        explained = with_gradients(model)
        onnx.save(explained, guided)
        check(Explainer.open(guided), network, crops)
        if half_precision:
            halve(model)
            onnx.save(model, plain)
            halve(explained)
            share(explained, plain, file.name)
            guided.write_bytes(explained.SerializeToString())
        for part, target in parts.items():
            part.replace(target)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def multiply_adds(network: nn.Module, spec: PreprocessSpec) -> int:
    """Multiply-adds of the convolutions and dense layers for one face."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, spec.channels, spec.size, spec.size))
    return int(counter.get_total_flops() // 2)  # each is a multiplication and an addition
