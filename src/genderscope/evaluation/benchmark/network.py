"""A network's time by operator, from ONNX Runtime's profiler.

Operations and bytes are counted from the shapes of the optimised graph, after fusion and padding.
"""

import json
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from msgspec.structs import replace

from genderscope.core.types import Floats
from genderscope.evaluation.benchmark.results import NetworkProfile, Operator

CONVOLUTIONS = ("Conv", "FusedConv", "QLinearConv", "ConvInteger")
PRODUCTS = ("Gemm", "FusedGemm", "QGemm", "MatMul", "FusedMatMul", "MatMulInteger")
DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
LEAST_RUNS = 5


def inputs(opened: onnxruntime.InferenceSession, faces: int) -> dict[str, npt.NDArray[Any]]:
    """Random input of a network's shape; times do not depend on the values."""
    [tensor] = opened.get_inputs()
    shape = (faces, *tensor.shape[1:])
    values = np.random.default_rng(0).standard_normal(shape, np.float32)
    return {tensor.name: values.astype(DTYPES[tensor.type])}


def multiply_adds(file: Path) -> int:
    """Multiply-adds of a network for one face, from the shapes in its file."""
    return sum(operator.multiply_adds for operator in _run(file, 1, 1, fused=False)[0])


def profile(file: Path, faces: int, runs: int) -> NetworkProfile:
    """Time, multiply-adds and bytes of each operator, for one face of a batch of ``faces``.

    Times are interquartile means over the runs and include the profiler's overhead. Bytes are those
    of an operator's inputs, weights and outputs, each counted once per batch.
    """
    batch, times = _run(file, faces, max(runs, LEAST_RUNS))
    quarter = len(times) // 4
    means = np.sort(times, axis=0)[quarter : -quarter or None].mean(axis=0)
    operators = tuple(
        replace(
            operator,
            microseconds=time,
            multiply_adds=operator.multiply_adds // faces,
            bytes=operator.bytes / faces,
        )
        for operator, time in zip(batch, (means / faces).tolist(), strict=True)
    )
    microseconds = sum(operator.microseconds for operator in operators)
    count = sum(operator.multiply_adds for operator in operators)
    moved = sum(operator.bytes for operator in operators)
    return NetworkProfile(
        faces=faces,
        microseconds=microseconds,
        multiply_adds=count,
        bytes=moved,
        gflops=2e-3 * count / microseconds,
        gbytes_per_s=1e-3 * moved / microseconds,
        operators=operators,
    )


def _run(file: Path, faces: int, runs: int, fused: bool = True) -> tuple[list[Operator], Floats]:
    """The operators of a network, ``fused`` or not, and (runs, operators) microseconds."""
    with TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_profiling = True
        options.profile_file_prefix = f"{folder}/profile"
        if not fused:
            levels = onnxruntime.GraphOptimizationLevel
            options.graph_optimization_level = levels.ORT_DISABLE_ALL
            # The profile has no shape for prepacked integer weights.
            options.add_session_config_entry("session.disable_prepacking", "1")
        opened = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        feed = inputs(opened, faces)
        for _ in range(runs):
            opened.run(None, feed)
        events = json.loads(Path(opened.end_profiling()).read_text())
    kernels = [event for event in events if event["name"].endswith("_kernel_time")]
    count = len(kernels) // runs
    times = np.array([event["dur"] for event in kernels], np.float64).reshape(runs, count)
    return [_operator(event["args"]) for event in kernels[:count]], times


def _operator(facts: dict[str, Any]) -> Operator:  # as in ONNX Runtime's profile
    """An operator without its time, from one profiled run."""
    inputs, outputs = (
        [shape for value in facts[f"{side}_type_shape"] for shape in value.values()]
        for side in ("input", "output")
    )
    kind, output = facts["op_name"], outputs[0]
    count = 0
    if kind in CONVOLUTIONS:  # the second input that is not a vector: the first is the map
        weights = [shape for shape in inputs if len(shape) > 1][1:]
        count = prod(output) * prod(weights[0][1:]) if weights else 0
    elif kind in PRODUCTS:
        count = prod(output) * inputs[0][-1]
    sizes = ("activation_size", "parameter_size", "output_size")
    return Operator(
        operator=kind,
        output=tuple(output[1:]),
        multiply_adds=count,
        bytes=sum(int(facts[size]) for size in sizes),
        microseconds=0.0,
    )
