"""One step of a cell before anything is made for it, so that a mistake in it is told with its line."""

from __future__ import annotations

import torch

from gatewise.cells.spec import Cell
from gatewise.cells.user import users_mistake
from gatewise.scan.initialisation import initialise
from gatewise.scan.packed import Packed
from gatewise.scan.reference import run_reference

_ROWS = 2


def try_step(cell: Cell, input_size: int, hidden_size: int, proj_size: int = 0) -> None:
    """Initialise a cell's parameters and run its step once, on two rows.

    Random numbers are left as they were.

    Args:
        cell: a cell with its constants.
        input_size: X.
        hidden_size: H.
        proj_size: P, for cells with a projection.

    Raises:
        SettingError: the cell's own code raised something; the line names its file and line.
        ShapeError: a state has another width after the step than before it.

    Example:
        >>> from gatewise.cells import find
        >>> try_step(find("gru"), 3, 4)
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            shapes = cell.parameters(input_size, hidden_size, proj_size)
            parameters = {name: torch.empty(spec.shape) for name, spec in shapes.items()}
            initialise(cell, parameters)
            states = {
                name: torch.zeros(_ROWS, width) for name, width in cell.state_widths(hidden_size, proj_size).items()
            }
            run_reference(cell, parameters, Packed(torch.zeros(_ROWS, input_size), (_ROWS,)), states)
        except Exception as error:
            mistake = users_mistake(error, type(cell).__module__)
            if mistake is None:
                raise
            raise mistake from error
