"""The states a caller hands to a layer: one tensor for each name, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gatewise.layers.errors import InputError

States = dict[str, Tensor]


def check_states(
    given: object,
    shapes: Mapping[str, tuple[int, ...]],
    like: Tensor,
    where: str,
    labels: Mapping[str, str] | None = None,
) -> States:
    """Check that every state of the cell is there, with its shape, and on the dtype and device of the input.

    Args:
        given: what the caller handed over.
        shapes: for each state of the cell, its shape.
        like: the input; under autocast its dtype need not be the states'.
        where: the layer that asks.
        labels: what the caller calls each state, where that is not its name.

    Raises:
        InputError: a state is missing, unknown, of another shape, dtype or device.

    Example:
        >>> check_states({"hidden": torch.zeros(1, 2, 4)}, {"hidden": (1, 3, 4)}, torch.zeros(3, 4), "GRU")
        Traceback (most recent call last):
            ...
        gatewise.layers.errors.InputError: GRU: the state 'hidden' has shape [1, 2, 4], expected [1, 3, 4]; ...
    """
    if not isinstance(given, Mapping):
        kind = type(given).__name__
        raise InputError(f"the state came as {kind}", where=where, fix=f"give a dict of {_names(shapes)}, or None")
    if set(given) != set(shapes):
        raise InputError(f"the states given are {_names(given)}, but the cell has {_names(shapes)}", where=where)
    for name, shape in shapes.items():
        _check_state(labels[name] if labels else f"the state {name!r}", given[name], shape, like, where)
    return {name: given[name] for name in shapes}


def _check_state(label: str, state: object, shape: tuple[int, ...], like: Tensor, where: str) -> None:
    if not isinstance(state, Tensor):
        raise InputError(f"{label} came as {type(state).__name__}", where=where, fix="give a tensor")
    if tuple(state.shape) != shape:
        axes = "[layers * directions, batch, width]" if len(shape) == 3 else "[layers * directions, width]"
        came, expected = list(state.shape), list(shape)
        raise InputError(f"{label} has shape {came}, expected {expected}", where=where, fix=f"give {axes}")
    if state.device != like.device:
        fix = f"move it: .to({str(like.device)!r})"
        raise InputError(f"{label} is on {state.device}, the input on {like.device}", where=where, fix=fix)
    if state.dtype != like.dtype and not torch.is_autocast_enabled(like.device.type):
        raise InputError(f"{label} is {state.dtype}, the input {like.dtype}", where=where, fix=f"use .to({like.dtype})")


def _names(mapping: Mapping[str, object]) -> str:
    return ", ".join(mapping) or "none"
