"""Every tensor that enters a scan is checked against what the cell declares, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.errors import ShapeError


def solve_sizes(cell: Cell, parameters: Mapping[str, Tensor]) -> tuple[int, int, int]:
    """(X, H, P) as the shapes of the parameters imply them; P is 0 for a cell without projection.

    Args:
        cell: the cell.
        parameters: name -> tensor.

    Raises:
        ShapeError: a size cannot be told, because a parameter is missing or its rows do not divide into the gates.

    Example:
        >>> import torch
        >>> from gatewise.cells import find
        >>> solve_sizes(find("rnn"), {"weight_ih": torch.zeros(5, 3)})
        (3, 5, 0)
    """
    found = {"X": -1, "H": -1, "P": -1 if cell.has_projection else 0}
    for declared in cell.declared():
        tensor = parameters.get(declared.name)
        if tensor is None or tensor.dim() != len(declared.dims):
            continue
        for size, (count, width) in zip(tensor.shape, declared.dims, strict=True):
            if found.get(width) == -1 and size % count == 0:
                found[width] = size // count
        if -1 not in found.values():
            return found["X"], found["H"], found["P"]
    came = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in parameters.items()) or "nothing"
    expected = ", ".join(declared.name for declared in cell.declared())
    raise ShapeError(f"parameters {expected} are expected, but {came} came", where=f"cell {cell.name}")


def check_parameters(cell: Cell, parameters: Mapping[str, Tensor]) -> tuple[int, int, int]:
    """Refuse parameters that are missing, unknown, or of another shape or dtype than the rest implies.

    Args:
        cell: the cell.
        parameters: name -> tensor; all biases may be missing together.

    Returns:
        (X, H, P).

    Raises:
        ShapeError: naming the parameter, what was expected and what came.
    """
    sizes = solve_sizes(cell, parameters)
    bias = any(d.name in parameters for d in cell.declared() if d.kind in ("bias", "shift"))
    expected = cell.parameters(*sizes, bias)
    if expected.keys() != parameters.keys():
        came = ", ".join(parameters)
        raise ShapeError(f"parameters {', '.join(expected)} are expected, but {came} came", where=f"cell {cell.name}")
    first = parameters["weight_ih"]
    for name, spec in expected.items():
        tensor = parameters[name]
        if tensor.shape != spec.shape:
            message = f"{name} is expected as {list(spec.shape)}, but its shape is {list(tensor.shape)}"
            raise ShapeError(message, where=f"cell {cell.name}")
        _check_kind(name, tensor, first, f"cell {cell.name}")
    return sizes


def check_input(
    cell: Cell, sizes: tuple[int, int, int], weight: Tensor, x: Tensor, states: Mapping[str, Tensor], rows: int
) -> None:
    """Refuse an input or states that do not fit the parameters; their dtype may differ under autocast only.

    Args:
        cell: the cell.
        sizes: (X, H, P).
        weight: any parameter, for dtype and device.
        x: [n, X].
        states: name -> [B, width].
        rows: B.

    Raises:
        ShapeError: naming the tensor, what was expected and what came.
    """
    where = f"cell {cell.name}"
    if x.dim() != 2 or x.size(1) != sizes[0]:
        raise ShapeError(f"x is expected as [rows, {sizes[0]}], but its shape is {list(x.shape)}", where=where)
    _check_kind("x", x, weight, where)
    widths = cell.state_widths(*sizes[1:])
    if widths.keys() != states.keys():
        came = ", ".join(states) or "none"
        raise ShapeError(f"the states {', '.join(widths)} are expected, but {came} came", where=where)
    for name, width in widths.items():
        if states[name].shape != (rows, width):
            message = f"the state {name} is expected as {[rows, width]}, but its shape is {list(states[name].shape)}"
            raise ShapeError(message, where=where)
        _check_kind(f"the state {name}", states[name], weight, where)


def _check_kind(name: str, tensor: Tensor, like: Tensor, where: str) -> None:
    """Refuse a tensor of another device or dtype; autocast may mix floating dtypes."""
    if tensor.device == like.device and tensor.dtype == like.dtype:
        return
    if tensor.device == like.device and tensor.is_floating_point() and torch.is_autocast_enabled(like.device.type):
        return
    expected, came = (f"{kind.dtype} on {kind.device}" for kind in (like, tensor))
    raise ShapeError(f"{name} is expected as {expected}, like weight_ih, but {came} came", where=where)
