"""Validation that leaves the training as it was, and can be cut short."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from gatewise.errors import TrainingError
from gatewise.training.randomness import untouched
from gatewise.training.signals import StopSignals
from gatewise.training.task import Task


class Stopped(Exception):
    """A signal came during validation."""


def validate(
    task: Task, network: nn.Module, autocast: Callable[[], torch.autocast], signals: StopSignals
) -> dict[str, float]:
    """The task's measures of the network, which is in evaluation mode for that time.

    Raises:
        Stopped: a signal came; it is looked for before each call of a module.
        TrainingError: the measures have no loss, or not the one that selects.
    """
    network.eval()
    try:
        with untouched(), torch.no_grad(), autocast(), _watched(network, signals):
            measures = {name: float(value) for name, value in task.validate(network).items()}
    finally:
        network.train()
    for name, role in (("loss", "a loss"), (task.selects_by.measure, f"{task.selects_by.measure}, which selects")):
        if name not in measures:
            raise TrainingError(f"the measures of {task.name} must have {role}, but they are {sorted(measures)}")
    return measures


@contextlib.contextmanager
def _watched(network: nn.Module, signals: StopSignals) -> Iterator[None]:
    def check(_module: nn.Module, _inputs: Any) -> None:
        if signals.received is not None:
            raise Stopped

    hooks = [module.register_forward_pre_hook(check) for module in network.modules()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
