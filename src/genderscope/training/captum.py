"""Explanations by Captum in torch: the reference for the graphs that need no torch."""

from typing import Literal
from warnings import catch_warnings, simplefilter

import torch
from captum.attr import GuidedBackprop, LayerGradCam, Saliency
from torch import Tensor, nn
from torch.nn import functional as F

Method = Literal["guided", "saliency", "grad-cam"]


def explain(method: Method, network: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """A map of each face for its class, (n,) int64, in the shape of ``inputs``, (n, channels, size,
    size) floats, or (n, 1, size, size) for Grad-CAM.

    ``guided`` is back-propagation (Springenberg et al. 2015, arXiv:1412.6806) through every
    ``nn.ReLU``, but no activation called as a function; ``saliency`` the magnitudes of the gradient
    (Simonyan et al. 2013, arXiv:1312.6034); ``grad-cam`` (Selvaraju et al. 2017, arXiv:1610.02391)
    weights the inputs of the last convolution, which outputs a map for each class.
    """
    inputs = inputs.detach().requires_grad_()
    with catch_warnings(), torch.enable_grad():
        simplefilter("ignore")  # Captum warns that it hooks the activations
        if method == "guided":
            maps: Tensor = GuidedBackprop(network).attribute(inputs, target=classes)
        elif method == "saliency":
            maps = Saliency(network).attribute(inputs, target=classes, abs=True)
        else:
            *_, last = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
            activation = LayerGradCam(network, last).attribute(
                inputs, classes, attribute_to_layer_input=True, relu_attributions=True
            )
            maps = F.interpolate(activation, inputs.shape[2:], mode="bilinear")
    return maps.detach()
