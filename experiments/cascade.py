"""The cascading randomisation test of explanations (Adebayo et al. 2018, arXiv:1810.03292): does a
map change when the learnt weights are lost?

Layers get random weights from the output down, one after the other. A method whose maps stay
similar shows the picture rather than what was learnt.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata
from torch import Tensor, nn

from experiments.results import MethodSanity, Similarity, Stage
from genderscope.core.results import Estimate
from genderscope.core.types import LABELS, Floats
from genderscope.evaluation import metrics
from genderscope.training.captum import Method, explain

METHODS: dict[str, Method] = {
    "guided_backprop": "guided",
    "saliency": "saliency",
    "grad_cam": "grad-cam",
}
"""By their names in the results."""
Magnitudes = npt.NDArray[np.float32]
RESAMPLES = 2000


class Likeness(NamedTuple):
    """Spearman's rank correlation and SSIM of maps, (n,) each; NaN where a map has one value."""

    spearman: Floats
    ssim: Floats


def magnitudes(method: Method, network: nn.Module, inputs: Tensor, classes: Tensor) -> Magnitudes:
    """The magnitudes of a method's maps, (n, size, size), the largest over channels."""
    largest: Magnitudes = explain(method, network, inputs, classes).abs().amax(1).numpy()
    return largest


def randomised(network: nn.Module, inputs: Tensor, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """The network with random weights in its last part, its last two, and so on to all.

    A part is a child of the network with weights; they are drawn as before training. Normalisation
    is fitted to ``inputs`` again, else the signal would vanish.

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
    network: nn.Module, inputs: Tensor, classes: Tensor, method: Method, seeds: range
) -> MethodSanity:
    """How similar a method's maps are before and after randomisation, beside references.

    Args:
        inputs: (n, channels, size, size), some faces.
        classes: (n,), the class to explain for each.
        seeds: of the random weights, one cascade each.
    """
    trained = magnitudes(method, network, inputs, classes)
    stages: dict[str, list[Likeness]] = {}
    for seed in seeds:
        for name, random in randomised(network, inputs, seed):
            stages.setdefault(name, []).append(
                similarity(trained, magnitudes(method, random, inputs, classes))
            )
    other = magnitudes(method, network, inputs, len(LABELS) - 1 - classes)
    return MethodSanity(
        cascade=tuple(Stage(part=part, **_means(draws)) for part, draws in stages.items()),
        other_class=Similarity(**_means([similarity(trained, other)])),
        other_face=Similarity(**_means([similarity(trained, np.roll(trained, 1, 0))])),
        edges=Similarity(**_means([similarity(trained, edges(inputs))])),
    )


def similarity(one: Magnitudes, other: Magnitudes) -> Likeness:
    flat = [np.asarray(maps, np.float64).reshape(len(maps), -1) for maps in (one, other)]
    usable = np.all([maps.max(1) > maps.min(1) for maps in flat], 0)
    ranks = [rankdata(maps, axis=1) for maps in flat]
    centred = [rank - rank.mean(1, keepdims=True) for rank in ranks]
    with np.errstate(invalid="ignore"):
        spearman = (centred[0] * centred[1]).sum(1) / np.sqrt(
            (centred[0] ** 2).sum(1) * (centred[1] ** 2).sum(1)
        )
    structural = np.array([ssim(*pair) for pair in zip(one, other, strict=True)])
    return Likeness(np.where(usable, spearman, np.nan), np.where(usable, structural, np.nan))


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


def edges(inputs: Tensor) -> Magnitudes:
    """The magnitudes of the pictures' own edges (Sobel), (n, size, size)."""
    greys = inputs.mean(1).numpy().astype(np.float32)
    steps = [[cv2.Sobel(grey, cv2.CV_32F, *way) for way in ((1, 0), (0, 1))] for grey in greys]
    return np.stack([np.hypot(*pair) for pair in steps]).astype(np.float32)


def _means(draws: Sequence[Likeness]) -> dict[str, Estimate]:
    """Means over faces of the means over draws, with intervals, by measure."""
    estimates = {}
    for number, name in enumerate(Likeness._fields):
        values = np.stack([draw[number] for draw in draws])
        values = values[:, ~np.isnan(values).any(0)].mean(0)
        if n := len(values):
            picks = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
            low, high = metrics.percentiles(values[picks].mean(1)).tolist()
            estimates[name] = Estimate(n=n, value=float(values.mean()), interval=(low, high))
        else:
            estimates[name] = Estimate(n=0, value=None, interval=None)
    return estimates
