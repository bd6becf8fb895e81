"""The cascading randomisation test of explanations (Adebayo et al. 2018, arXiv:1810.03292): does a
map change when the learnt weights are replaced?

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
"""Methods by their names in the results."""
Magnitudes = npt.NDArray[np.float32]
RESAMPLES = 2000


class MapSimilarity(NamedTuple):
    """Spearman's rank correlation and SSIM of maps, (n,) each; NaN where a map has one value."""

    spearman: Floats
    ssim: Floats


def magnitudes(method: Method, network: nn.Module, inputs: Tensor, classes: Tensor) -> Magnitudes:
    """Absolute values of a method's maps, (n, size, size): the largest over channels."""
    largest: Magnitudes = explain(method, network, inputs, classes).abs().amax(1).numpy()
    return largest


def randomised(network: nn.Module, inputs: Tensor, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """The network with random weights in its last part, its last two, and so on to all.

    A part is a child module with parameters, initialised as before training. Batch normalisation is
    refitted to ``inputs``, since the signal would vanish otherwise.

    Yields:
        The name of the part that was randomised last, and the network.
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
                    layer.momentum = None  # cumulative mean, here of one batch
            with torch.no_grad():
                network(inputs)
            yield name, deepcopy(network).eval()


def examine(
    network: nn.Module, inputs: Tensor, classes: Tensor, method: Method, seeds: range
) -> MethodSanity:
    """The similarity of a method's maps before and after randomisation, with references.

    Args:
        inputs: faces, (n, channels, size, size).
        classes: the class to explain for each face, (n,).
        seeds: of the random weights, one cascade each.
    """
    trained = magnitudes(method, network, inputs, classes)
    stages: dict[str, list[MapSimilarity]] = {}
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


def similarity(a: Magnitudes, b: Magnitudes) -> MapSimilarity:
    flat = [np.asarray(maps, np.float64).reshape(len(maps), -1) for maps in (a, b)]
    usable = np.all([maps.max(1) > maps.min(1) for maps in flat], 0)
    ranks = [rankdata(maps, axis=1) for maps in flat]
    centred = [rank - rank.mean(1, keepdims=True) for rank in ranks]
    with np.errstate(invalid="ignore"):
        spearman = (centred[0] * centred[1]).sum(1) / np.sqrt(
            (centred[0] ** 2).sum(1) * (centred[1] ** 2).sum(1)
        )
    structural = np.array([ssim(*pair) for pair in zip(a, b, strict=True)])
    return MapSimilarity(np.where(usable, spearman, np.nan), np.where(usable, structural, np.nan))


def ssim(a: Magnitudes, b: Magnitudes) -> float:
    """Mean structural similarity of two maps, each scaled to a maximum of 1 (Wang et al. 2004:
    Gaussian windows with a sigma of 1.5 pixels, K1 = 0.01, K2 = 0.03).
    """

    def blurred(values: Any) -> Any:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    x, y = (np.asarray(map_, np.float64) / max(map_.max(), 1e-30) for map_ in (a, b))
    mean_x, mean_y = blurred(x), blurred(y)
    variances = blurred(x * x) - mean_x**2 + blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + 0.01**2) * (2 * covariance + 0.03**2)
    return float((numerator / ((mean_x**2 + mean_y**2 + 0.01**2) * (variances + 0.03**2))).mean())


def edges(inputs: Tensor) -> Magnitudes:
    """The gradient magnitudes of the pictures (Sobel), (n, size, size)."""
    greys = inputs.mean(1).numpy().astype(np.float32)
    gradients = [(cv2.Sobel(g, cv2.CV_32F, 1, 0), cv2.Sobel(g, cv2.CV_32F, 0, 1)) for g in greys]
    return np.stack([np.hypot(*pair) for pair in gradients]).astype(np.float32)


def _means(draws: Sequence[MapSimilarity]) -> dict[str, Estimate]:
    """Means over faces of the means over draws, with intervals, by measure."""
    estimates = {}
    for number, name in enumerate(MapSimilarity._fields):
        values = np.stack([draw[number] for draw in draws])
        values = values[:, ~np.isnan(values).any(0)].mean(0)
        if n := len(values):
            picks = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
            low, high = metrics.percentiles(values[picks].mean(1)).tolist()
            estimates[name] = Estimate(n=n, value=float(values.mean()), interval=(low, high))
        else:
            estimates[name] = Estimate(n=0, value=None, interval=None)
    return estimates
