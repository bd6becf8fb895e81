"""Guided back-propagation (Springenberg et al. 2015, arXiv:1412.6806): the gradient of the class's
logit, where each ReLU passes back what is positive alone.
"""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from genderscope.lab.explainers import saliency


class GuidedReLU(torch.autograd.Function):
    """A ReLU whose gradient is that of a ReLU applied to the gradient."""

    @staticmethod
    def forward(context: Any, maps: Tensor) -> Tensor:
        activated = maps.relu()
        context.save_for_backward(activated)
        return activated

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        [activated] = context.saved_tensors
        back: Tensor = gradients[0].relu() * (activated > 0)
        return back


class Guided(nn.Module):
    """``GuidedReLU`` in the place of ``nn.ReLU``."""

    def forward(self, maps: Tensor) -> Tensor:
        activated: Tensor = GuidedReLU.apply(maps)  # type: ignore[no-untyped-call]
        return activated


def explain(network: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """Guided gradients of the classes' logits with respect to ``inputs``, in their shape.

    Every ``nn.ReLU`` of the network is guided; activations called as functions would not be.
    """
    return saliency.gradient(_guided(deepcopy(network)), inputs, classes)


def _guided(network: nn.Module) -> nn.Module:
    for name, layer in network.named_children():
        setattr(network, name, Guided() if isinstance(layer, nn.ReLU) else _guided(layer))
    return network
