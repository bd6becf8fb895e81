"""What a model file says of itself: files that are broken, hostile or not ours are one error."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from console import COMMAND
from genderscope.core.errors import ModelError, ModelWarning
from genderscope.core.types import LABELS
from genderscope.imaging.decode import PORTRAIT
from genderscope.imaging.preprocess import PRESETS
from genderscope.inference.classifier import WEIGHTS, Classifier, quantised, shipped
from genderscope.inference.explainer import Explainer
from genderscope.inference.metadata import METADATA_KEY

onnx = pytest.importorskip("onnx", reason="needs the extra [lab]")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

SIZE = 16
METADATA: dict[str, Any] = {
    "name": "tiny",
    "labels": list(LABELS),
    "spec": asdict(PRESETS["aligned"]) | {"size": SIZE},
    "temperature": 0.8,
    "bias": 0.1,
    "abstention": {"min_confidence": 0.6},
    "parameters": 3,
    "multiply_adds": 4,
}
# Open each file in one process; print the message or the name, and the largest memory in kB.
OPEN = """
import re, sys, time, warnings
from pathlib import Path
from genderscope.core.errors import ModelError
from genderscope.inference.classifier import Classifier
warnings.simplefilter("ignore")
for file in sys.argv[1:]:
    began = time.process_time()
    try:
        print("name", Classifier.open(Path(file), 1).name, end=" ")
    except ModelError as error:
        print("error", " ".join(str(error).split())[:60], end=" ")
    print(f"{time.process_time() - began:.2f}", file=sys.stderr)
    print()
print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
"""

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")


def network(*nodes: Any, arrays: dict[str, np.ndarray] | None = None, columns: int = 2) -> Any:
    """A graph from ``faces`` to ``logits``: by default the crop's mean and what is over it."""
    nodes = nodes or (
        helper.make_node("GlobalAveragePool", ["faces"], ["mean"]),
        helper.make_node("GlobalMaxPool", ["faces"], ["top"]),
        helper.make_node("Concat", ["mean", "top"], ["both"], axis=1),
        helper.make_node("Flatten", ["both"], ["logits"]),
    )
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info("faces", 1, ["n", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", 1, ["n", columns])],
        [numpy_helper.from_array(array, name) for name, array in (arrays or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def saved(file: Path, model: Any, metadata: str | dict[str, Any] = METADATA) -> Path:
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    helper.set_model_props(model, {METADATA_KEY: text})
    file.write_bytes(model.SerializeToString())
    return file


def changed(**values: Any) -> dict[str, Any]:
    return METADATA | values


def spec(**values: Any) -> dict[str, Any]:
    return changed(spec=METADATA["spec"] | values)


def threshold(value: object) -> dict[str, Any]:
    return changed(abstention={"min_confidence": value})


def multiplied(factor: float) -> Any:
    return network(
        helper.make_node("GlobalAveragePool", ["faces"], ["mean"]),
        helper.make_node("Concat", ["mean", "mean"], ["both"], axis=1),
        helper.make_node("Flatten", ["both"], ["flat"]),
        helper.make_node("Mul", ["flat", "factor"], ["logits"]),
        arrays={"factor": np.array([factor], np.float32)},
    )


def columns(number: int) -> Any:
    return network(
        helper.make_node("GlobalAveragePool", ["faces"], ["mean"]),
        helper.make_node("Concat", ["mean"] * number, ["all"], axis=1),
        helper.make_node("Flatten", ["all"], ["logits"]),
        columns=number,
    )


def one_row() -> Any:
    return network(
        helper.make_node("ReduceMean", ["faces"], ["mean"], axes=[0, 2, 3], keepdims=0),
        helper.make_node("Concat", ["mean", "mean"], ["both"], axis=0),
        helper.make_node("Unsqueeze", ["both", "axis"], ["logits"]),
        arrays={"axis": np.array([0])},
    )


def expanded(sides: list[int]) -> Any:
    """A tensor of many gigabytes on the way to the logits."""
    return network(
        helper.make_node("ConstantOfShape", ["sides"], ["huge"]),
        helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        helper.make_node("GlobalAveragePool", ["faces"], ["mean"]),
        helper.make_node("Concat", ["mean", "mean"], ["both"], axis=1),
        helper.make_node("Flatten", ["both"], ["flat"]),
        helper.make_node("Add", ["flat", "sum"], ["logits"]),
        arrays={"sides": np.array(sides)},
    )


def promised(sides: list[int]) -> Any:
    """An array that says it is huge and holds nothing."""
    model = multiplied(1)
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend(sides)
    return model


def sparse() -> Any:
    model = multiplied(1)
    del model.graph.initializer[:]
    values = helper.make_tensor("factor", 1, [1], [1.0])
    place = helper.make_tensor("place", 7, [1], [0])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, place, [10**9]))
    return model


def loop(rounds: int) -> Any:
    value = partial(helper.make_tensor_value_info, shape=[])
    body = helper.make_graph(
        [helper.make_node("Identity", [name], [f"{name} after"]) for name in ("more", "value")],
        "body",
        [value("round", 7), value("more", 9), value("value", 1)],
        [value("more after", 9), value("value after", 1)],
    )
    model = multiplied(1)
    [factor] = model.graph.initializer
    factor.name = "start"
    node = helper.make_node("Loop", ["rounds", "", "start"], ["factor"], body=body)
    model.graph.node.insert(0, node)
    model.graph.initializer.append(numpy_helper.from_array(np.array(rounds), "rounds"))
    return model


def slow() -> Any:
    """One node of little memory that takes hours: each output is the largest of all inputs."""
    return network(
        helper.make_node("Resize", ["faces", "", "", "sides"], ["large"]),
        helper.make_node("MaxPool", ["large"], ["top"], kernel_shape=[1999] * 2, pads=[999] * 4),
        helper.make_node("GlobalAveragePool", ["top"], ["mean"]),
        helper.make_node("Concat", ["mean", "mean"], ["both"], axis=1),
        helper.make_node("Flatten", ["both"], ["logits"]),
        arrays={"sides": np.array([2, 1, 2000, 2000])},
    )


def deep(levels: int) -> str:
    return json.dumps(METADATA)[:-1] + ', "more": ' + "[" * levels + "]" * levels + "}"


METADATA_FAULTS: dict[str, tuple[str | dict[str, Any], str]] = {
    "no JSON": ("{", "not valid"),
    "a list": ("[]", "not valid"),
    "deep": (deep(200_000), "not valid"),
    "deep spec": (json.dumps(spec(size=0)).replace(" 0", "[" * 9**5), "not valid"),
    **{
        f"without {key}": ({k: v for k, v in METADATA.items() if k != key}, f"field `{key}`")
        for key in METADATA
    },
    "swapped labels": (changed(labels=["man", "woman"]), "has the labels man, woman"),
    "three labels": (changed(labels=[*LABELS, "other"]), "has the labels"),
    "labels as text": (changed(labels="woman, man"), "not valid"),
    "no temperature": (changed(temperature=0), "temperature"),
    "cold": (changed(temperature=-0.5), "temperature"),
    "NaN temperature": (changed(temperature=float("nan")), "not valid"),
    "endless temperature": (changed(temperature=float("inf")), "not valid"),
    "huge temperature": (json.dumps(METADATA).replace("0.8", "1e999"), "temperature"),
    "temperature as text": (changed(temperature="0.8"), "temperature"),
    "temperature as truth": (changed(temperature=True), "temperature"),
    "NaN bias": (changed(bias=float("nan")), "not valid"),
    "no bias": (changed(bias=None), "bias"),
    "high threshold": (threshold(1.01), "min_confidence"),
    "low threshold": (threshold(-0.01), "min_confidence"),
    "threshold as text": (threshold("0.6"), "min_confidence"),
    "abstention as list": (changed(abstention=[0.6]), "abstention"),
    "small": (spec(size=7), "8 to 512"),
    "large": (spec(size=513), "8 to 512"),
    "giant": (spec(size=10**9), "8 to 512"),
    "astronomic": (spec(size=10**40), "not valid"),
    "half a pixel": (spec(size=16.5), "size"),
    "size as text": (spec(size="16"), "size"),
    "size as truth": (spec(size=True), "size"),
    "unknown key": (spec(sharpen=1), "does not know sharpen"),
    "unknown choice": (spec(colour="sepia"), "colour"),
    "margin": (spec(margin_ratio=1e9), "margin_ratio"),
    "spec as list": (changed(spec=[1]), "spec"),
    "another size": (spec(size=SIZE * 2), "cannot be run"),
    "another dtype": (spec(dtype="float16"), "cannot be run"),
    "colours": (spec(colour="bgr"), "cannot be run"),
}
NETWORK_FAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "NaN logits": (lambda: multiplied(float("nan")), "not finite"),
    "endless logits": (lambda: multiplied(float("inf")), "not finite"),
    "one column": (lambda: columns(1), r"shape \(2, 1\)"),
    "three columns": (lambda: columns(3), r"shape \(2, 3\)"),
    "one row for all": (one_row, r"shape \(1, 2\)"),
    "a huge tensor": (lambda: expanded([10**9]), "cannot be run"),
    "a tensor past memory": (lambda: expanded([10**6, 10**6, 10**6]), "cannot be run"),
    "a promised array": (lambda: promised([10**9]), "cannot be opened"),
    "a promise past memory": (lambda: promised([2**31, 2**31, 4]), "cannot be opened"),
    "a sparse array": (sparse, "tiny.onnx"),
    "a loop": (lambda: loop(2**62), "has a Loop"),
}


@pytest.mark.parametrize("name", [*shipped(), *quantised()])
def test_the_metadata_of_shipped_models_survive(name: str) -> None:
    """Nothing that the export wrote is lost or changed by reading it."""
    [kept] = onnx.load(WEIGHTS / f"{name}.onnx", load_external_data=False).metadata_props
    written = json.loads(kept.value)
    read = json.loads(json.dumps(Classifier.load(name).metadata.plain()))
    assert read == {key: value for key, value in written.items() if value is not None}


def test_a_sound_file_opens(tmp_path: Path) -> None:
    more = {"parity": 1e-4, "written_by_a_later_version": {"a": [1]}}
    model = Classifier.open(saved(tmp_path / "tiny.onnx", network(), METADATA | more))
    assert (model.name, model.temperature, model.bias) == ("tiny", 0.8, 0.1)
    assert (model.spec.size, model.min_confidence, model.metadata.parity) == (SIZE, 0.6, 1e-4)
    assert model.metadata.training is None
    assert model(np.zeros((3, SIZE, SIZE), np.uint8)).shape == (3, 2)


@pytest.mark.parametrize("fault", METADATA_FAULTS)
def test_faulty_metadata_are_one_error(fault: str, tmp_path: Path) -> None:
    metadata, says = METADATA_FAULTS[fault]
    file = saved(tmp_path / "tiny.onnx", network(), metadata)
    for kind in (Classifier, Explainer):
        with pytest.raises(ModelError, match=says):
            kind.open(file)


@pytest.mark.parametrize("fault", NETWORK_FAULTS)
def test_faulty_networks_are_one_error(fault: str, tmp_path: Path) -> None:
    make, says = NETWORK_FAULTS[fault]
    with pytest.raises(ModelError, match=says):
        Classifier.open(saved(tmp_path / "tiny.onnx", make()))


def test_a_constant_output_is_one_line(tmp_path: Path) -> None:
    file = saved(tmp_path / "tiny.onnx", multiplied(0))
    with pytest.warns(ModelWarning, match="gives the same scores for different faces"):
        Classifier.open(file)
    command = [*COMMAND, "classify", "--detector", "haar", "--model", file, PORTRAIT]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning")]
    assert warnings == [
        f"warning: {file} gives the same scores for different faces; export it again"
    ]
    assert "Traceback" not in done.stderr


def test_a_network_that_takes_too_long_is_one_line(tmp_path: Path) -> None:
    file = saved(tmp_path / "tiny.onnx", slow())
    command = [*COMMAND, "classify", "--detector", "haar", "--model", file, PORTRAIT]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"genderscope: {file} takes more than 5 s for 2 faces\n"


@needs_proc
def test_faults_take_little_time_and_memory(tmp_path: Path) -> None:
    files = [
        saved(tmp_path / f"network {number}.onnx", make())
        for number, (make, _) in enumerate(NETWORK_FAULTS.values())
    ]
    files += [
        saved(tmp_path / f"metadata {number}.onnx", network(), metadata)
        for number, (metadata, _) in enumerate(METADATA_FAULTS.values())
    ]
    _opened_in_bounds(files, errors=len(files))


@needs_proc
def test_flipped_bytes_are_an_error_or_a_model(tmp_path: Path) -> None:
    original = (WEIGHTS / "mini_xception.onnx").read_bytes()
    small = saved(tmp_path / "tiny.onnx", multiplied(2)).read_bytes()
    draw = np.random.default_rng(0)
    files = []
    for number in range(120):
        data = bytearray(small if number % 2 else original)
        # The ends of a large file hold its graph and metadata; the middle is weights.
        near = int(draw.integers(min(len(data), 6000)))
        for place in (near, len(data) - 1 - near)[: 1 + number % 3]:
            data[place] ^= int(draw.integers(1, 256))
        files.append(tmp_path / f"{number}.onnx")
        files[-1].write_bytes(data)
    _opened_in_bounds(files)


def _opened_in_bounds(files: list[Path], errors: int | None = None) -> None:
    """Each file is an error or a model, within a second of one core and 300 MB in all."""
    process = subprocess.run(
        [sys.executable, "-c", OPEN, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    *lines, memory_kb = process.stdout.splitlines()
    assert len(lines) == len(files)
    assert int(memory_kb) < 300_000
    assert max(map(float, process.stderr.split())) < 1
    if errors is not None:
        assert sum(line.startswith("error") for line in lines) == errors
