"""The one place where tolerances come from."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def tolerance(dtype: torch.dtype, length: int = 1) -> dict[str, float]:
    """Bounds for comparing two correct computations that round in a different order.

    Each of the ``length`` sequential operations may add one unit roundoff; sums of ``n`` terms inside one
    operation grow with log2(n), for which a factor of 32 leaves room (2**32 terms), and the result is
    relative to values of order one, hence the same absolute bound.

    Args:
        dtype: the type both sides were computed in.
        length: how many operations feed on each other, such as time steps times layers.

    Returns:
        ``{"atol": ..., "rtol": ...}`` for ``torch.testing.assert_close``.
    """
    bound = 32 * torch.finfo(dtype).eps * (1 + math.sqrt(length))
    return {"atol": bound, "rtol": bound}


def error(came: Tensor, exact: Tensor) -> float:
    """The largest distance of a result from the exact one; infinite where one of them is no number.

    Args:
        came: the result.
        exact: the same in float64.
    """
    if not exact.numel():
        return 0.0
    distance = (came.detach().double() - exact.detach()).abs().max().item()
    return distance if math.isfinite(distance) else math.inf


def unit(exact: Tensor, dtype: torch.dtype) -> float:
    """One unit of rounding of a result: the distance of two neighbours, at most, where its largest number lies.

    Args:
        exact: the result in float64.
        dtype: the type in which it is computed.
    """
    return torch.finfo(dtype).eps * exact.detach().abs().max().item()


def allowed(others: float, exact: Tensor, dtype: torch.dtype, length: int = 1) -> float:
    """The error that a computation may have beside another's: twice as much, and never less than a floor.

    The floor is there because the other may be right by luck: a single number that was rounded the right way has an
    error of 0, and twice that is 0. A result that goes through ``length`` operations, each of which rounds by up to
    half of eps in a direction of its own, strays by eps / 2 * sqrt(length); the largest of some thousand such numbers
    lies at about four times that. Hence 2 * eps * (1 + sqrt(length)), a sixteenth of ``tolerance``, relative to the
    largest exact value, or to 1 where that is smaller: sums of terms of order one may cancel.

    Args:
        others: the error of the computation beside it.
        exact: the result in float64.
        dtype: the type both were computed in.
        length: how many operations feed on each other, such as time steps times layers.
    """
    scale = max(1.0, exact.detach().abs().max().item()) if exact.numel() else 1.0
    return 2 * others + 2 * torch.finfo(dtype).eps * (1 + math.sqrt(length)) * scale
