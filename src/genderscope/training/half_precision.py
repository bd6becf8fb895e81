"""Weights stored in 16 bits, widened once by ONNX Runtime when it opens the file."""

from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.external_data_helper import set_external_data

SUFFIX = "_float16"
LEAST_SIZE = 256  # smaller arrays are not worth a node


def halve(model: onnx.ModelProto) -> None:
    """Store the large float arrays of a model as float16 behind a cast, in place."""
    graph, casts = model.graph, []
    for array in graph.initializer:
        values = numpy_helper.to_array(array)
        if values.dtype == np.float32 and values.size >= LEAST_SIZE:
            name, stored = array.name, array.name + SUFFIX
            array.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
            casts.append(helper.make_node("Cast", [stored], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def widen(model: onnx.ModelProto) -> None:
    """Undo ``halve`` in place, except for rounding, for tools that read weights."""
    graph = model.graph
    for array in graph.initializer:
        if array.name.endswith(SUFFIX):
            values = numpy_helper.to_array(array).astype(np.float32)
            array.CopyFrom(numpy_helper.from_array(values, array.name.removesuffix(SUFFIX)))
    nodes = [node for node in graph.node if not node.input or not node.input[0].endswith(SUFFIX)]
    del graph.node[:]
    graph.node.extend(nodes)


def share(model: onnx.ModelProto, file: Path, name: str) -> None:
    """Make a model read its weights from another file in the same folder, in place: arrays whose
    bytes it holds, by their offset in ``file``, which is opened as ``name``.
    """
    content = file.read_bytes()
    for array in model.graph.initializer:
        data = numpy_helper.to_array(array).tobytes()
        offset = content.find(data) if len(data) >= LEAST_SIZE else -1
        if offset >= 0:
            set_external_data(array, name, offset, len(data))
            array.ClearField("raw_data")
