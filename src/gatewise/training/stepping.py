"""One step of training: batches, gradient, guard, clipping, update."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.errors import TrainingError
from gatewise.training.clipping import clip_by_norm, clip_by_value, gradient_norms, lengths
from gatewise.training.layer_names import Layers
from gatewise.training.optimizers import Optimizer
from gatewise.training.settings import TrainingSettings
from gatewise.training.task import BatchStream, Task
from gatewise.training.tree import map_tensors
from gatewise.training.whence import first_not_finite

_DEAF = "the loss depends on no weight of the network that is trained"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step came to.

    Attributes:
        loss: sum over its units.
        count: how many they are.
        norm: of the gradient of the mean loss, before clipping.
        clipped: whether the gradient was clipped.
        finite: whether loss and norm were finite; the weights were left as they are if not.
        dropped: whether a carried state was given up, because the step was skipped.
        norms: of each layer's part of the gradient, before clipping; none where it was not finite.
        ratios: for each layer  |w' - w| / |w|  of the weights before and after, where that was asked for.
    """

    loss: float
    count: int
    norm: float
    clipped: bool
    finite: bool
    dropped: bool = False
    norms: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float | None] | None = None


@dataclass(frozen=True, slots=True)
class _Given:
    """What a loss was computed from, so that it can be computed again."""

    batch: Any
    carry: Any
    random: Tensor


class Stepper:
    """Does the steps of a run.

    Args:
        task: gives the loss.
        network: trained in place.
        stream: gives the batches.
        optimizer: updates the weights.
        settings: accumulation, clipping, precision.

    Attributes:
        carry: what the next batch continues from; None: the initial state.
    """

    def __init__(
        self,
        task: Task,
        network: nn.Module,
        stream: BatchStream,
        optimizer: Optimizer,
        settings: TrainingSettings,
    ) -> None:
        self.task, self.network, self.stream, self.optimizer = task, network, stream, optimizer
        self.settings = settings
        self.carry: Any = None
        self.parameters = optimizer.parameters
        self.device = self.parameters[0].device.type
        self._layers = Layers(network, self.parameters)
        self._window: list[_Given] = []

    def autocast(self) -> torch.autocast:
        """The arithmetic that the settings ask for."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.settings.precision == "bfloat16")

    def step(self, rate: float, measured: bool = False) -> Outcome:
        """Train on the next batches; where the gradient is not finite, no weight changes and the carry is given up.

        The place in the data goes on all the same, past batches in which rows may have begun something new: a carry
        from before them would go on into another text, so that the next batch starts from the initial state.

        Args:
            rate: the learning rate.
            measured: whether to measure how much the weights change, which takes about as long as changing them.

        Raises:
            TrainingError: a batch has no units, or the loss does not depend on any weight.
        """
        total, count, carry = self._backward()
        places = [place for place, parameter in enumerate(self.parameters) if parameter.grad is not None]
        gradients = [gradient for parameter in self.parameters if (gradient := parameter.grad) is not None]
        if not gradients:
            raise TrainingError(_DEAF)
        if self.settings.accumulate > 1:
            torch._foreach_div_(gradients, float(count))
        (norm, norms), loss = gradient_norms(gradients), float(total)
        outcome = Outcome(loss, count, norm, clipped=False, finite=False, dropped=carry is not None)
        if math.isfinite(norm) and math.isfinite(loss):
            clipped = self._clip(gradients, norm)
            ratios = self._update(rate, places, measured)
            outcome = Outcome(loss, count, norm, clipped, True, False, self._layers.lengths(places, norms), ratios)
            self._window = []
        self.carry = carry if outcome.finite else None
        for parameter in self.parameters:
            parameter.grad = None
        return outcome

    def whence(self) -> str:
        """Where the numbers of a step that was not finite stop being finite, in words that can stand after "first in".

        The loss of its batches is computed again, from the same state and torch's same random numbers.
        """
        for given in self._window:
            again = functools.partial(self._loss_again, given)
            if found := first_not_finite(self.network, again, given.carry):
                return found
        return "no place that could be found: computed again, all was finite"

    def _loss_again(self, given: _Given) -> Tensor:
        torch.set_rng_state(given.random)
        with self.autocast():
            loss = self.task.loss(self.network, given.batch, given.carry)
        return loss.total / loss.count

    def _update(self, rate: float, places: list[int], measured: bool) -> dict[str, float | None] | None:
        if not measured:
            self.optimizer.step(rate)
            return None
        weights = [self.parameters[place].detach() for place in places]
        changes = [weight.clone() for weight in weights]
        sizes = self._layers.lengths(places, lengths(changes).tolist())
        self.optimizer.step(rate)
        torch._foreach_sub_(changes, weights)
        moved = self._layers.lengths(places, lengths(changes).tolist())
        ratios = {layer: moved[layer] / size if size else None for layer, size in sizes.items()}
        return {layer: ratio if ratio is not None and math.isfinite(ratio) else None for layer, ratio in ratios.items()}

    def _backward(self) -> tuple[Tensor, int, Any]:
        """Gradients of the window: of its mean loss, or of its sum where the window has several batches."""
        totals, count, carry, single = [], 0, self.carry, self.settings.accumulate == 1
        self._window = []
        for _ in range(self.settings.accumulate):
            batch = next(self.stream)
            self._window.append(_Given(batch, carry, torch.get_rng_state()))
            with self.autocast():
                loss = self.task.loss(self.network, batch, carry)
            if loss.count < 1:
                raise TrainingError(f"a batch holds {loss.count} {self.task.unit}s, at least 1 was expected")
            if not loss.total.requires_grad:
                raise TrainingError(_DEAF)
            (loss.total / loss.count if single else loss.total).backward()  # type: ignore[no-untyped-call]
            totals.append(loss.total.detach())
            count += loss.count
            carry = map_tensors(Tensor.detach, loss.carry)
        return totals[0] if single else torch.stack(totals).sum(), count, carry

    def _clip(self, gradients: list[Tensor], norm: float) -> bool:
        if self.settings.clip_norm:
            return clip_by_norm(gradients, norm, self.settings.clip_norm)
        return bool(self.settings.clip_value) and clip_by_value(gradients, self.settings.clip_value)
