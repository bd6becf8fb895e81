"""Export a network and its guided graph to ONNX; both must agree with torch."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import onnx
import torch
from msgspec import to_builtins
from torch import Tensor, nn

from genderscope.core.errors import ModelError
from genderscope.core.types import LABELS, Image
from genderscope.imaging.preprocess import PreprocessSpec, to_input
from genderscope.inference.classifier import METADATA_KEY, Classifier
from genderscope.inference.explainer import Explainer, guided_file
from genderscope.training.guided_export import check
from genderscope.training.guided_graph import with_gradients
from genderscope.training.half_precision import halve, share
from genderscope.training.mirror import Mirrored, mirror

PARITY = 1e-4
OPSET = 18


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
    mirrored: bool = False,
) -> None:
    """Write the ONNX file and its guided graph; ``ModelError`` if ONNX Runtime's logits for real
    crops, (n, size, size[, 3]) uint8, differ from torch's by more than ``PARITY``, or the guided
    gradients from Captum's (see ``guided_export.check``). Labels, spec, parameters and
    multiply-adds are added to the metadata.

    With ``half_precision`` weights are stored in 16 bits, once for both files, after the
    comparison; the answer of a ``mirrored`` one is the mean over each face and its mirror image,
    for twice the time.
    """
    plain_network = network.cpu().eval()
    network = Mirrored(plain_network) if mirrored else plain_network
    inputs = torch.from_numpy(to_input(crops, spec))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # torchvision is not needed
    with TemporaryDirectory() as folder, torch.no_grad(), catch_warnings():
        simplefilter("ignore")  # the exporter warns of its own internals
        graph = Path(folder) / "model.onnx"
        torch.onnx.export(
            InputCast(plain_network),
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
    if mirrored:
        mirror(model)
    complete = {
        **metadata,
        "labels": LABELS,
        "spec": spec,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "multiply_adds": multiply_adds(network, spec) * (1 + mirrored),
        "parity": PARITY,
    }
    # The exporter notes the source line of each node: paths of this machine.
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        del value.metadata_props[:]
    del model.graph.metadata_props[:], model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(to_builtins(complete))})
    parts = {Path(f"{place}.part"): place for place in (file, guided_file(file))}
    plain, guided = parts
    try:
        onnx.save(model, plain)
        difference = float(np.abs(Classifier.open(plain).logits(crops) - expected).max())
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
        for part, place in parts.items():
            part.replace(place)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)


def multiply_adds(network: nn.Module, spec: PreprocessSpec) -> int:
    """Multiply-adds of the convolutions and dense layers for one face."""
    counted = 0

    def count(layer: nn.Module, _: Any, maps: Tensor) -> None:
        nonlocal counted
        weight = layer.weight
        assert isinstance(weight, Tensor)
        counted += maps[0].numel() * weight[0].numel()

    hooks = [
        layer.register_forward_hook(count)
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    with torch.no_grad():
        network.eval()(torch.zeros(1, spec.channels, spec.size, spec.size))
    for hook in hooks:
        hook.remove()
    return counted
