"""The optimisers, each one call of torch's fused kernels, and the average of the weights that NT-ASGD keeps.

The classes of ``torch.optim`` call the same kernels, but load ``torch._dynamo`` when they are first used, which
takes as long as loading torch itself.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from gatewise.training.layer_groups import LayerGroups
from gatewise.training.settings import TrainingSettings

_EPSILON = 1e-8  # of AdamW, as in the paper
DECAYS = {"adamw": 0.01, "sgd": 0.0, "nt-asgd": 1.2e-6}
"""Weight decay where none is given; that of nt-asgd is of Merity et al. 2018, arXiv:1708.02182."""


class Optimizer(Protocol):
    """What turns gradients into steps.

    Attributes:
        parameters: what it trains, in the order of its state.
    """

    parameters: list[Tensor]

    def step(self, rate: float) -> None:
        """Change every parameter that has a gradient, at its share of the learning rate ``rate``."""
        ...

    def state(self) -> dict[str, Any]:
        """What it remembers, its own tensors, in the order of the parameters."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take what :meth:`state` gave."""
        ...


def build(network: nn.Module, settings: TrainingSettings, groups: LayerGroups | None = None) -> Optimizer:
    """The optimiser of a run; matrices decay, vectors do not.

    Args:
        network: whose parameters it trains, those of which ``requires_grad`` is False left out.
        settings: the optimiser and its numbers.
        groups: which part of the network learns how quickly; None: all of it alike.

    Without ``weight_decay`` in the settings, ``DECAYS`` says how much. SGD's decay is part of the gradient (coupled):
    at a learning rate of 20, AdamW's 0.01 would shrink a matrix to four fifths at every step.

    Example:
        >>> optimizer = build(nn.Linear(2, 3), TrainingSettings())
        >>> type(optimizer).__name__, len(optimizer.parameters)
        ('AdamW', 2)
    """
    parameters: list[Tensor] = [parameter for parameter in network.parameters() if parameter.requires_grad]
    shares = None if groups is None else [groups.share(parameter) for parameter in parameters]
    decay = DECAYS[settings.optimizer] if settings.weight_decay is None else settings.weight_decay
    if settings.optimizer == "adamw":
        return AdamW(parameters, decay, settings.adam_beta1, settings.adam_beta2, shares)
    return SGD(parameters, decay, settings.momentum, shares)


class AdamW:
    """Adam with decoupled weight decay.

    m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g g,  w <- w - r d w - r (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + e)

    Args:
        parameters: what to train.
        decay: d, for tensors of two dimensions and more.
        beta1: b1.
        beta2: b2.
        shares: what r is multiplied by for each parameter; None: 1. t counts the steps of each by itself.

    Source: Loshchilov & Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101, without its schedule factor.

    Example:
        >>> weight = torch.ones(1, 1)
        >>> weight.grad = torch.full((1, 1), 5.0)
        >>> AdamW([weight], decay=0.0, beta1=0.9, beta2=0.999).step(0.25)
        >>> weight
        tensor([[0.7500]])
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        decay: float,
        beta1: float,
        beta2: float,
        shares: Sequence[float] | None = None,
    ) -> None:
        self.parameters, self.decay, self.betas = list(parameters), decay, (beta1, beta2)
        self.shares = [1.0] * len(self.parameters) if shares is None else list(shares)
        self.steps = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        self.means = [torch.zeros_like(parameter) for parameter in self.parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change every parameter that has a gradient."""
        for decays, share, numbers in _alike(self.parameters, self.shares):
            steps = [self.steps[number] for number in numbers]
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(
                [self.parameters[number] for number in numbers],
                _gradients(self.parameters, numbers),
                [self.means[number] for number in numbers],
                [self.squares[number] for number in numbers],
                [],
                steps,
                lr=rate * share,
                beta1=self.betas[0],
                beta2=self.betas[1],
                weight_decay=self.decay if decays else 0.0,
                eps=_EPSILON,
                amsgrad=False,
                maximize=False,
            )

    def state(self) -> dict[str, Any]:
        """Steps and both means."""
        return {"steps": self.steps, "means": self.means, "squares": self.squares}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what :meth:`state` gave."""
        for own, kept in ((self.steps, "steps"), (self.means, "means"), (self.squares, "squares")):
            torch._foreach_copy_(own, state[kept])


class SGD:
    """Gradient descent, with momentum where asked for.

    m <- mu m + g + d w,  w <- w - r m

    Args:
        parameters: what to train.
        decay: d, for tensors of two dimensions and more.
        momentum: mu, in [0, 1).
        shares: what r is multiplied by for each parameter; None: 1.

    Example:
        >>> weight = torch.ones(1)
        >>> weight.grad = torch.full((1,), 2.0)
        >>> SGD([weight], decay=0.0, momentum=0.0).step(0.25)
        >>> weight
        tensor([0.5000])
    """

    def __init__(
        self, parameters: Sequence[Tensor], decay: float, momentum: float, shares: Sequence[float] | None = None
    ) -> None:
        self.parameters, self.decay, self.momentum = list(parameters), decay, momentum
        self.shares = [1.0] * len(self.parameters) if shares is None else list(shares)
        self.moments = [torch.zeros_like(parameter) for parameter in self.parameters] if momentum else []

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change every parameter that has a gradient."""
        for decays, share, numbers in _alike(self.parameters, self.shares):
            torch._fused_sgd_(
                [self.parameters[number] for number in numbers],
                _gradients(self.parameters, numbers),
                [self.moments[number] for number in numbers] if self.momentum else [],
                weight_decay=self.decay if decays else 0.0,
                momentum=self.momentum,
                lr=rate * share,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=False,
            )

    def state(self) -> dict[str, Any]:
        """The moments."""
        return {"moments": self.moments}

    def restore(self, state: dict[str, Any]) -> None:
        """Take what :meth:`state` gave."""
        if self.moments:
            torch._foreach_copy_(self.moments, state["moments"])


def _alike(parameters: list[Tensor], shares: list[float]) -> list[tuple[bool, float, list[int]]]:
    """The numbers of the parameters that have a gradient, by what one call needs: whether they decay, and the share."""
    found: dict[tuple[bool, float], list[int]] = {}
    for number, (parameter, share) in enumerate(zip(parameters, shares, strict=True)):
        if parameter.grad is not None:
            found.setdefault((parameter.dim() >= 2, share), []).append(number)
    return [(decays, share, numbers) for (decays, share), numbers in found.items()]


def _gradients(parameters: list[Tensor], numbers: list[int]) -> list[Tensor]:
    return [gradient for number in numbers if (gradient := parameters[number].grad) is not None]


@dataclass
class Average:
    """The mean of the weights since validation stopped improving (NT-ASGD).

    Averaging begins at the first validation whose cost (the loss, or what the task selects by, lower being better) is
    above the lowest of all but the last ``nonmonotone`` before it:  v_t > min(v_0 ... v_(t-n-1)).  From then on
    a <- a + (w - a) / k  after step k of the average.

    Source: Merity et al., "Regularizing and Optimizing LSTM Language Models", arXiv:1708.02182, algorithm 1.

    Attributes:
        nonmonotone: n above.
        costs: of the validations before the average began.
        weights: the average, one tensor per parameter; empty before it began.
        count: how many weights it is the mean of.

    Example:
        >>> weights, average = [torch.zeros(1)], Average(nonmonotone=1)
        >>> [average.validated(cost, weights) for cost in (3.0, 2.0, 2.5, 2.4)]
        [False, False, False, True]
        >>> average.stepped([torch.ones(1)])
        >>> average.weights
        [tensor([0.5000])]
    """

    nonmonotone: int
    costs: list[float] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    count: int = 0

    def validated(self, cost: float, weights: Sequence[Tensor]) -> bool:
        """Take note of a validation; True where the average begins with ``weights`` because of it.

        A cost that is not finite counts as infinite: min() of a list that holds nan depends on its order.
        """
        if self.weights:
            return False
        cost = cost if math.isfinite(cost) else math.inf
        earlier = self.costs[: -self.nonmonotone]
        begins = bool(earlier) and cost > min(earlier)
        self.costs.append(cost)
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
