"""The cells that come with gatewise, by name: the one list that layers, commands, tests and documentation read."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import product

from gatewise.cells.cho_gru import ChoGRU
from gatewise.cells.constants import Constant, choices
from gatewise.cells.coupled_lstm import CoupledLSTM
from gatewise.cells.gru import GRU
from gatewise.cells.layer_norm_lstm import LayerNormLSTM
from gatewise.cells.lstm import LSTM
from gatewise.cells.peephole_lstm import PeepholeLSTM
from gatewise.cells.projected_lstm import ProjectedLSTM
from gatewise.cells.rnn import RNN
from gatewise.cells.simple_gru import SimpleGRU
from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.settings.nearest import did_you_mean

CELLS: dict[str, type[Cell]] = {
    cell.name: cell
    for cell in (
        RNN,
        SimpleGRU,
        GRU,
        ChoGRU,
        LSTM,
        ProjectedLSTM,
        PeepholeLSTM,
        CoupledLSTM,
        LayerNormLSTM,
    )
}
"""Name -> class of every cell that comes with gatewise."""


def find(name: str, **constants: Constant) -> Cell:
    """The registered cell of this name, with these constants.

    Args:
        name: such as "lstm".
        constants: such as ``forget_bias=0.0``; the others keep their default.

    Raises:
        SettingError: an unknown name (the nearest known one is named), or a wrong constant.

    Example:
        >>> find("rnn", nonlinearity="relu")
        RNN(nonlinearity='relu', start='uniform')
    """
    if name not in CELLS:
        raise SettingError(f"unknown cell {name!r}", where="cell", fix=did_you_mean(name, tuple(CELLS)))
    return CELLS[name].from_constants(constants)


def is_registered(cell: Cell) -> bool:
    """Whether a cell came with gatewise; a user's may have the same name.

    Example:
        >>> is_registered(find("gru"))
        True
    """
    return type(cell) is CELLS.get(cell.name)


def variants() -> Iterator[Cell]:
    """Every registered cell with every combination of its ``Literal`` constants, the other constants at their defaults.

    Example:
        >>> sum(cell.name == "rnn" for cell in variants())
        6
    """
    for cell in CELLS.values():
        options = {name: choices(hint) for name, hint in cell.constant_hints.items() if choices(hint)}
        for values in product(*options.values()):
            yield cell.from_constants(dict(zip(options, values, strict=True)))


def describe(cell: Cell) -> str:
    """What a cell is, for a reader: its name with constants, and its docstring with the equation.

    Args:
        cell: any cell, a user's too.

    Example:
        >>> print(describe(find("gru")).splitlines()[0])
        gru: Gated recurrent unit with the reset gate applied after the recurrent product.
    """
    constants = ", ".join(f"{name}={value}" for name, value in cell.constants().items())
    text = (inspect.getdoc(type(cell)) or "a cell without description").split("\n\nExample:")[0]
    return f"{cell.name}{f' ({constants})' if constants else ''}: {text}"
