"""The programs of the user's own cells, kept between processes.

They lie in ``programs`` under ``$GATEWISE_CACHE``, else ``$XDG_CACHE_HOME/gatewise``, else ``~/.cache/gatewise``;
``GATEWISE_CACHE=off`` keeps none. A file is named by the hash of what the cell is made of. That hash cannot see
everything that Python can reach, so a program that is read back has to give the values and gradients of the step too.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from gatewise.cells.spec import Cell
from gatewise.errors import GatewiseError, ModelFileError
from gatewise.scan.program.file import from_json, to_json
from gatewise.scan.program.form import Program
from gatewise.scan.stored.definition import by_bytecode
from gatewise.storage import make_folder, read_file, write_atomically

OFF = "off"


def folder() -> Path | None:
    """Where programs are kept; None where they are not.

    Example:
        >>> folder() is None or folder().name
        True
    """
    named = os.environ.get("GATEWISE_CACHE", "")
    if named == OFF:
        return None
    if named:
        return Path(named) / "programs"
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~/.cache"))
    return home / "gatewise" / "programs" if home.is_absolute() else None


def cached(cell: Cell, bias: bool) -> Program | None:
    """The program that an earlier process traced from the same cell.

    Args:
        cell: the cell.
        bias: whether it has its biases and shifts.

    Warns:
        UserWarning: the file is damaged, or its program is not the cell's.
    """
    path = _path(cell, bias)
    if path is None or not os.path.lexists(path):
        return None
    from gatewise.scan.trace import disagreement  # importing the tracer takes a while

    try:
        program = from_json(bytes(read_file(path)), str(path))
        if difference := disagreement(cell, program, bias=bias):
            raise ModelFileError(f"is not the program of {cell.name} ({difference})", where=str(path))
    except ModelFileError as error:
        warnings.warn(f"{error}; the program is traced anew", stacklevel=2)
        return None
    return program


def keep(cell: Cell, bias: bool, program: Program) -> None:
    """Keep a program for later processes.

    Args:
        cell: the cell that it was traced from.
        bias: whether the cell has its biases and shifts.
        program: the program.

    Warns:
        UserWarning: the folder cannot be written.
    """
    path = _path(cell, bias)
    if path is None:
        return
    try:
        make_folder(path.parent)
        write_atomically(path, to_json(program))
    except GatewiseError as error:
        fix = f"set GATEWISE_CACHE to another folder, or to {OFF}"
        warnings.warn(f"{error}; the next process traces the cell again: {fix}", stacklevel=2)


def _path(cell: Cell, bias: bool) -> Path | None:
    place = folder()
    return None if place is None else place / f"{cell.name[:64]}-{by_bytecode(cell, bias)}.json"
