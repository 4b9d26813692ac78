"""The one place where tolerances come from."""

from __future__ import annotations

import math

import torch


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
