"""Muon: the momentum of a weight matrix, orthogonalised (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon).

Every direction of a layer's update becomes as large as every other, so that what few pictures show is learned as fast
as what all show. Scaled to the RMS of Adam's updates, it takes Adam's learning rate (Liu et al. 2025, arXiv 2502.16982).
torch's own (`torch.optim.Muon`) takes no kernels of convolutions and computes in bf16, which processors
without instructions for it do ten times slower than f32.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import torch

A, B, C = 3.4445, -4.7750, 2.0315
"""Jordan's polynomial: each iteration takes a singular value s to A s + B s^3 + C s^5; five take it to 0.7 .. 1.2"""
ITERATIONS = 5
RMS = 0.2
"""root mean square of Adam's updates, in learning rates"""


def orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    """About U V^T of `matrix` = U S V^T, by Newton-Schulz iterations."""
    wide = matrix.shape[0] <= matrix.shape[1]
    x = matrix if wide else matrix.T
    x = x / (x.norm() + 1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
    return x if wide else x.T


class Muon(torch.optim.Optimizer):
    """For matrices and kernels of convolutions (as matrices of outputs x inputs and places), Nesterov momentum."""

    def __init__(self, parameters, lr: float, momentum: float = 0.95, weight_decay: float = 1e-2):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))
        self.workers: ThreadPoolExecutor | None = None
        """threads that share the parameters among them"""

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            found = [p for p in group["params"] if p.grad is not None]
            for _ in (self.workers.map if self.workers else map)(lambda p: self._update(p, group), found):
                pass

    @torch.no_grad()
    def _update(self, parameter: torch.Tensor, group: dict) -> None:
        gradient, state = parameter.grad, self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        ahead = gradient.lerp(momentum, group["momentum"])
        # the places last in memory or first, by what costs no copy: the order of the columns does not matter
        order = (0, 2, 3, 1) if ahead.ndim == 4 else (0, 1)
        moved = ahead.permute(order)
        flat = moved.flatten(1)
        update = orthogonalised(flat).reshape(moved.shape)
        if ahead.ndim == 4:
            update = update.permute(0, 3, 1, 2)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update, alpha=-group["lr"] * RMS * math.sqrt(max(flat.shape)))
