"""A model in eight-bit integers, for processors that multiply them faster than floats (VNNI).

Weights for each output map, activations for each layer (Jacob et al. 2018, arXiv:1712.05877). The
first convolution stays in floats: of one map or three, integers would make it slower. Knows nothing
of training.
"""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from genderscope.core.errors import ModelError, UsageError
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation.metrics import paired
from genderscope.imaging.preprocess import to_input
from genderscope.inference.classifier import INT8, METADATA_KEY, Classifier, calibrated
from genderscope.training.batches import split
from genderscope.training.export import calibrate

CALIBRATION_FACES = 256
BATCH = 64
METHODS = ("MinMax", "Percentile")
"""How the range of a layer's activations is found, by ONNX Runtime's names."""
LARGEST_LOSS = 0.003
"""Of the accuracy on held-out faces; a model that surely loses more is not kept."""


def quantise(model: Path, crops: Crops) -> Path:
    """Write ``<model>.int8.onnx`` beside an exported model.

    Ranges are found on training faces in each of the ways of ``METHODS``. The one whose logits on
    the held-out part are nearest to the model's is kept, and the confidence is fitted anew there.

    Args:
        crops: what the model was trained on.

    Raises:
        UsageError: it was trained on other crops, or is in integers already.
        ModelError: it cannot be opened, or loses more accuracy than ``LARGEST_LOSS``.
    """
    original = Classifier.load(model)
    metadata = original.metadata.plain()
    if original.metadata.quantisation:
        raise UsageError(f"{model} is in integers already: name the model that it was made from")
    data, training = original.metadata.data, original.metadata.training
    if data is None or training is None or data.fingerprint != crops.manifest.fingerprint:
        raise UsageError(f"{model} was not trained on the crops in {crops.folder}")
    settings = training.settings
    seen_part, held = split(crops, settings["validation_ratio"], settings["seed"])
    draw = np.random.default_rng(settings["seed"])
    seen = crops.exact(draw.permutation(seen_part)[:CALIBRATION_FACES])
    faces, truth = crops.exact(held), crops.labels[held].astype(np.int64)
    expected = original.logits(faces)
    metadata.pop("parity", None)  # with torch: these logits are not to be the same
    with TemporaryDirectory(dir=model.parent) as folder:
        said = {}
        for method in METHODS:
            part = Path(folder) / method
            _write(model, part, to_input(seen, crops.spec), method)
            _describe(part, metadata)
            said[method] = Classifier.open(part).logits(faces)
        away = {
            method: float(np.sqrt(((logits - expected) ** 2).mean()))
            for method, logits in said.items()
        }
        best = min(away, key=away.__getitem__)
        fitted = calibrate(said[best], truth)
        answers = calibrated(said[best], fitted["temperature"], fitted["bias"]).argmax(1)
        before = calibrated(expected, original.temperature, original.bias).argmax(1)
        difference = paired.difference(answers == truth, before == truth)
        value, interval = difference.value or 0.0, difference.interval or (0.0, 0.0)
        if interval[1] < -LARGEST_LOSS:
            raise ModelError(
                f"in integers, {model} loses {-value:.1%} of accuracy on "
                f"{difference.n:,} held-out faces, where {LARGEST_LOSS:.1%} may be lost"
            )
        changed = {
            "name": original.name + INT8.removesuffix(".onnx"),
            "metrics": {"validation": {"accuracy": float((answers == truth).mean())}},
            "quantisation": {
                "weights": "int8, a scale for each output map",
                "activations": "uint8, a scale for each layer",
                "ranges": best,
                "faces": len(seen),
                "logits_away_rms": away,
                "accuracy_difference": {
                    "difference": value,
                    "interval": interval,
                    "n": difference.n,
                },
                "same_answers": paired.agreement(before, answers).share.value,
            },
        }
        part = Path(folder) / best
        _describe(part, metadata | fitted | changed)
        return part.replace(model.with_suffix(INT8))


def _write(model: Path, file: Path, inputs: npt.NDArray[Any], method: str) -> None:
    """Quantise a model by the ranges of its activations on some inputs."""
    graph = onnx.load(model).graph
    first = next(node.name for node in graph.node if node.op_type == "Conv")
    with redirect_stdout(StringIO()):  # it says on the screen what it does
        shaped = file.with_suffix(".shaped")
        quant_pre_process(model, shaped, skip_optimization=True, skip_symbolic_shape=True)
        quantization.quantize_static(
            shaped,
            file,
            _Batches(graph.input[0].name, inputs),
            quant_format=quantization.QuantFormat.QOperator,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=[first],
            calibrate_method=quantization.CalibrationMethod[method],
        )


class _Batches(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Inputs as ONNX Runtime's calibration takes them."""

    def __init__(self, name: str, inputs: npt.NDArray[Any]) -> None:
        parts = (inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH))
        self._feeds = ({name: part} for part in parts)

    def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
        return next(self._feeds, None)


def _describe(file: Path, metadata: dict[str, Any]) -> None:
    """Give a model file its metadata in place of what it has."""
    model = onnx.load(file)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(metadata)})
    onnx.save(model, file)
