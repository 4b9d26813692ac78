"""How long each sequence of a padded batch is, as the caller says it."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import SupportsIndex, TypeAlias

import torch
from torch import Tensor

from gatewise.layers.errors import InputError

Lengths: TypeAlias = Tensor | Sequence[int]


def read_lengths(lengths: object, batch: int, steps: int, where: str) -> list[int]:
    """Check the lengths of a padded batch and return them as plain integers.

    Args:
        lengths: one whole number for each sequence, 0 to ``steps``, in any order: a list, or a tensor [B] of any
            integer type on any device.
        batch: B, the number of sequences.
        steps: T, the padded length.
        where: the layer that asks, for the message.

    Raises:
        InputError: fractions or truth values, another count than B, a length below 0 or above T.

    Example:
        >>> read_lengths(torch.tensor([2, 0, 5]), batch=3, steps=5, where="LSTM")
        [2, 0, 5]
    """
    values = _integers(lengths, where)
    if len(values) != batch:
        raise InputError(f"{batch} sequences came with {len(values)} lengths", where=where, fix="give one length each")
    for index, value in enumerate(values):
        if not 0 <= value <= steps:
            raise InputError(
                f"lengths[{index}] is {value}, but the input has {steps} time steps",
                where=where,
                fix=f"give lengths from 0 to {steps}",
            )
    return values


def _integers(lengths: object, where: str) -> list[int]:
    fix = "give a list of integers or an integer tensor [B]"
    if isinstance(lengths, Tensor):
        if lengths.dtype.is_floating_point or lengths.dtype.is_complex or lengths.dtype == torch.bool:
            raise InputError(f"lengths must be whole numbers, but came as {lengths.dtype}", where=where, fix=fix)
        if lengths.dim() != 1:
            raise InputError(f"lengths must have one axis, but came as {list(lengths.shape)}", where=where, fix=fix)
        return [int(value) for value in lengths.tolist()]
    if not isinstance(lengths, Iterable) or isinstance(lengths, str):
        raise InputError(f"lengths came as {type(lengths).__name__}", where=where, fix=fix)
    return [_integer(value, where, fix) for value in lengths]


def _integer(value: object, where: str, fix: str) -> int:
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        raise InputError(f"lengths must be whole numbers, but {value!r} is among them", where=where, fix=fix)
    return operator.index(value)
