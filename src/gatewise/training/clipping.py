"""Keeping a gradient in bounds, and seeing when it is not finite."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_NARROW = {torch.float16, torch.bfloat16}  # a sum of squares leaves the range or the precision of these


def gradient_norm(gradients: Sequence[Tensor]) -> float:
    """The Euclidean length of all gradients together; not finite as soon as one element is not.

    Example:
        >>> gradient_norm([torch.tensor([3.0]), torch.tensor([[4.0]])])
        5.0
    """
    return gradient_norms(gradients)[0]


def gradient_norms(gradients: Sequence[Tensor]) -> tuple[float, list[float]]:
    """The length of all gradients together, as :func:`gradient_norm`, and that of each.

    Example:
        >>> gradient_norms([torch.tensor([3.0]), torch.tensor([[4.0]])])
        (5.0, [3.0, 4.0])
    """
    norms = lengths(gradients)
    # One copy to Python: on an accelerator each would wait for all that was asked of it before.
    *each, whole = torch.cat([norms, torch.linalg.vector_norm(norms).reshape(1)]).tolist()
    return whole, each


def lengths(tensors: Sequence[Tensor]) -> Tensor:
    """The Euclidean length of each tensor, in float32 or wider.

    Example:
        >>> lengths([torch.tensor([3.0, 4.0])])
        tensor([5.])
    """
    wide = torch.float32 if any(tensor.dtype in _NARROW for tensor in tensors) else None
    return torch.stack([norm.float() for norm in torch._foreach_norm(list(tensors), 2, dtype=wide)])


def clip_by_norm(gradients: Sequence[Tensor], norm: float, limit: float) -> bool:
    """Shorten the gradients together to ``limit`` where they are longer, in place.

    g <- g limit / (norm + 1e-6)

    Args:
        gradients: all of them.
        norm: their :func:`gradient_norm`.
        limit: the greatest length allowed.

    Returns:
        whether they were shortened.

    Source: Pascanu et al., "On the difficulty of training recurrent neural networks", arXiv:1211.5063; the small
    number is that of ``torch.nn.utils.clip_grad_norm_``.

    Example:
        >>> gradient = torch.tensor([3.0, 4.0])
        >>> clip_by_norm([gradient], 5.0, 1.0), gradient
        (True, tensor([0.6000, 0.8000]))
    """
    if norm <= limit:
        return False
    torch._foreach_mul_(list(gradients), limit / (norm + 1e-6))
    return True


def clip_by_value(gradients: Sequence[Tensor], limit: float) -> bool:
    """Bring every element of the gradients into [-limit, limit], in place.

    Returns:
        whether any was outside.

    Example:
        >>> gradient = torch.tensor([0.5, -4.0])
        >>> clip_by_value([gradient], 1.0), gradient
        (True, tensor([ 0.5000, -1.0000]))
    """
    largest = torch.stack([part.float() for part in torch._foreach_norm(list(gradients), float("inf"))]).max()
    if float(largest) <= limit:
        return False
    torch._foreach_clamp_min_(list(gradients), -limit)
    torch._foreach_clamp_max_(list(gradients), limit)
    return True
