"""Every tensor that enters a scan is checked against what the cell declares, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.errors import ShapeError


def solve_widths(cell: Cell, parameters: Mapping[str, Tensor]) -> tuple[int, int, int]:
    """(X, H, P) as the shapes of the parameters imply them; P is 0 for a cell without projection.

    Args:
        cell: the cell.
        parameters: name -> tensor.

    Raises:
        ShapeError: there is no ``weight_ih``, or its rows do not divide into the cell's gates.

    Example:
        >>> import torch
        >>> from gatewise.cells import find
        >>> solve_widths(find("rnn"), {"weight_ih": torch.zeros(5, 3)})
        (3, 5, 0)
    """
    found = {"P": 0}
    for declared in cell.declared():
        tensor = parameters.get(declared.name)
        if tensor is None or tensor.dim() != len(declared.dims):
            continue
        for size, (count, width) in zip(tensor.shape, declared.dims, strict=True):
            if size % count == 0 and not found.get(width):
                found[width] = size // count
    if "X" not in found or "H" not in found:
        shape = tuple(parameters["weight_ih"].shape) if "weight_ih" in parameters else "none"
        raise ShapeError(f"weight_ih is expected as [G * H, X], but {shape} came", where=f"cell {cell.name}")
    return found["X"], found["H"], found["P"]


def check_parameters(cell: Cell, parameters: Mapping[str, Tensor]) -> None:
    """Refuse parameters that are missing, unknown, or of another shape or dtype than the rest implies.

    Args:
        cell: the cell.
        parameters: name -> tensor; all biases may be missing together.

    Raises:
        ShapeError: naming the parameter, what was expected and what came.
    """
    where = f"cell {cell.name}"
    bias = any(d.name in parameters for d in cell.declared() if d.kind in ("bias", "shift"))
    expected = cell.parameters(*solve_widths(cell, parameters), bias)
    if expected.keys() != parameters.keys():
        raise ShapeError(f"the parameters {', '.join(expected)} are expected, but {', '.join(parameters)} came", where=where)
    dtype = parameters["weight_ih"].dtype
    for name, spec in expected.items():
        tensor = parameters[name]
        if tuple(tensor.shape) != spec.shape:
            raise ShapeError(f"{name} is expected as {spec.shape}, but {tuple(tensor.shape)} came", where=where)
        if tensor.dtype != dtype:
            raise ShapeError(f"{name} is expected as {dtype}, like weight_ih, but {tensor.dtype} came", where=where)


def check_input(cell: Cell, parameters: Mapping[str, Tensor], x: Tensor, states: Mapping[str, Tensor], rows: int) -> None:
    """Refuse an input or states that do not fit the parameters; the dtype may differ under autocast only.

    Args:
        cell: the cell.
        parameters: name -> tensor, already checked.
        x: [n, X].
        states: name -> [B, width].
        rows: B.

    Raises:
        ShapeError: naming the tensor, what was expected and what came.
    """
    where = f"cell {cell.name}"
    input_size, hidden_size, proj_size = solve_widths(cell, parameters)
    if x.dim() != 2 or x.size(1) != input_size:
        raise ShapeError(f"x is expected as [rows, {input_size}], but its shape is {tuple(x.shape)}", where=where)
    widths = cell.state_widths(hidden_size, proj_size)
    if widths.keys() != states.keys():
        raise ShapeError(f"the states {', '.join(widths)} are expected, but {', '.join(states) or 'none'} came", where=where)
    weight = parameters["weight_ih"]
    mixed = torch.is_autocast_enabled(weight.device.type)
    for name, tensor in (("x", x), *states.items()):
        if name in widths and tuple(tensor.shape) != (rows, widths[name]):
            message = f"the state {name} is expected as {(rows, widths[name])}, but its shape is {tuple(tensor.shape)}"
            raise ShapeError(message, where=where)
        if tensor.device != weight.device or (tensor.dtype != weight.dtype and not (mixed and tensor.is_floating_point())):
            expected = f"{weight.dtype} on {weight.device}, like the parameters"
            raise ShapeError(f"{name} is expected as {expected}, but {tensor.dtype} on {tensor.device} came", where=where)
