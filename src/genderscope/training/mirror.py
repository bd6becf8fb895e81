"""Test-time mirroring: the mean logits of a face and its mirror image."""

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

VIEWS, VIEW_LOGITS = "views", "view_logits"
"""Tensors of a mirrored model: n faces and then their mirror images, (2n, channels, size, size),
and their logits, (2n, 2).
"""
FLIP = {"start": -1, "end": int(np.iinfo(np.int64).min), "axis": 3, "step": -1}
"""The inputs of an ONNX ``Slice`` that mirrors pictures."""


class Mirrored(nn.Module):
    """A network that averages the logits of both views, in torch."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> Tensor:
        """Mean logits, (n, 2), of faces (n, channels, size, size)."""
        logits: Tensor = self.network(torch.cat([faces, faces.flip(3)]))
        return logits.view(2, -1, logits.shape[1]).mean(0)


def mirror(model: onnx.ModelProto) -> None:
    """Make an exported model average the logits of both views, in place."""
    graph = model.graph
    faces, logits = graph.input[0].name, graph.output[0].name
    for node in graph.node:
        node.input[:] = [VIEWS if name == faces else name for name in node.input]
        node.output[:] = [VIEW_LOGITS if name == logits else name for name in node.output]
    flip = {f"mirror_{name}": value for name, value in FLIP.items()}
    pairs = [2, -1, graph.output[0].type.tensor_type.shape.dim[1].dim_value]
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value, ndmin=1), name)
        for name, value in {**flip, "mirror_pairs": pairs, "mirror_first": 0}.items()
    )
    # Named, since quantisation excludes nodes by name.
    before = [
        helper.make_node("Slice", [faces, *flip], ["mirrored"], "mirror"),
        helper.make_node("Concat", [faces, "mirrored"], [VIEWS], "join", axis=0),
    ]
    after = [
        helper.make_node("Reshape", [VIEW_LOGITS, "mirror_pairs"], ["pairs_of_logits"]),
        helper.make_node("ReduceMean", ["pairs_of_logits", "mirror_first"], [logits], keepdims=0),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]  # their batch has doubled


def is_mirrored(graph: onnx.GraphProto) -> bool:
    return any(VIEWS in node.output for node in graph.node)
