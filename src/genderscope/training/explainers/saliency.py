"""Saliency: how much each pixel would move the class's logit (Simonyan et al. 2013,
arXiv:1312.6034).
"""

import torch
from torch import Tensor, nn


def explain(network: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """Magnitudes of the logits' gradients, in the shape of ``inputs``."""
    return gradient(network, inputs, classes).abs()


def gradient(network: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """Gradients of the classes' logits with respect to ``inputs``, in their shape."""
    inputs = inputs.detach().requires_grad_()
    with torch.enable_grad():
        logits = network(inputs).gather(1, classes[:, None])
        [found] = torch.autograd.grad(logits.sum(), inputs)
    return found
