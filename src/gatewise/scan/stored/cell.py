"""A user's cell without its code: declarations and step are those of the program that a model holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from keyword import iskeyword
from typing import ClassVar, NoReturn

from gatewise.cells.bundles import Gates, Parameters, States
from gatewise.cells.constants import Constant
from gatewise.cells.declarations import Declared, Whole
from gatewise.cells.record import CellRecord
from gatewise.cells.spec import Cell
from gatewise.cells.user import GIVE_CELL
from gatewise.errors import ModelFileError
from gatewise.scan.interpret import interpret
from gatewise.scan.packed import Packed
from gatewise.scan.program.form import Program


class StoredCell(Cell):
    """What `stored_cell` makes classes of; its step is run by the interpreter, one time step at a call."""

    state = {"hidden": "H"}
    program_parameters = Whole(("x",))
    _program: ClassVar[Program]
    _recorded: ClassVar[str]

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The program, for one time step; x is the input itself."""
        sequence = Packed(x.tensor, (x.tensor.size(0),))
        return s.next(**interpret(self._program, p.program_parameters.tensors, sequence, s.as_dict()).scan.final)

    @classmethod
    def fingerprint(cls) -> str:
        """The fingerprint that the user's cell had."""
        return cls._recorded


def program_in(cell: Cell) -> Program | None:
    """The program that a cell is made of; None for one that has its own code.

    Example:
        >>> from gatewise.cells import find
        >>> program_in(find("gru")) is None
        True
    """
    return cell._program if isinstance(cell, StoredCell) else None


def stored_cell(record: CellRecord, program: Program, where: str) -> Cell:
    """The cell that a model tells of, made of the program that it holds; no code of it is looked for.

    Whether the program computes what the record says is not looked at: see ``CellRecord.check_equation``.

    Args:
        record: what the model says of its cell.
        program: a program that ``check`` has seen.
        where: the file that holds the program.

    Raises:
        ModelFileError: the program is not that of a cell of these constants.
    """
    for name, value in record.constants.items():
        if not name.isidentifier() or iskeyword(name) or hasattr(StoredCell, name):
            _refuse(f"a constant is named {name[:40]!r}", where)
        if type(value) not in (bool, int, float, str, type(None)):
            _refuse(f"the constant {name} is no number, word, true, false or none", where)
    if not record.name.isidentifier():
        _refuse(f"a cell is named {record.name[:40]!r}", where)
    constants = tuple((name, type(value), value) for name, value in record.constants.items())
    kind = _class(record.name, record.fingerprint, constants, program, where)
    if kind.name != record.name:
        _refuse(f"a cell is named {record.name[:40]!r}", where)
    return kind()


@cache
def _class(
    name: str, fingerprint: str, constants: tuple[tuple[str, type, Constant], ...], program: Program, where: str
) -> type[StoredCell]:
    """One class for a model, however often it is loaded."""
    letters = {str(value): constant for constant, kind, value in constants if kind is int}
    widths = _Widths(letters, where)
    body = {
        "__doc__": f"A cell of the user's own, run from the program that its model holds: {program.cell}.",
        "__module__": __name__,
        "__annotations__": {constant: kind for constant, kind, _ in constants},
        "state": {state.name: widths.one((program.values[state.before].width,))[1] for state in program.states},
        "program_parameters": Whole(("x",), parameters=_declared(program, widths, where)),
        "_program": program,
        "_recorded": fingerprint,
    }
    return type(name, (StoredCell,), {**{constant: value for constant, _, value in constants}, **body})


def _declared(program: Program, widths: _Widths, where: str) -> tuple[Declared, ...]:
    """The parameters of a program, as a cell declares them."""
    products = [product for stage in program.forward.step for product in stage.products]
    recurrent = {product.matrix for product in products}
    found = []
    for index, matrix in enumerate(program.matrices):
        dims = widths.one(matrix.rows), widths.one(matrix.columns)
        found.append(Declared(matrix.name, "weight", dims, index in recurrent))
    for vector in program.vectors:
        parts = tuple(program.values[part].width for part in vector.parts)
        found.append(Declared(vector.name, "vector", (widths.one(parts),)))
    for declared in found:
        if not declared.name.isidentifier():
            _refuse(f"a parameter is named {declared.name[:40]!r}", where)
    if not any(declared.name == "weight_ih" and declared.dims[-1] == (1, "X") for declared in found):
        _refuse("there is no weight_ih that reads the input", where)
    return tuple(found)


class _Widths:
    """The widths of a program as a cell declares them: letters, and the names of constants for numbers."""

    def __init__(self, constants: Mapping[str, str], where: str) -> None:
        self._constants, self._where = constants, where

    def one(self, widths: Iterable[str]) -> tuple[int, str]:
        """How many parts an axis has, and how wide each of them is."""
        found = tuple(widths)
        if not found or set(found) != {found[0]}:
            _refuse(f"an axis of the widths {', '.join(found)[:40]}", self._where)
        width = self._constants.get(found[0], found[0])
        if width.isdecimal():
            _refuse(f"the width {width} is none of the cell's constants", self._where)
        return len(found), width


def _refuse(message: str, where: str) -> NoReturn:
    raise ModelFileError(f"is not the program of a cell: {message}", where=where, fix=GIVE_CELL)
