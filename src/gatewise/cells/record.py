"""What a saved model says of its cell, and the cell made from it again; a user's own is asked for, never looked for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewise.cells.constants import Constant
from gatewise.cells.registry import CELLS, is_registered
from gatewise.cells.spec import Cell
from gatewise.cells.user import GIVE_CELL, resolve
from gatewise.errors import ModelFileError
from gatewise.settings.nearest import did_you_mean


@dataclass(frozen=True)
class CellRecord:
    """What a saved model says of its cell: enough to make a registered one, and to recognise a user's own.

    Args:
        name: the cell's name.
        registered: whether it came with gatewise; a user's cell may have the same name.
        constants: name -> value.
        fingerprint: of the declared states and parameters.
        probe: numbers that the equation gives, as ``gatewise.scan.probe`` computes them; None: one that is not finite.

    Example:
        >>> from gatewise.cells import find
        >>> CellRecord.of(find("gru")).to_dict()["registered"]
        True
    """

    name: str
    registered: bool
    constants: Mapping[str, Constant]
    fingerprint: str
    probe: tuple[float | None, ...] = ()

    @classmethod
    def of(cls, cell: Cell, probe: tuple[float | None, ...] = ()) -> CellRecord:
        """The record of a cell whose equation gives these numbers."""
        return cls(cell.name, is_registered(cell), cell.constants(), cell.fingerprint(), probe)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON has it."""
        return {
            "name": self.name,
            "registered": self.registered,
            "constants": dict(self.constants),
            "fingerprint": self.fingerprint,
            "probe": list(self.probe),
        }

    @classmethod
    def from_dict(cls, data: object, where: str) -> CellRecord:
        """The record from JSON.

        Raises:
            ModelFileError: a field is missing, unknown, or of the wrong kind.
        """
        kinds = {"name": str, "registered": bool, "constants": dict, "fingerprint": str, "probe": list}
        if not isinstance(data, dict) or data.keys() != kinds.keys():
            raise ModelFileError(f"a cell is recorded with {', '.join(kinds)}, but {data!r} came", where=where)
        for name, kind in kinds.items():
            if not isinstance(data[name], kind):
                raise ModelFileError(f"{name} is expected as {kind.__name__}, but {data[name]!r} came", where=where)
        if any(number is not None and type(number) not in (int, float) for number in data["probe"]):
            raise ModelFileError(f"probe is expected as numbers, but {data['probe']!r} came", where=where)
        return cls(**{**data, "probe": tuple(data["probe"])})

    def restore(self, cell: Cell | type[Cell] | str | None, where: str) -> Cell:
        """The cell of this record; a user's own is never looked for, it has to be given.

        Its equation is not looked at: see `check_equation`.

        Args:
            cell: the user's cell, its class, or ``my.py:MyCell``; None for a registered one.
            where: the file that holds the record.

        Raises:
            ModelFileError: a user's cell is needed and not given, or what is given is not what was saved.
        """
        if cell is None and not self.registered:
            raise ModelFileError(f"the model was made with your own cell {self.name!r}", where=where, fix=GIVE_CELL)
        if cell is None and self.name not in CELLS:
            raise ModelFileError(f"unknown cell {self.name!r}", where=where, fix=did_you_mean(self.name, tuple(CELLS)))
        kind = type(resolve(CELLS[self.name] if cell is None else cell))
        if self.registered and kind is not CELLS.get(self.name):
            message = f"the model's cell is {self.name}, but {kind.__qualname__} was given"
            raise ModelFileError(message, where=where, fix="leave the cell out")
        restored = kind.from_constants(self.constants)
        if CellRecord.of(restored, self.probe) != self:
            raise ModelFileError(f"the model was made with another {self.name!r} than {kind.__qualname__}", where=where)
        if isinstance(cell, Cell) and cell != restored:
            raise ModelFileError(f"the model was made with {restored!r}, but {cell!r} was given", where=where)
        return restored

    def check_equation(self, probe: tuple[float | None, ...], where: str) -> None:
        """Refuse a cell of another equation.

        Args:
            probe: the numbers that its equation gives.
            where: the file that holds the record.

        Raises:
            ModelFileError: they differ by more than the rounding of two machines.
        """
        if len(probe) != len(self.probe) or not all(map(_close, probe, self.probe)):
            fix = "use the gatewise that saved the model" if self.registered else "give the cell as it was"
            message = "the equation of this cell is not the one it was trained with"
            raise ModelFileError(message, where=where, fix=fix)


def _close(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=1e-6, abs_tol=1e-6)
