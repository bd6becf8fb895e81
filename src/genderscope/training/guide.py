"""Guided graphs beside model files, and the check that they are what Captum computes."""

from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import numpy.typing as npt
import onnx
import torch
from captum.attr import GuidedBackprop
from torch import Tensor, nn

from genderscope.core.errors import ModelError
from genderscope.core.types import LABELS, Floats, Image
from genderscope.imaging.preprocess import to_input
from genderscope.inference.classifier import Classifier
from genderscope.inference.explainer import Explainer, guided_file
from genderscope.training.reverse import explained

PARITY = 1e-4
"""Largest difference of two maps, in units of the largest magnitude of the one."""
# Where a ReLU's input is zero but for rounding, its gradient is there or not by chance, and the map
# differs: Captum's own in 32 and 64 bits do so too, for about one face in a hundred.
SAME = 0.75
"""Share of the maps that must agree; a wrong rule would spare none."""


def write(model: Path) -> Path:
    """Give an exported model its guided graph, ``<model>.guided.onnx``, without its torch network.

    Raises:
        ModelError: it is no model of ours, or has a layer whose gradient is not known; an older
            guided graph then stays.
    """
    classifier, file = Classifier.load(model), guided_file(model)
    if file == model:
        raise ModelError(f"{model} is a guided graph itself; name the model beside it")
    part = file.with_suffix(".part")
    try:
        onnx.save(explained(onnx.load(model)), part)
        size = classifier.spec.size
        shape = (8, size, size) if classifier.spec.colour == "grey" else (8, size, size, 3)
        crops = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        scores, maps = Explainer.open(part)(crops)
        if not np.allclose(scores, classifier(crops), atol=PARITY) or not np.isfinite(maps).all():
            raise ModelError(f"the guided graph of {model} does not say what {model} says")
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return file


def check(explainer: Explainer, network: nn.Module, crops: Image) -> None:
    """Compare guided gradients with Captum's: see ``differences``.

    Raises:
        ModelError: fewer than ``SAME`` of the maps agree to ``PARITY``.
    """
    agree = differences(explainer, network, crops) <= PARITY
    if not agree.mean() >= SAME:
        raise ModelError(
            f"only {agree.mean():.1%} of {agree.size} guided gradients are Captum's to "
            f"{PARITY:.0e}; {SAME:.0%} must be"
        )


def differences(explainer: Explainer, network: nn.Module, crops: Image) -> Floats:
    """How far each guided gradient is from Captum's, for every class of every crop: (labels, n);
    see ``apart``.

    Args:
        network: the torch network that the explainer's file was exported from, on the CPU.
        crops: (n, size, size[, 3]) uint8, real faces.
    """
    inputs = torch.from_numpy(to_input(crops, explainer.spec)).float()
    found = []
    for label in range(len(LABELS)):
        _, maps = explainer(crops, np.full(len(crops), label))
        expected = np.moveaxis(captum(network, inputs, label), 1, -1).reshape(maps.shape)
        found.append(apart(maps, expected))
    return np.stack(found)


def captum(network: nn.Module, inputs: Tensor, label: int) -> npt.NDArray[Any]:
    """Captum's guided gradients of one class, in the shape of ``inputs``."""
    with catch_warnings():
        simplefilter("ignore")  # it says that it hooks the activations
        guided = GuidedBackprop(network).attribute(inputs.requires_grad_(), target=label)
    maps: npt.NDArray[Any] = guided.detach().numpy()
    return maps


def apart(maps: npt.NDArray[Any], expected: npt.NDArray[Any]) -> Floats:
    """Largest difference of each map, (n, ...), in units of the other's largest magnitude: (n,)."""
    difference, largest = (
        abs(of).reshape(len(maps), -1).max(1).astype(np.float64)
        for of in (maps - expected, expected)
    )
    relative: Floats = difference / np.maximum(largest, np.finfo(np.float32).tiny)
    return relative
