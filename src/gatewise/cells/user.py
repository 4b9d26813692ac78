"""The cell that a user means: a registered one by its name, or the user's own, from a file that the user names."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from gatewise.cells.constants import Constant, from_text
from gatewise.cells.registry import find
from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.settings.nearest import did_you_mean

GIVE_CELL = "give the cell: --cell FILE.py:CLASS, or cell= in Python"
"""What to do where a model needs the user's own cell."""
_MODULE = "gatewise_user_cell_"


def load_cell(text: str) -> type[Cell]:
    """The class that ``my.py:MyCell`` names, from the user's own file, which is run.

    Args:
        text: a path to a Python file, a colon, and the name of a subclass of ``Cell`` in it.

    Raises:
        SettingError: no such file, a file that fails (with its line), no such class, or one that is no cell.

    Example:
        >>> load_cell("lstm")
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: --cell: expected FILE.py:CLASS, but 'lstm' came
    """
    path, colon, name = text.rpartition(":")
    if not (colon and name and path.endswith(".py")):
        raise SettingError(f"expected FILE.py:CLASS, but {text!r} came", where="--cell")
    module = _run_file(Path(path))
    cells = tuple(key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, Cell))
    if not hasattr(module, name):
        known = tuple(cell for cell in cells if cell != "Cell")
        raise SettingError(
            f"no class {name!r} here", where=path, fix=did_you_mean(name, known) if known else "define a Cell"
        )
    if name not in cells or getattr(module, name) is Cell:
        raise SettingError(f"{name!r} is not a subclass of gatewise.Cell", where=path)
    found: type[Cell] = getattr(module, name)
    return found


def resolve(cell: Cell | type[Cell] | str, options: str = "") -> Cell:
    """The cell that a user means: one, a class of them, a registered name, or ``my.py:MyCell``.

    Args:
        cell: what the user gave.
        options: constants as on a command line, ``"forget_bias=0, output_sees=previous"``.

    Raises:
        SettingError: an unknown name, a wrong file, a constant that is unknown or cannot be read.

    Example:
        >>> resolve("peephole_lstm", "output_sees=previous, forget_bias=none")
        PeepholeLSTM(output_sees='previous', forget_bias=None)
    """
    if isinstance(cell, str):
        cell = load_cell(cell) if ":" in cell or cell.endswith(".py") else type(find(cell))
    kind = cell if isinstance(cell, type) else type(cell)
    if not issubclass(kind, Cell):
        raise SettingError(f"expected a cell, a name or FILE.py:CLASS, but {cell!r} came", where="cell")
    given = {} if isinstance(cell, type) else cell.constants()
    return kind.from_constants({**given, **read_options(kind, options)})


def read_options(kind: type[Cell], options: str) -> dict[str, Constant]:
    """Constants from text such as ``"scale=2, start=identity"``, each read as the cell annotates it.

    Args:
        kind: the class of the cell.
        options: ``name=value`` separated by commas; may be empty.

    Raises:
        SettingError: a part without ``=``, an unknown constant, or a value of the wrong kind.

    Example:
        >>> from gatewise.cells import CELLS
        >>> read_options(CELLS["lstm"], "forget_bias=2")
        {'forget_bias': 2.0}
    """
    found: dict[str, Constant] = {}
    known = kind.constant_hints
    for part in filter(None, (part.strip() for part in options.split(","))):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        where = f"cell {kind.name}"
        if not equals:
            raise SettingError(f"expected name=value, but {part!r} came", where=where)
        if name not in known:
            advice = did_you_mean(name, tuple(known)) if known else "this cell has no constants"
            raise SettingError(f"unknown constant {name!r}", where=where, fix=advice)
        found[name] = from_text(value, known[name], f"{where}: {name}")
    return found


def users_mistake(error: BaseException, module: str = _MODULE) -> SettingError | None:
    """An error that came out of the user's own cell, as one line with its place; None for any other.

    Args:
        error: as it was raised.
        module: how the name of the module begins that the cell stands in; that of files given as ``my.py:MyCell``.

    Example:
        >>> users_mistake(ValueError("not from a cell")) is None
        True
    """
    inside = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__", "")).startswith(module)
    ]
    if not inside:
        return None
    code, line = inside[-1][0].f_code, inside[-1][1]
    what = f"{type(error).__name__}: {error}"
    told = what if code.co_name == "<module>" else f"{code.co_name}() raised {what}"
    return SettingError(" ".join(told.split()), where=f"{_shown(code.co_filename)}:{line}", fix="correct the cell")


def _shown(path: str) -> str:
    """A path as short as it can be named from here."""
    near = os.path.relpath(path)
    return path if near.startswith(os.pardir) else near


def _run_file(path: Path) -> ModuleType:
    """The user's file as a module; the same content is run once."""
    if not path.is_file():
        raise SettingError("no such file", where=str(path), fix="give the path of a Python file")
    identity = str(path.resolve()).encode() + b"\0" + path.read_bytes()
    name = _MODULE + hashlib.sha256(identity).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise SettingError("not a Python file", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look annotations up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        if isinstance(error, SyntaxError) and error.filename and Path(error.filename).resolve() == path.resolve():
            raise SettingError(f"{type(error).__name__}: {error.msg}", where=f"{path}:{error.lineno}") from error
        raise users_mistake(error) or SettingError(f"{type(error).__name__}: {error}", where=str(path)) from error
    return module
