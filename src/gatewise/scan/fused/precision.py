"""The precision of a fused scan: products of bfloat16 numbers under autocast, states in float32."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.cells.spec import Cell

LOW = torch.bfloat16


def lowered(parameter: torch.dtype) -> bool:
    """Whether products round their operands to bfloat16: under autocast, for parameters of float32.

    Args:
        parameter: the dtype of the cell's parameters.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     lowered(torch.float32), lowered(torch.float64)
        (True, False)
    """
    return parameter is torch.float32 and torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is LOW


def obstacle_to_autocast(parameter: torch.dtype) -> str:
    """What keeps the engine from running under the autocast that is on; empty where nothing does.

    Args:
        parameter: the dtype of the cell's parameters.
    """
    if not torch.is_autocast_enabled("cpu") or parameter is torch.float64 or lowered(parameter):
        return ""
    return f"the engine has no products of {str(torch.get_autocast_dtype('cpu')).removeprefix('torch.')}"


def returned_dtypes(cell: Cell, given: torch.dtype, uniform: bool) -> dict[str, torch.dtype]:
    """The dtype of each state that is returned under autocast: what torch's class of that name returns.

    Torch's RNN answers in bfloat16, its GRU in what it was given. Its LSTM answers in bfloat16 for sequences of one
    length, where oneDNN runs it, and else in what it was given; with a projection its memory is kept in full. Cells
    that torch does not have answer in float32.

    Args:
        cell: the cell.
        given: the dtype of the input.
        uniform: whether all sequences are equally long.

    Example:
        >>> from gatewise.cells import find
        >>> returned_dtypes(find("rnn"), torch.float32, True)
        {'hidden': torch.bfloat16}
    """
    twin = str(cell.torch_twin() or "")
    if not twin:
        return dict.fromkeys(cell.state, torch.float32)
    if twin == "lstm" and cell.has_projection:
        output = cell.output_state
        return {name: LOW if name == output else given for name in cell.state}
    low = twin.startswith("rnn") or (twin == "lstm" and uniform)
    return dict.fromkeys(cell.state, LOW if low else given)


def cast(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor itself where it has the dtype already.

    Example:
        >>> cast(torch.ones(1), torch.bfloat16).dtype
        torch.bfloat16
    """
    return tensor if tensor.dtype is dtype else tensor.to(dtype)
