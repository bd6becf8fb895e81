"""Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391): where the maps that speak for a class are
active.

The networks here end in a convolution that draws a map for each class. The maps that it reads are
the last ones that are features, so they are those that are weighted.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def explain(network: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """The feature maps weighted by their mean gradients, what is positive of it, enlarged:
    (n, 1, size, size).
    """
    *_, last = (layer for layer in network.modules() if isinstance(layer, nn.Conv2d))
    read: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, maps: read.append(maps[0]))
    try:
        with torch.enable_grad():
            # An input that asks for its gradient makes everything after it ask for one too.
            logits = network(inputs.detach().requires_grad_()).gather(1, classes[:, None])
            [gradient] = torch.autograd.grad(logits.sum(), read)
    finally:
        hook.remove()
    weights = gradient.mean((2, 3), keepdim=True)
    activation = (weights * read[0]).sum(1, keepdim=True).relu().detach()
    return F.interpolate(activation, inputs.shape[2:], mode="bilinear")
