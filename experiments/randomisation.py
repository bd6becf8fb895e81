"""The sanity test of explanations (Adebayo et al. 2018, arXiv:1810.03292): does a map change when
what the network has learnt is taken away?

Layers are given random weights from the output down, one after the other. A method whose maps stay
alike shows the picture rather than what was learnt. Knows nothing of files.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from genderscope.core import plugins
from genderscope.core.types import LABELS, Floats
from genderscope.evaluation import metrics

METHODS = ("guided_backprop", "saliency", "grad_cam")
Magnitudes = npt.NDArray[np.float32]
RESAMPLES = 2000


def magnitudes(method: str, network: nn.Module, inputs: Tensor, classes: Tensor) -> Magnitudes:
    """The magnitudes of a method's maps, (n, size, size), the largest over channels.

    Args:
        method: a file of ``lab.explainers``.
    """
    maps = plugins.load("training.explainers", method).explain(network, inputs, classes)
    found: Magnitudes = maps.abs().amax(1).numpy()
    return found


def randomised(network: nn.Module, inputs: Tensor, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """The network with random weights in its last part, its last two, and so on to all.

    A part is a child of the network that has weights; they are drawn as they were before training.
    Normalisation is fitted to ``inputs`` again, else nothing would get through.

    Yields:
        The name of the part that was the last to lose its weights, and the network.
    """
    network = deepcopy(network).requires_grad_(False)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for name, part in reversed(list(network.named_children())):
            if not any(True for _ in part.parameters()):
                continue
            for layer in part.modules():
                if isinstance(layer, nn.Conv2d | nn.BatchNorm2d | nn.Linear):
                    layer.reset_parameters()
                if isinstance(layer, nn.BatchNorm2d):
                    layer.train()
                    layer.momentum = None  # the mean over all batches, of which there is one
            with torch.no_grad():
                network(inputs)
            yield name, deepcopy(network).eval()


def examine(
    network: nn.Module, inputs: Tensor, classes: Tensor, method: str, seeds: range
) -> dict[str, Any]:
    """How alike a method's maps are before and after, and what to hold that against.

    Args:
        inputs: (n, channels, size, size), some faces.
        classes: (n,), the class to explain for each.
        seeds: of the random weights, each a whole cascade.

    Returns:
        ``cascade``: for each part, from the last on, ``spearman`` and ``ssim`` of the magnitudes
        with their intervals (bootstrap over faces), and the ``n`` faces whose maps are not zero.
        The same for the trained network alone: ``other_class`` explains the other class of the
        same face, ``other_face`` is the map of the next face, ``edges`` the picture's own edges
        (Sobel), which know no network.
    """
    trained = magnitudes(method, network, inputs, classes)
    stages: dict[str, list[dict[str, Floats]]] = {}
    for seed in seeds:
        for name, altered in randomised(network, inputs, seed):
            stages.setdefault(name, []).append(
                similarity(trained, magnitudes(method, altered, inputs, classes))
            )
    other = magnitudes(method, network, inputs, len(LABELS) - 1 - classes)
    return {
        "cascade": [{"part": name, **_means(draws)} for name, draws in stages.items()],
        "other_class": _means([similarity(trained, other)]),
        "other_face": _means([similarity(trained, np.roll(trained, 1, 0))]),
        "edges": _means([similarity(trained, _edges(inputs))]),
    }


def similarity(one: Magnitudes, other: Magnitudes) -> dict[str, Floats]:
    """Spearman's rank correlation and SSIM of maps, (n,) each; NaN where a map has one value."""
    flat = [np.asarray(maps, np.float64).reshape(len(maps), -1) for maps in (one, other)]
    usable = np.all([maps.max(1) > maps.min(1) for maps in flat], 0)
    ranks = [rankdata(maps, axis=1) for maps in flat]
    centred = [rank - rank.mean(1, keepdims=True) for rank in ranks]
    with np.errstate(invalid="ignore"):
        spearman = (centred[0] * centred[1]).sum(1) / np.sqrt(
            (centred[0] ** 2).sum(1) * (centred[1] ** 2).sum(1)
        )
    structural = np.array([ssim(*pair) for pair in zip(one, other, strict=True)])
    return {
        "spearman": np.where(usable, spearman, np.nan),
        "ssim": np.where(usable, structural, np.nan),
    }


def ssim(one: Magnitudes, other: Magnitudes) -> float:
    """Mean structural similarity of two maps, each scaled to a largest value of 1 (Wang et al.
    2004: Gaussian windows of 1.5 pixels, K1 = 0.01, K2 = 0.03).
    """

    def blurred(values: Any) -> Any:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    x, y = (np.asarray(of, np.float64) / max(of.max(), 1e-30) for of in (one, other))
    mean_x, mean_y = blurred(x), blurred(y)
    variances = blurred(x * x) - mean_x**2 + blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    alike = (2 * mean_x * mean_y + 0.01**2) * (2 * covariance + 0.03**2)
    return float((alike / ((mean_x**2 + mean_y**2 + 0.01**2) * (variances + 0.03**2))).mean())


def _edges(inputs: Tensor) -> Magnitudes:
    greys = inputs.mean(1).numpy().astype(np.float32)
    steps = [[cv2.Sobel(grey, cv2.CV_32F, *way) for way in ((1, 0), (0, 1))] for grey in greys]
    return np.stack([np.hypot(*pair) for pair in steps]).astype(np.float32)


def _means(draws: Sequence[Mapping[str, Floats]]) -> dict[str, Any]:
    """Means over faces of the means over draws, with intervals."""
    result: dict[str, Any] = {}
    for name in draws[0]:
        of_faces = np.stack([draw[name] for draw in draws])
        of_faces = of_faces[:, ~np.isnan(of_faces).any(0)].mean(0)
        n = result["n"] = len(of_faces)
        if not n:
            result |= {name: None, f"{name}_interval": None}
            continue
        picks = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
        result[name] = float(of_faces.mean())
        result[f"{name}_interval"] = metrics.percentiles(of_faces[picks].mean(1)).tolist()
    return result
