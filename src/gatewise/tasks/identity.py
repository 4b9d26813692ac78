"""What a cell is, in a form that a resumed run can compare."""

from __future__ import annotations

from typing import Any

from gatewise.cells import Cell
from gatewise.cells.record import CellRecord
from gatewise.scan.probe import probe


def identity_of(cell: Cell) -> dict[str, Any]:
    """The record of a cell, and its equation in numbers; part of what :meth:`Task.identity` tells.

    Example:
        >>> from gatewise.cells import find
        >>> list(identity_of(find("gru")))
        ['cell_record', 'the equation of the cell, in numbers,']
    """
    return {
        "cell_record": CellRecord.of(cell).to_dict(),
        "the equation of the cell, in numbers,": " ".join(map(_short, probe(cell))),
    }


def _short(number: float | None) -> str:
    """Few enough digits that machines agree on them."""
    return "none" if number is None else f"{number:.6g}"
