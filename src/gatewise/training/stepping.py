"""One step of training: batches, gradient, guard, clipping, update."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.errors import TrainingError
from gatewise.training.clipping import clip_by_norm, clip_by_value, gradient_norm
from gatewise.training.optimizers import Optimizer
from gatewise.training.settings import TrainingSettings
from gatewise.training.task import BatchStream, Task
from gatewise.training.tree import map_tensors

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
    """

    loss: float
    count: int
    norm: float
    clipped: bool
    finite: bool
    dropped: bool = False


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

    def autocast(self) -> torch.autocast:
        """The arithmetic that the settings ask for."""
        return torch.autocast(self.device, torch.bfloat16, enabled=self.settings.precision == "bfloat16")

    def step(self, rate: float) -> Outcome:
        """Train on the next batches; where the gradient is not finite, no weight changes and the carry is given up.

        The place in the data goes on all the same, past batches in which rows may have begun something new: a carry
        from before them would go on into another text, so that the next batch starts from the initial state.

        Args:
            rate: the learning rate.

        Raises:
            TrainingError: a batch has no units, or the loss does not depend on any weight.
        """
        total, count, carry = self._backward()
        gradients = [parameter.grad for parameter in self.parameters if parameter.grad is not None]
        if not gradients:
            raise TrainingError(_DEAF)
        if self.settings.accumulate > 1:
            torch._foreach_div_(gradients, float(count))
        norm, loss = gradient_norm(gradients), float(total)
        finite, clipped = math.isfinite(norm) and math.isfinite(loss), False
        if finite:
            clipped = self._clip(gradients, norm)
            self.optimizer.step(rate)
        dropped = not finite and carry is not None
        self.carry = carry if finite else None
        for parameter in self.parameters:
            parameter.grad = None
        return Outcome(loss, count, norm, clipped, finite, dropped)

    def _backward(self) -> tuple[Tensor, int, Any]:
        """Gradients of the window: of its mean loss, or of its sum where the window has several batches."""
        totals, count, carry, single = [], 0, self.carry, self.settings.accumulate == 1
        for _ in range(self.settings.accumulate):
            batch = next(self.stream)
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
