"""Gradient rules: the backward pass of each ONNX layer of our networks, as ONNX nodes.

A rule takes a layer and the name of the gradient at its output, and writes the nodes that compute
the gradient at its first input. The nodes are chosen for ONNX Runtime's speed on a CPU: the whole
backward pass costs about twice the forward pass.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from genderscope.core.errors import ModelError


class Writer:
    """Writes the nodes of a backward pass. ``weights`` and ``shapes`` are those of the forward
    graph by name, the batch size unknown; if ``guided``, ReLUs pass back only positive gradients.
    """

    def __init__(self, graph: onnx.GraphProto, guided: bool) -> None:
        self.forward = list(graph.node)
        self.guided = guided
        self.weights = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
        self.shapes = {
            value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
            for value in (*graph.input, *graph.value_info, *graph.output)
        }
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Write a node; its output's name."""
        name = f"reverse_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        name = f"reverse_constant_{len(self.initializers)}"
        array = np.ascontiguousarray(values, dtype)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def sum(self, values: Sequence[str]) -> str:
        return reduce(partial(self.node, "Add"), values)

    def attributes(self, node: onnx.NodeProto) -> dict[str, Any]:  # of any ONNX type
        return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def _same(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    return gradient


def _reshape(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    return write.node("Reshape", gradient, write.integers(-1, *write.shapes[node.input[0]][1:]))


def _mean(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    axes = write.attributes(node).get("axes")
    axes = write.weights[node.input[1]].tolist() if axes is None else axes
    if sorted(axis % 4 for axis in axes) != [2, 3]:
        raise ModelError(f"the gradient rule of means is for whole maps, not for the axes {axes}")
    return _pooled_mean(write, node, gradient)


def _pooled_mean(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    _, channels, height, width = write.shapes[node.input[0]]
    means = write.node("Reshape", gradient, write.integers(-1, channels, 1, 1))
    shared = write.node("Mul", means, write.constant(1 / (height * width)))
    return write.node("Expand", shared, write.integers(1, 1, height, width))


def _relu(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    if write.guided:
        # Zero where the ReLU was zero, else larger than any gradient: cheaper than a mask.
        limit = write.node("Mul", node.output[0], write.constant(np.finfo(np.float32).max))
        return write.node("Min", write.node("Relu", gradient), limit)
    active = write.node("Greater", node.output[0], write.constant(0))
    active = write.node("Cast", active, to=onnx.TensorProto.FLOAT)
    return write.node("Mul", gradient, active)


def _clip(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    low, high = (float(write.weights[name]) for name in node.input[1:3])
    if low != 0:
        raise ModelError(f"the gradient rule of Clip is for a lower bound of 0, not {low}")
    limits = [
        write.node("Greater", node.output[0], write.constant(low)),
        write.node("Less", node.output[0], write.constant(high)),
    ]
    inside = write.node("Cast", write.node("And", *limits), to=onnx.TensorProto.FLOAT)
    return write.node("Mul", write.node("Relu", gradient) if write.guided else gradient, inside)


def _padding(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    pads = write.weights[node.input[1]]
    return write.node("Pad", gradient, write.integers(*(-pads).tolist()))


def _normalisation(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    scale, variance = (write.weights[node.input[index]] for index in (1, 4))
    slope = scale / np.sqrt(variance + write.attributes(node).get("epsilon", 1e-5))
    return write.node("Mul", gradient, write.constant(slope[:, None, None]))


def _convolution(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    given = write.attributes(node)
    strides, pads, dilations = (given[name] for name in ("strides", "pads", "dilations"))
    group, kernel = given["group"], given["kernel_shape"]
    reach = [step * (side - 1) for step, side in zip(dilations, kernel, strict=True)]
    same = {"group": group, "kernel_shape": kernel, "dilations": dilations}
    if strides == [1, 1]:
        # Several times as fast as ConvTranspose: a convolution with rotated kernels.
        left = [side - pad for side, pad in zip(reach * 2, pads, strict=True)]
        kernels = _rotated(write, node.input[1], group)
        return write.node("Conv", gradient, kernels, pads=left, **same)
    before, after = (write.shapes[name][2:] for name in (node.input[0], node.output[0]))
    # The last rows and columns, which no window reached.
    unread = [
        before[axis] + pads[axis] + pads[axis + 2] - reach[axis] - 1
        - strides[axis] * (after[axis] - 1)
        for axis in (0, 1)
    ]  # fmt: skip
    same |= {"strides": strides, "pads": pads, "output_padding": unread}
    return write.node("ConvTranspose", gradient, node.input[1], **same)


def _rotated(write: Writer, name: str, group: int) -> str:
    """Kernels with inputs and outputs exchanged, rotated by 180 degrees. ONNX Runtime folds
    this when it loads the file, which holds each weight only once.
    """
    outputs, inputs, *kernel = write.weights[name].shape
    split = write.integers(group, outputs // group, inputs, *kernel)
    rotated = write.node("Transpose", write.node("Reshape", name, split), perm=(0, 2, 1, 3, 4))
    joined = write.integers(group * inputs, outputs // group, *kernel)
    rotated = write.node("Reshape", rotated, joined)
    ends = ((-1, -1), (-kernel[0] - 1, -kernel[1] - 1), (2, 3), (-1, -1))
    return write.node("Slice", rotated, *(write.integers(*values) for values in ends))


def _dense(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    weight = node.input[1]
    if not write.attributes(node).get("transB"):
        weight = write.node("Transpose", weight, perm=(1, 0))
    return write.node("MatMul", gradient, weight)


def _max_pooling(write: Writer, node: onnx.NodeProto, gradient: str) -> str:
    """Each window's gradient goes to its first maximum, as in torch; those of overlapping windows
    add up. ONNX Runtime's own indices of maxima would cost more than everything else.
    """
    given = write.attributes(node)
    _, channels, height, width = write.shapes[node.input[0]]
    rows, columns = write.shapes[node.output[0]][2:]
    kernel, strides, pads = (given[name] for name in ("kernel_shape", "strides", "pads"))
    if set(given.get("dilations", [1])) != {1} or any(
        side % stride or stride > window
        for side, stride, window in zip((height, width), strides, kernel, strict=True)
    ):
        raise ModelError(
            "the gradient rule of MaxPool is for pooling without dilation, whose stride divides "
            f"the map and whose windows leave nothing out, not {given} of {height} x {width}"
        )
    # Along one axis and then the other; with the channels last, slices are contiguous in memory.
    across = _Windows(write, 2, width, columns, kernel[1], strides[1], pads[1])
    down = _Windows(write, 1, height, rows, kernel[0], strides[0], pads[0])
    maps = write.node("Transpose", node.input[0], perm=(0, 2, 3, 1))
    back = write.node("Transpose", gradient, perm=(0, 2, 3, 1))
    wide = across.positions(maps)
    widest = write.node("Max", *wide)
    high = down.positions(widest)
    back = down.back(back, high, write.node("Max", *high))
    back = write.node("Reshape", back, write.integers(-1, height, columns, channels))
    back = across.back(back, wide, widest)
    back = write.node("Reshape", back, write.integers(-1, height, width, channels))
    return write.node("Transpose", back, perm=(0, 3, 1, 2))


@dataclass(frozen=True, slots=True)
class _Windows:
    """The windows of a pooling along one axis."""

    write: Writer
    axis: int
    side: int
    count: int
    kernel: int
    stride: int
    pad: int

    def positions(self, maps: str) -> list[str]:
        """The values at each position of a window, for all windows at once."""
        phases = [
            self.write.node(
                "Slice", maps, *map(self.write.integers, (phase, self.side, self.axis, self.stride))
            )
            for phase in range(self.stride)
        ]
        return [
            self._shifted(phases[phase], begin, end, -np.inf)
            for phase, begin, end in map(self._source, range(self.kernel))
        ]

    def back(self, gradient: str, positions: Sequence[str], maxima: str) -> str:
        """The gradient of the maxima, passed to the first position that equals each."""
        phases: list[list[str]] = [[] for _ in range(self.stride)]
        for number, values in enumerate(positions):
            share = gradient
            if number < len(positions) - 1:
                hit = self.write.node("Equal", values, maxima)
                hit = self.write.node("Cast", hit, to=onnx.TensorProto.FLOAT)
                share = self.write.node("Mul", gradient, hit)
                gradient = self.write.node("Sub", gradient, share)
            phase, begin, end = self._source(number)
            phases[phase].append(self._shifted(share, -begin, -end, 0))
        # Phases concatenated along the next axis: reshaped, they are in the order of the map.
        return self.write.node("Concat", *map(self.write.sum, phases), axis=self.axis + 1)

    def _source(self, position: int) -> tuple[int, int, int]:
        """A position's phase of the map and its padding at either end, negative to crop."""
        shift, phase = divmod(position - self.pad, self.stride)
        return phase, -shift, self.count - self.side // self.stride + shift

    def _shifted(self, maps: str, begin: int, end: int, value: float) -> str:
        if begin == end == 0:
            return maps
        pads = [0] * 8
        pads[self.axis], pads[self.axis + 4] = begin, end
        return self.write.node("Pad", maps, self.write.integers(*pads), self.write.constant(value))


RULES: dict[str, Callable[[Writer, onnx.NodeProto, str], str]] = {
    "Add": _same,
    "BatchNormalization": _normalisation,
    "Cast": _same,
    "Clip": _clip,
    "Conv": _convolution,
    "Flatten": _reshape,
    "Gemm": _dense,
    "GlobalAveragePool": _pooled_mean,
    "Identity": _same,
    "MaxPool": _max_pooling,
    "ReduceMean": _mean,
    "Pad": _padding,
    "Relu": _relu,
    "Reshape": _reshape,
}
