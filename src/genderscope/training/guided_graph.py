"""Models that explain themselves: an exported graph with its backward pass appended.

The backward pass is written as ONNX nodes, so that ONNX Runtime computes it without torch, for any
number of faces, with a class for each. It needs an exported model, but no torch network.
"""

import json
from collections import defaultdict
from copy import deepcopy

import numpy as np
import onnx
from onnx import helper

from genderscope.core.errors import ModelError
from genderscope.core.types import LABELS
from genderscope.inference.classifier import INT8, METADATA_KEY
from genderscope.training.gradient_rules import RULES, Writer
from genderscope.training.half_precision import widen

METHODS = ("guided", "saliency", "grad-cam")


def with_gradients(model: onnx.ModelProto, method: str = "guided") -> onnx.ModelProto:
    """A copy of a model with a second input and a second output; ``ModelError`` for a quantised
    model or a layer without a gradient rule.

    ``classes``, (n,) int64, is the class to explain for each face, an index into ``LABELS``; -1
    takes the one with the higher calibrated score. ``maps`` is float32: for ``guided`` (n,
    channels, size, size), the gradient of the class's logit with respect to the network's input,
    where each ReLU passes back only positive values (Springenberg et al. 2015, arXiv:1412.6806);
    for ``saliency`` the magnitudes of the plain gradient (Simonyan et al. 2013, arXiv:1312.6034);
    for ``grad-cam`` (n, 1, size, size), the maps that the last convolution reads, weighted by their
    mean gradients and enlarged (Selvaraju et al. 2017, arXiv:1610.02391).
    """
    model = deepcopy(model)
    widen(model)
    model = onnx.shape_inference.infer_shapes(model)
    metadata = json.loads({prop.key: prop.value for prop in model.metadata_props}[METADATA_KEY])
    if metadata.get("quantisation"):
        name = metadata["name"].removesuffix(INT8.removesuffix(".onnx"))
        raise ModelError(f"a quantised model has no gradients: explain {name} instead")
    graph = model.graph
    faces = graph.input[0].name
    write = Writer(graph, guided=method == "guided")
    chosen = _chosen(write, metadata["temperature"] * metadata["bias"])
    if method == "grad-cam":
        target = [node for node in graph.node if node.op_type == "Conv"][-1].input[0]
        gradient = _gradient(write, target, chosen)
        maps = _class_activation(write, target, gradient, faces)
    else:
        maps = _gradient(write, faces, chosen)
    if method == "saliency":
        maps = write.node("Abs", maps)
    write.nodes.append(helper.make_node("Identity", [maps], ["maps"]))
    graph.node.extend(write.nodes)
    graph.initializer.extend(write.initializers)
    _, channels, *sides = write.shapes[faces]
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_param
    shape = [batch, 1 if method == "grad-cam" else channels, *sides]
    graph.input.append(helper.make_tensor_value_info("classes", onnx.TensorProto.INT64, [batch]))
    graph.output.append(helper.make_tensor_value_info("maps", onnx.TensorProto.FLOAT, shape))
    helper.set_model_props(model, {METADATA_KEY: json.dumps({**metadata, "explains": method})})
    onnx.checker.check_model(model, full_check=True)
    return model


def _chosen(write: Writer, bias: float) -> str:
    """The classes, with each -1 replaced by the class of the higher calibrated score."""
    lead = write.node("MatMul", "logits", write.constant([-1.0, 1.0]))
    higher = write.node("Greater", lead, write.constant(-bias))
    higher = write.node("Cast", higher, to=onnx.TensorProto.INT64)
    free = write.node("Less", "classes", write.integers(0))
    return write.node("Where", free, higher, "classes")


def _gradient(write: Writer, target: str, chosen: str) -> str:
    """Walk the graph backwards, from the logits of the chosen classes to ``target``."""
    # Up to the first layer whose gradient depends on the face, all faces of a class share it. It
    # starts as a table of both classes, which ONNX Runtime folds when it loads the file.
    table = write.constant(np.eye(len(LABELS)))
    tables = {table}
    gradients = defaultdict(list, {"logits": [table]})

    def per_face(gradient: str) -> str:
        return write.node("Gather", gradient, chosen) if gradient in tables else gradient

    def summed(parts: list[str]) -> str:
        if len(parts) > 1 and not tables.issuperset(parts):
            parts = [per_face(part) for part in parts]
        total = write.sum(parts)
        if tables.issuperset(parts):
            tables.add(total)
        return total

    for node in reversed(write.forward):
        if node.output[0] == target:
            break
        if node.output[0] not in gradients:
            continue
        if node.op_type not in RULES:
            raise ModelError(f"there is no gradient rule for {node.op_type}")
        gradient = summed(gradients.pop(node.output[0]))
        if node.op_type in ("Relu", "Clip", "MaxPool"):
            gradient = per_face(gradient)
        back = RULES[node.op_type](write, node, gradient)
        if gradient in tables:
            tables.add(back)
        for name in node.input if node.op_type == "Add" else node.input[:1]:
            gradients[name].append(back)
    return per_face(summed(gradients[target]))


def _class_activation(write: Writer, target: str, gradient: str, faces: str) -> str:
    weights = write.node("ReduceMean", gradient, write.integers(2, 3))
    weighted = write.node("Mul", weights, target)
    activation = write.node("Relu", write.node("ReduceSum", weighted, write.integers(1)))
    sides = np.divide(write.shapes[faces][2:], write.shapes[target][2:])
    scales = write.constant([1, 1, *sides])
    return write.node("Resize", activation, "", scales, mode="linear")
