"""Products with the engine's own kernel where it is there: a row has the same bits in any batch."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from gatewise.scan.choice import engine_is_built
from gatewise.scan.transforms import transform_of

KINDS = (torch.float32, torch.float64)


def linear(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """W h + b of each row, [N, V]: torch's where a gradient may be asked for, else ``linear_without_graph``.

    Args:
        features: [N, K].
        weight: [V, K].
        bias: [V], or None.

    Example:
        >>> linear(torch.ones(2, 4), torch.ones(3, 4)).shape
        torch.Size([2, 3])
    """
    if torch.is_grad_enabled() or torch.is_autocast_enabled(features.device.type) or _followed(features, weight, bias):
        return functional.linear(features, weight, bias)
    out = features.new_empty(features.size(0), weight.size(0))
    linear_without_graph(features, weight, bias, out)
    return out


def linear_without_graph(features: Tensor, weight: Tensor, bias: Tensor | None, out: Tensor) -> None:
    """Write W h + b of each row to ``out``; never part of a graph.

    torch's product gives a row other bits in another batch. On a CPU this is the engine's: the sum of a number runs
    over the features in their order, whatever rows stand beside it, and the number of threads does not count. Without
    the engine, on other devices and in other types, it is torch's.

    Args:
        features: [N, K].
        weight: [V, K].
        bias: [V], or None.
        out: [N, V], whole, of the same dtype.

    Example:
        >>> out = torch.empty(2, 3)
        >>> linear_without_graph(torch.ones(2, 4), torch.ones(3, 4), None, out)
        >>> out.tolist()
        [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]
    """
    known = features.device.type == "cpu" and features.dtype in KINDS and engine_is_built()
    if known and not _followed(features, weight, bias, out):
        from gatewise.scan import _engine  # the extension may be missing

        left, right = _array(features), _array(weight)
        added = None if bias is None else _array(bias)
        _engine.linear(left, right, added, out.numpy(), torch.get_num_threads(), "")
    elif bias is None:
        torch.mm(features, weight.t(), out=out)
    else:
        torch.addmm(bias, features, weight.t(), out=out)


def _followed(*tensors: Tensor | None) -> bool:
    """Whether torch has to see operations of its own."""
    return bool(transform_of(tensors).name)


def _array(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().resolve_neg().contiguous().numpy()
