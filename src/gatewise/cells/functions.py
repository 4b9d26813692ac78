"""The nonlinearities that cells are written with: one-liners on tensor methods, so that cells import without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def sigmoid(a: Tensor) -> Tensor:
    """The logistic function 1 / (1 + exp(-a)), element by element; a gate between 0 and 1.

    Example:
        >>> import torch
        >>> sigmoid(torch.zeros(2)).tolist()
        [0.5, 0.5]
    """
    return a.sigmoid()


def tanh(a: Tensor) -> Tensor:
    """The hyperbolic tangent, element by element, between -1 and 1.

    Example:
        >>> import torch
        >>> tanh(torch.zeros(2)).tolist()
        [0.0, 0.0]
    """
    return a.tanh()


def relu(a: Tensor) -> Tensor:
    """max(a, 0), element by element.

    Example:
        >>> import torch
        >>> relu(torch.tensor([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """
    return a.relu()


def softsign(a: Tensor) -> Tensor:
    """a / (1 + |a|), element by element: between -1 and 1 like tanh, with slower tails.

    Example:
        >>> import torch
        >>> softsign(torch.tensor([-1.0, 3.0])).tolist()
        [-0.5, 0.75]
    """
    return a / (1.0 + a.abs())
