"""Where numbers stop being finite: the first weight, module or gradient in which NaN or an infinity appears."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from gatewise.training.layer_names import told_parameter
from gatewise.training.randomness import untouched
from gatewise.training.tree import map_tensors, weights_of


def broken_weight(network: nn.Module) -> str:
    """The first parameter or buffer that is not finite, with how much of it; "" where all are.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 3))
        >>> with torch.no_grad():
        ...     _ = network[0].weight[1, 0].fill_(torch.nan)
        >>> broken_weight(network)
        'weight of 0 (1 of 6 numbers is NaN)'
    """
    for name, value in weights_of(network).items():
        if (odd := _odd(value)) is not None:
            count = int((~torch.isfinite(value)).sum())
            are = "is" if count == 1 else "are"
            return f"{told_parameter(name)} ({count:,} of {value.numel():,} numbers {are} {odd})"
    return ""


def first_not_finite(network: nn.Module, loss: Callable[[], Tensor], carry: Any = None) -> str:
    """Where numbers stop being finite: a weight, the carried state, a module, the loss, a gradient; "" where nowhere.

    The loss is computed once more, and its gradients. Random numbers, buffers and gradients are left as they were.

    Args:
        network: the one to look at.
        loss: computes the loss with the network, a scalar.
        carry: what the loss goes on from: tensors in dicts, lists and tuples, or None.

    Returns:
        words that can stand after "first in".

    Example:
        >>> network = nn.Sequential(nn.Linear(1, 1), nn.Tanh())
        >>> with torch.no_grad():
        ...     _ = network[0].weight.fill_(2e38)
        >>> first_not_finite(network, lambda: network(torch.tensor([[100.0]])).sum())
        'the output of 0 (infinite)'
    """
    if weight := broken_weight(network):
        return weight
    if (odd := _first_odd(carry)) is not None:
        return f"the state carried from the batch before ({odd})"
    with _as_before(network), untouched(), torch.enable_grad():
        watch = _Watch(network)
        try:
            value = loss()
            if not watch.found and (odd := _odd(value)) is not None:
                watch.found = f"the loss ({odd}); what the modules gave was finite"
            if not watch.found and value.requires_grad:
                value.backward()  # type: ignore[no-untyped-call]
        finally:
            watch.remove()
    return watch.found


class _Watch:
    """Hooks on all modules and parameters; the first that sees a number that is not finite says so in ``found``."""

    def __init__(self, network: nn.Module) -> None:
        self.found, self._above = "", "the loss"
        self._handles: list[Any] = []
        for name, module in network.named_modules():
            name = name or type(module).__name__
            self._handles.append(module.register_forward_pre_hook(self._reads(name)))
            self._handles.append(module.register_forward_hook(self._gives(name)))
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                self._hear(parameter, self._gets(told_parameter(name)))

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()

    def _hear(self, tensor: Tensor, listener: Callable[[Tensor], None]) -> None:
        self._handles.append(tensor.register_hook(listener))  # type: ignore[no-untyped-call]

    def _note(self, what: str, tree: Any) -> None:
        if not self.found and (odd := _first_odd(tree)) is not None:
            self.found = f"{what} ({odd})"

    def _reads(self, name: str) -> Callable[[nn.Module, Any], None]:
        return lambda _module, given: self._note(f"what {name} reads", given)

    def _gives(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def look(_module: nn.Module, _given: Any, output: Any) -> None:
            self._note(f"the output of {name}", output)
            for tensor in _tensors(output):
                if tensor.requires_grad:
                    self._hear(tensor, self._passes(name))

        return look

    def _gets(self, name: str) -> Callable[[Tensor], None]:
        return lambda gradient: self._note(f"the gradient of {name}", gradient)

    def _passes(self, name: str) -> Callable[[Tensor], None]:
        def look(gradient: Tensor) -> None:
            self._note(f"the gradient that goes from {self._above} back to {name}", gradient)
            self._above = name

        return look


@contextlib.contextmanager
def _as_before(network: nn.Module) -> Iterator[None]:
    """Put gradients and buffers back afterwards."""
    gradients = [(parameter, parameter.grad) for parameter in network.parameters()]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    for parameter, _ in gradients:
        parameter.grad = None
    try:
        yield
    finally:
        for parameter, gradient in gradients:
            parameter.grad = gradient
        with torch.no_grad():
            for buffer, kept in buffers:
                buffer.copy_(kept)


def _odd(value: Tensor) -> str | None:
    """What is wrong with a tensor, None where it is finite."""
    if not (value.is_floating_point() or value.is_complex()) or bool(torch.isfinite(value).all()):
        return None
    return "NaN" if bool(torch.isnan(value).any()) else "infinite"


def _first_odd(tree: Any) -> str | None:
    return next((odd for tensor in _tensors(tree) if (odd := _odd(tensor.detach())) is not None), None)


def _tensors(tree: Any) -> Iterable[Tensor]:
    """The tensors in dicts, lists, tuples and dataclasses."""
    found: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    map_tensors(keep, _plain(tree))
    return found


def _plain(tree: Any) -> Any:
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        return [_plain(getattr(tree, part.name)) for part in dataclasses.fields(tree)]
    if isinstance(tree, list | tuple):
        return [_plain(value) for value in tree]
    return tree
