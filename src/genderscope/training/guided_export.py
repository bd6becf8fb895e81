"""Guided graphs beside model files, verified against Captum."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn

from genderscope.core.errors import ModelError
from genderscope.core.types import LABELS, Floats, Image
from genderscope.imaging.preprocess import to_input
from genderscope.inference.classifier import Classifier
from genderscope.inference.explainer import Explainer, guided_file
from genderscope.training.captum import explain
from genderscope.training.guided_graph import with_gradients

PARITY = 1e-4
"""Largest difference between maps that agree, in units of the expected map's largest magnitude."""
# Where a ReLU's input is zero up to rounding, its gradient passes or not by chance: Captum's own
# maps in 32 and 64 bits differ too, for about one face in a hundred.
SAME = 0.75  # share of the maps that must agree; with a wrong rule none would


def write(model: Path) -> Path:
    """Give an exported model its guided graph, ``<model>.guided.onnx``, without its torch network.
    ``ModelError`` if it is not ours or a layer has no gradient rule; an older graph then stays.
    """
    classifier, file = Classifier.load(model), guided_file(model)
    if file == model:
        raise ModelError(f"{model} is named like a guided graph; rename it")
    part = file.with_suffix(".part")
    try:
        onnx.save(with_gradients(onnx.load(model)), part)
        shape = (8, *classifier.spec.crop_shape)
        crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        scores, maps = Explainer.open(part)(crops)
        if not np.allclose(scores, classifier(crops), atol=PARITY) or not np.isfinite(maps).all():
            raise ModelError(f"the guided graph of {model} differs from {model}")
        return part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def check(explainer: Explainer, network: nn.Module, crops: Image) -> None:
    """``ModelError`` if fewer than ``SAME`` of the maps agree with Captum's to ``PARITY``."""
    agree = differences(explainer, network, crops) <= PARITY
    if not agree.mean() >= SAME:
        raise ModelError(
            f"only {agree.mean():.1%} of {agree.size} guided gradients equal Captum's to "
            f"{PARITY:.0e}; {SAME:.0%} must"
        )


def differences(explainer: Explainer, network: nn.Module, crops: Image) -> Floats:
    """The ``difference`` of each guided gradient from Captum's, by class and crop, (labels, n), for
    real faces, (n, size, size[, 3]) uint8; ``network`` is that of the explainer's file, on the CPU.
    """
    inputs = torch.from_numpy(to_input(crops, explainer.spec)).float()
    differences = []
    for label in range(len(LABELS)):
        classes = np.full(len(crops), label)
        _, maps = explainer.first_look(crops, classes)
        expected = explain("guided", network, inputs, torch.from_numpy(classes)).numpy()
        differences.append(difference(maps, expected))
    return np.stack(differences)


def difference(maps: npt.NDArray[Any], expected: npt.NDArray[Any]) -> Floats:
    """Largest difference of each map, (n, ...), in units of the expected map's maximum: (n,)."""
    error, largest = (
        abs(values).reshape(len(maps), -1).max(1).astype(np.float64)
        for values in (maps - expected, expected)
    )
    return np.asarray(error / np.maximum(largest, np.finfo(np.float32).tiny))
