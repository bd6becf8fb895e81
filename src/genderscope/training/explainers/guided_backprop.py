"""Guided back-propagation (Springenberg et al. 2015, arXiv:1412.6806): the gradient of the class's
logit, where each ReLU passes back only what is positive. Computed by Captum.
"""

from warnings import catch_warnings, simplefilter

from captum.attr import GuidedBackprop
from torch import Tensor, nn


def explain(network: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """Guided gradients of the classes' logits with respect to ``inputs``, in their shape.

    Every ``nn.ReLU`` of the network is guided; activations called as functions would not be.
    """
    with catch_warnings():
        simplefilter("ignore")  # Captum says that it hooks the activations
        guided: Tensor = GuidedBackprop(network).attribute(
            inputs.detach().requires_grad_(), target=classes
        )
    return guided.detach()
