"""The cell that a user means: a registered one by its name, or the user's own, from a file that the user names."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from gatewise.cells.constants import Constant, from_text
from gatewise.cells.registry import find
from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.settings.nearest import did_you_mean


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
        gatewise.errors.SettingError: --cell: expected FILE.py:Class, but 'lstm' came
    """
    path, colon, name = text.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise SettingError(f"expected FILE.py:Class, but {text!r} came", where="--cell")
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
        raise SettingError(f"expected a cell, a name or FILE.py:Class, but {cell!r} came", where="cell")
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


def _run_file(path: Path) -> ModuleType:
    """The user's file as a module; the same content is run once."""
    if not path.is_file():
        raise SettingError("no such file", where=str(path), fix="give the path of a Python file")
    identity = str(path.resolve()).encode() + b"\0" + path.read_bytes()
    name = f"gatewise_user_cell_{hashlib.sha256(identity).hexdigest()[:16]}"
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
        raise SettingError(f"{type(error).__name__}: {error}", where=f"{path}:{_line(error, path)}") from error
    return module


def _line(error: Exception, path: Path) -> int:
    """The last line of the user's file that the error passed through."""
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
    return frames[-1].lineno or 0 if frames else 0
