"""Test-time mirroring: the mean logits of a face and its mirror image."""

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn

VIEWS, VIEW_LOGITS = "views", "view_logits"
"""Values of a mirrored model: (2n, channels, size, size), n faces and then their mirror images, and
their (2n, 2) logits.
"""
FLIP = {"start": -1, "end": int(np.iinfo(np.int64).min), "axis": 3, "step": -1}
"""The inputs of an ONNX ``Slice`` that mirrors pictures."""


class Mirrored(nn.Module):
    """A network that averages both views, in torch."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> Tensor:
        """Mean logits, (n, 2), of faces (n, channels, size, size)."""
        logits: Tensor = self.network(torch.cat([faces, faces.flip(3)]))
        return logits.view(2, -1, logits.shape[1]).mean(0)


def mirror(model: onnx.ModelProto) -> None:
    """Make the graph of an exported model average both views, in place."""
    graph = model.graph
    faces, logits = graph.input[0].name, graph.output[0].name
    for node in graph.node:
        node.input[:] = [VIEWS if name == faces else name for name in node.input]
        node.output[:] = [VIEW_LOGITS if name == logits else name for name in node.output]
    arrays = {
        **{name: np.array([value]) for name, value in FLIP.items()},
        "pairs": np.array([2, -1, graph.output[0].type.tensor_type.shape.dim[1].dim_value]),
        "first": np.array([0]),
    }
    names = {name: f"mirror_{name}" for name in arrays}
    graph.initializer.extend(
        numpy_helper.from_array(values, names[name]) for name, values in arrays.items()
    )
    # Named, since quantisation leaves out nodes by their names.
    before = [
        helper.make_node("Slice", [faces, *map(names.__getitem__, FLIP)], ["mirrored"], "mirror"),
        helper.make_node("Concat", [faces, "mirrored"], [VIEWS], "join", axis=0),
    ]
    after = [
        helper.make_node("Reshape", [VIEW_LOGITS, names["pairs"]], ["pairs_of_logits"]),
        helper.make_node("ReduceMean", ["pairs_of_logits", names["first"]], [logits], keepdims=0),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]  # the batch of each is twice what it was


def is_mirrored(graph: onnx.GraphProto) -> bool:
    return any(VIEWS in node.output for node in graph.node)
