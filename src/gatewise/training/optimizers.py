"""The optimisers: torch's fused ones, and the average of the weights that NT-ASGD keeps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.training.settings import TrainingSettings


def build(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """The optimiser of a run; matrices decay, vectors do not.

    Example:
        >>> optimizer = build(nn.Linear(2, 3), TrainingSettings(weight_decay=0.5))
        >>> [(len(group["params"]), group["weight_decay"]) for group in optimizer.param_groups]
        [(1, 0.5), (1, 0.0)]
    """
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in trained if parameter.dim() >= 2]
    vectors = [parameter for parameter in trained if parameter.dim() < 2]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    rate = settings.learning_rate
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=rate, betas=(settings.adam_beta1, settings.adam_beta2), fused=True)
    return torch.optim.SGD(groups, lr=rate, momentum=settings.momentum, fused=True)


def state_of(optimizer: torch.optim.Optimizer) -> dict[str, dict[str, Any]]:
    """What the optimiser remembers of each parameter, by the parameter's number."""
    return {str(number): dict(state) for number, state in optimizer.state_dict()["state"].items()}


def restore(optimizer: torch.optim.Optimizer, state: dict[str, dict[str, Any]]) -> None:
    """Give the optimiser back what :func:`state_of` took."""
    own = optimizer.state_dict()
    optimizer.load_state_dict({"state": {int(number): part for number, part in state.items()}, **_groups(own)})


def _groups(own: dict[str, Any]) -> dict[str, Any]:
    return {"param_groups": own["param_groups"]}


@dataclass
class Average:
    """The mean of the weights since validation stopped improving (NT-ASGD).

    Averaging begins at the first validation whose loss is above the lowest of all but the last ``nonmonotone``
    before it:  v_t > min(v_0 ... v_(t-n-1)).  From then on  a <- a + (w - a) / k  after step k of the average.

    Source: Merity et al., "Regularizing and Optimizing LSTM Language Models", arXiv:1708.02182, algorithm 1.

    Attributes:
        nonmonotone: n above.
        losses: of the validations before the average began.
        weights: the average, one tensor per parameter; empty before it began.
        count: how many weights it is the mean of.

    Example:
        >>> weights, average = [torch.zeros(1)], Average(nonmonotone=1)
        >>> [average.validated(loss, weights) for loss in (3.0, 2.0, 2.5, 2.4)]
        [False, False, False, True]
        >>> average.stepped([torch.ones(1)])
        >>> average.weights
        [tensor([0.5000])]
    """

    nonmonotone: int
    losses: list[float] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    count: int = 0

    def validated(self, loss: float, weights: Sequence[Tensor]) -> bool:
        """Take note of a validation loss; True where the average begins with ``weights`` because of it."""
        if self.weights:
            return False
        earlier = self.losses[: -self.nonmonotone]
        begins = bool(earlier) and loss > min(earlier)
        self.losses.append(loss)
        if begins:
            self.weights = [weight.detach().clone() for weight in weights]
            self.count = 1
        return begins

    def stepped(self, weights: Sequence[Tensor]) -> None:
        """Take the weights after a step into the average, where it has begun."""
        if self.weights:
            self.count += 1
            torch._foreach_lerp_(self.weights, [weight.detach() for weight in weights], 1 / self.count)

    @contextlib.contextmanager
    def used(self, weights: Sequence[Tensor]) -> Iterator[None]:
        """Have the average in the place of ``weights`` for a while, where it has begun."""
        self._exchange(weights)
        try:
            yield
        finally:
            self._exchange(weights)

    def _exchange(self, weights: Sequence[Tensor]) -> None:
        with torch.no_grad():
            for weight, mean in zip(weights, self.weights, strict=bool(self.weights)):
                kept = weight.clone()
                weight.copy_(mean)
                mean.copy_(kept)
