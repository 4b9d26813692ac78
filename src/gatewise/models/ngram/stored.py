"""A back-off table as tensors for a file, and back after every check.

Letters: V vocabulary, N_k n-grams of order k.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from gatewise.errors import ModelFileError
from gatewise.models.ngram.counts import LARGEST_ORDER
from gatewise.models.ngram.table import BackoffTable, Order

_TOLERANCE = 1e-5  # of a log probability: float32 may round a probability of 1 a little up
_STEP = 1 << 20


def to_tensors(table: BackoffTable) -> dict[str, Tensor]:
    """``keys_k`` [N_k], int64, ``log_probs_k`` [N_k] and, below the highest order, ``back_offs_k`` [N_k], for each k.

    Example:
        >>> words = Order(np.arange(2), np.log([0.5, 0.5]).astype("f4"), None)
        >>> sorted(to_tensors(BackoffTable((words,), vocabulary_size=2, eos_id=0)))
        ['keys_1', 'log_probs_1']
    """
    found: dict[str, Tensor] = {}
    for number, order in enumerate(table.orders, start=1):
        found[f"keys_{number}"] = torch.from_numpy(order.keys)
        found[f"log_probs_{number}"] = torch.from_numpy(order.log_probs)
        if order.back_offs is not None:
            found[f"back_offs_{number}"] = torch.from_numpy(order.back_offs)
    return found


def from_tensors(
    tensors: Mapping[str, Tensor], vocabulary_size: int, eos_id: int, where: str, *, uniform: bool = False
) -> BackoffTable:
    """The table of :func:`to_tensors`; the arrays are shared with the tensors.

    That the last words of each n-gram are there is not looked at, as it costs a search for each: every table that is
    estimated, or read from an ARPA file, has them.

    Raises:
        ModelFileError: a tensor is missing, unknown, of another kind or shape; keys do not rise, or belong to no
            n-gram of the order below; a number is none, or a probability above 1.
    """
    size = sum(name.startswith("keys_") for name in tensors)
    if not 1 <= size <= LARGEST_ORDER:
        raise ModelFileError(f"n-grams of order 1 to {LARGEST_ORDER} are expected, but {size} orders came", where=where)
    expected = {f"{kind}_{k}" for kind in ("keys", "log_probs", "back_offs") for k in range(1, size + 1)}
    expected.discard(f"back_offs_{size}")
    if wrong := expected ^ tensors.keys():
        name = min(wrong)
        told = "is missing" if name in expected else "belongs to no n-gram model"
        raise ModelFileError(f"the tensor {name} {told}", where=where)
    orders: list[Order] = []
    contexts = 1
    for number in range(1, size + 1):
        orders.append(_order(tensors, number, contexts * vocabulary_size, where, highest=number == size))
        contexts = len(orders[-1].keys)
    if not np.array_equal(orders[0].keys, np.arange(vocabulary_size)):
        raise ModelFileError(f"keys_1 must be 0 to {vocabulary_size - 1}: every word once", where=where)
    return BackoffTable(tuple(orders), vocabulary_size, eos_id, uniform)


def _order(tensors: Mapping[str, Tensor], number: int, end: int, where: str, *, highest: bool) -> Order:
    keys, log_probs = tensors[f"keys_{number}"], tensors[f"log_probs_{number}"]
    back_offs = None if highest else tensors[f"back_offs_{number}"]
    _check_kind(f"keys_{number}", keys, torch.int64, keys.numel(), where)
    _check_kind(f"log_probs_{number}", log_probs, torch.float32, keys.numel(), where)
    if not _rises(keys, end):
        raise ModelFileError(f"keys_{number} must rise from 0 or more to less than {end}", where=where)
    if not all(bool((some <= _TOLERANCE).all()) for some in _pieces(log_probs)):  # nor NaN
        raise ModelFileError(f"log_probs_{number} holds a number that is no log probability", where=where)
    if back_offs is not None:
        _check_kind(f"back_offs_{number}", back_offs, torch.float32, keys.numel(), where)
        if not all(bool((some < torch.inf).all()) for some in _pieces(back_offs)):  # nor NaN
            raise ModelFileError(f"back_offs_{number} holds a number that is no logarithm of a weight", where=where)
    return Order(keys.numpy(), log_probs.numpy(), None if back_offs is None else back_offs.numpy())


def _rises(keys: Tensor, end: int) -> bool:
    """Whether keys rise from 0 or more to less than ``end``; in pieces, since there may be many."""
    if not keys.numel():
        return True
    return bool(keys[0] >= 0 and keys[-1] < end) and all(bool((some[1:] > some[:-1]).all()) for some in _pieces(keys))


def _pieces(tensor: Tensor) -> Iterator[Tensor]:
    """All of a tensor, the last number of each piece in the next one too."""
    return (tensor[start : start + _STEP + 1] for start in range(0, len(tensor), _STEP))


def _check_kind(name: str, tensor: Tensor, dtype: torch.dtype, size: int, where: str) -> None:
    if tensor.dtype != dtype or tensor.dim() != 1 or tensor.numel() != size:
        came = f"{tensor.dtype} {list(tensor.shape)}"
        raise ModelFileError(f"{name} is {came}, expected {dtype} [{size}]", where=where)
