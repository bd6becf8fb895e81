"""A model in 8-bit integers, for processors that multiply them faster than floats (VNNI).

Weights have one scale for each output map, activations one for each layer (Jacob et al. 2018,
arXiv:1712.05877). The first convolution and any node before it stay in floats: for one or three
maps, integers are slower.
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
from msgspec import to_builtins
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process

from genderscope.core.errors import ModelError, UsageError
from genderscope.data.prepare.crops import Crops
from genderscope.evaluation.metrics import paired
from genderscope.imaging.preprocess import to_input
from genderscope.inference.classifier import INT8, METADATA_KEY, Classifier
from genderscope.inference.metadata import Difference, Quantisation
from genderscope.training.batches import split
from genderscope.training.calibration import calibrate, cut_of_crops, views
from genderscope.training.half_precision import widen

CALIBRATION_FACES = 256
BATCH = 64
METHODS = ("MinMax", "Percentile")
"""How the range of a layer's activations is estimated, by ONNX Runtime's names."""
LARGEST_LOSS = 0.003  # of validation accuracy; refused if the whole interval is worse


def quantise(model: Path, crops: Crops) -> Path:
    """Write ``<model>.int8.onnx`` beside an exported model. Ranges are estimated on training faces
    by each of ``METHODS``; the result with the nearest validation logits is kept and calibrated.

    Raises ``UsageError`` if the model was trained on other ``crops`` or is quantised already,
    ``ModelError`` if it cannot be opened or loses more accuracy than ``LARGEST_LOSS``.
    """
    original = Classifier.load(model)
    metadata = original.metadata.plain()
    data, training = original.metadata.data, original.metadata.training
    if original.metadata.quantisation:
        raise UsageError(f"{model} is quantised already: name the model that it was made from")
    if data is None or training is None or data.fingerprint != crops.manifest.fingerprint:
        raise UsageError(f"{model} was not trained on the crops in {crops.folder}")
    settings = training.settings
    train_part, held_out = split(crops, settings["validation_ratio"], settings["seed"])
    draw = np.random.default_rng(settings["seed"])
    drawn = draw.permutation(train_part)[:CALIBRATION_FACES]
    if len(drawn) > BATCH:  # ONNX Runtime's calibration takes batches of one size only
        drawn = drawn[: len(drawn) - len(drawn) % BATCH]
    samples = crops.exact(drawn)
    faces, labels = crops.exact(held_out), crops.labels[held_out].astype(np.int64)
    expected = original.first_look(faces)
    look, turn_deg = original.metadata.second_look, original.metadata.second_look_deg
    metadata.pop("parity", None)  # of the original with torch
    with TemporaryDirectory(dir=model.parent) as folder:
        classifiers, looks = {}, {}
        for method in METHODS:
            part = Path(folder) / method
            _write(model, part, to_input(samples, crops.spec), method)
            _describe(part, metadata)
            classifiers[method] = Classifier.open(part)
            looks[method] = views(classifiers[method].first_look, crops, held_out, turn_deg)
        rms = {
            name: float(np.sqrt(((own.faces - expected) ** 2).mean()))
            for name, own in looks.items()
        }
        best = min(rms, key=rms.__getitem__)
        cut = None
        if settings.get("worst_group_bias"):
            score = classifiers[best].first_look
            cut = cut_of_crops(crops, lambda rows: views(score, crops, rows, turn_deg), look)
        calibration = calibrate(looks[best], labels, cut, look)
        part = Path(folder) / best
        _describe(part, metadata | to_builtins(calibration))
        predictions, before = (
            model(faces).argmax(1) for model in (Classifier.open(part), original)
        )
        difference = paired.difference(predictions == labels, before == labels)
        value, interval = difference.value or 0.0, difference.interval or (0.0, 0.0)
        if interval[1] < -LARGEST_LOSS:
            raise ModelError(
                f"quantised, {model} loses {-value:.1%} of accuracy on {difference.n:,} "
                f"validation faces, more than the allowed {LARGEST_LOSS:.1%}"
            )
        changes = {
            "name": original.name + INT8.removesuffix(".onnx"),
            "metrics": {"validation": {"accuracy": float((predictions == labels).mean())}},
            "quantisation": Quantisation(
                weights="int8, a scale for each output map",
                activations="uint8, a scale for each layer",
                ranges=best,
                faces=len(samples),
                logits_away_rms=rms,
                accuracy_difference=Difference(difference=value, interval=interval, n=difference.n),
                same_answers=paired.agreement(before, predictions).share.value or 0.0,
            ),
        }
        _describe(part, metadata | to_builtins(calibration) | to_builtins(changes))
        return part.replace(model.with_suffix(INT8))


def _write(model: Path, file: Path, inputs: npt.NDArray[Any], method: str) -> None:
    """Quantise a model with the ranges of its activations on some inputs."""
    original = onnx.load(model)
    widen(original)
    graph = original.graph
    first = [node.op_type for node in graph.node].index("Conv")
    with redirect_stdout(StringIO()):  # it prints its progress
        shaped = file.with_suffix(".shaped")
        quant_pre_process(original, shaped, skip_optimization=True, skip_symbolic_shape=True)
        quantization.quantize_static(
            shaped,
            file,
            _Batches(graph.input[0].name, inputs),
            quant_format=quantization.QuantFormat.QOperator,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            nodes_to_exclude=[node.name for node in graph.node[: first + 1]],
            calibrate_method=quantization.CalibrationMethod[method],
        )


class _Batches(quantization.CalibrationDataReader):  # type: ignore[misc]
    """Inputs in the form that ONNX Runtime's calibration expects."""

    def __init__(self, name: str, inputs: npt.NDArray[Any]) -> None:
        parts = (inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH))
        self._feeds = ({name: part} for part in parts)

    def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
        return next(self._feeds, None)


def _describe(file: Path, metadata: dict[str, Any]) -> None:  # as ``Metadata.plain``
    """Replace the metadata of a model file."""
    model = onnx.load(file)
    onnx.helper.set_model_props(model, {METADATA_KEY: json.dumps(metadata)})
    onnx.save(model, file)
