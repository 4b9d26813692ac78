"""Keeping products of many factors within the range of numbers without rounding them."""

from __future__ import annotations

import torch
from torch import Tensor


def power_of_two(numbers: Tensor) -> Tensor:
    """The power of two above each number, by which it is divided without rounding; 1 for 0.

    Example:
        >>> power_of_two(torch.tensor([0.0, 3.0, 0.2])).tolist()
        [1.0, 4.0, 0.25]
    """
    return torch.where(numbers > 0, numbers / numbers.frexp().mantissa, 1.0)
