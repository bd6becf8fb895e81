"""The optimiser: AdamW, with Muon for the matrices of a network if it has a learning rate.

Loshchilov and Hutter 2019, arXiv:1711.05101; Jordan et al. 2024,
https://kellerjordan.github.io/posts/muon/. Muon replaces the averaged gradient of a convolution, as
a matrix of (maps, inputs), by the nearest orthogonal one before it is applied.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
# Five rounds of this quintic bring singular values near 1; the paper's numbers.
ROUNDS, QUINTIC = 5, (3.4445, -4.7750, 2.0315)


class Muon(torch.optim.AdamW):
    """AdamW, but Muon for groups marked ``orthogonal``; their ``lr`` is about 5 x Adam's best."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        with torch.enable_grad():
            # Before groups are set aside: a closure may zero the gradients of all.
            loss = closure and closure()
        groups = self.param_groups
        self.param_groups = [group for group in groups if not group.get("orthogonal")]
        try:
            super().step()
        finally:
            self.param_groups = groups
        for group in groups:
            for weights in group["params"] if group.get("orthogonal") else ():
                if (gradient := weights.grad) is not None:
                    self._update(weights, gradient, group["lr"], group["weight_decay"])
        return loss

    def _update(self, weights: Tensor, gradient: Tensor, rate: float, decay: float) -> None:
        state = self.state[weights]
        if not state:  # AdamW reads the step of every parameter when it loads a state
            state.update(step=torch.zeros(()), average=torch.zeros_like(weights))
        average = state["average"].lerp_(gradient, 1 - MOMENTUM)
        nesterov = gradient.lerp(average, MOMENTUM).flatten(1)
        scale = max(1.0, nesterov.shape[0] / nesterov.shape[1]) ** 0.5
        weights.mul_(1 - rate * decay)
        weights.add_(orthogonal(nesterov).view_as(weights), alpha=-rate * scale)


def is_orthogonal(weights: nn.Parameter) -> bool:
    """Whether Muon updates a parameter: not depthwise convolutions, vectors and the last layer."""
    return weights.ndim > 1 and weights.shape[1] > 1 and len(weights) > 2


def orthogonal(matrix: Tensor) -> Tensor:
    """The matrix with singular values near 1, by the Newton-Schulz iteration."""
    tall = len(matrix) > matrix.shape[1]
    near: Tensor = (matrix.T if tall else matrix).bfloat16()
    near = near / (near.norm() + 1e-7)
    first, third, fifth = QUINTIC
    for _ in range(ROUNDS):
        square = near @ near.T
        near = first * near + (third * square + fifth * square @ square) @ near
    return (near.T if tall else near).to(matrix.dtype)


def optimizer(
    module: nn.Module, weight_decay: float, rate: float, muon_rate: float = 0.0
) -> torch.optim.AdamW:
    """The optimiser of a module; ``muon_rate`` 0 leaves all parameters to AdamW."""
    vectors = [p for p in module.parameters() if p.ndim == 1]
    matrices = [p for p in module.parameters() if p.ndim > 1]
    updated = [p for p in matrices if muon_rate and is_orthogonal(p)]
    others = [p for p in matrices if not (muon_rate and is_orthogonal(p))]
    groups: list[dict[str, Any]] = [  # torch's own layout
        {"params": others, "weight_decay": weight_decay},
        # Normalisation and biases hold no capacity to regularise.
        {"params": vectors, "weight_decay": 0.0},
    ]
    if updated:
        groups.append(
            {"params": updated, "weight_decay": weight_decay, "lr": muon_rate, "orthogonal": True}
        )
    return Muon(groups, rate)
