"""The start of a cell's parameters: torch's numbers in torch's order, then what the cell says."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.scan.bind import Binding
from gatewise.scan.checks import check_parameters


def initialise(cell: Cell, parameters: Mapping[str, Tensor]) -> None:
    """Fill the parameters in place: each U(-1/sqrt(H), 1/sqrt(H)), gains 1, shifts 0, then ``cell.initialise``.

    Drawn from torch's generator of the tensors' device, one ``uniform_`` per parameter as ``torch.nn`` does, so that
    after the same ``torch.manual_seed`` the twin cells begin as torch's layers do.

    Args:
        cell: the cell.
        parameters: name -> tensor of the shapes that ``cell.parameters`` gives.

    Raises:
        ShapeError: a parameter is missing, unknown or of another shape.

    Example:
        >>> import torch
        >>> from gatewise.cells import find
        >>> tensors = {name: torch.empty(spec.shape) for name, spec in find("lstm").parameters(3, 5).items()}
        >>> initialise(find("lstm"), tensors)
        >>> tensors["bias_ih"][5:10].tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    _, hidden_size, _ = check_parameters(cell, parameters)
    p = Binding(cell, parameters)
    bound = 1.0 / math.sqrt(hidden_size)
    with torch.no_grad():
        for declared in cell.declared():
            if declared.name not in parameters:
                continue
            if declared.kind in ("gain", "shift"):
                parameters[declared.name].fill_(1.0 if declared.kind == "gain" else 0.0)
            else:
                parameters[declared.name].uniform_(-bound, bound)
        cell.initialise(p)
