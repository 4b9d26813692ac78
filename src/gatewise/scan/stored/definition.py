"""What a cell's program follows from, as a hash: declarations, constants, and every function that its step is made of.

Two forms of a function: its source, which is the same under every Python and stands in what is shipped; and its
bytecode, which is what really runs, whatever was written to the file since.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import linecache
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

import torch

from gatewise.cells.constants import Constant
from gatewise.cells.spec import Cell
from gatewise.scan.program.form import VERSION

_FOREIGN = ("torch", "numpy", "math", "builtins")
"""Packages whose functions are known by their names."""
_DEEPEST = 3
"""How deep into lists and dictionaries it is looked, which may hold themselves."""


def by_source(cell: Cell, bias: bool) -> str | None:
    """The hash of a cell as its source has it, with those constants only that the step reads.

    Args:
        cell: the cell.
        bias: whether it has its biases and shifts.

    Returns:
        64 hexadecimal digits; None where the source is not at hand.

    Example:
        >>> from gatewise.cells import find
        >>> by_source(find("lstm"), True) == by_source(find("lstm", forget_bias=None), True)
        True
    """
    found = _parts(type(cell))
    parts = {name: _source(part) if isinstance(part, FunctionType) else repr(part) for name, part in found}
    if not all(parts.values()):
        return None
    return _digest(cell, bias, constants_read(cell), parts, [VERSION])


def by_bytecode(cell: Cell, bias: bool) -> str:
    """The hash of a cell as it runs here, with all constants and the versions of gatewise, torch and Python.

    Args:
        cell: the cell.
        bias: whether it has its biases and shifts.
    """
    from gatewise import __version__  # reads the package's metadata

    found = _parts(type(cell))
    parts = {name: _bytecode(part) if isinstance(part, FunctionType) else repr(part) for name, part in found}
    versions = [VERSION, __version__, torch.__version__, sys.version]
    return _digest(cell, bias, cell.constants(), parts, versions)


def constants_read(cell: Cell) -> dict[str, Constant]:
    """Those constants of a cell that its step, or a width, names.

    Example:
        >>> from gatewise.cells import find
        >>> constants_read(find("rnn"))
        {'nonlinearity': 'tanh'}
    """
    named = {width for declared in cell.declared() for _, width in declared.dims} | {*cell.state.values()}
    for _, part in _parts(type(cell)):
        if isinstance(part, FunctionType):
            named |= set(_names(part.__code__))
    return {name: value for name, value in cell.constants().items() if name in named}


def _digest(
    cell: Cell, bias: bool, constants: Mapping[str, Constant], parts: Mapping[str, Any], versions: list[Any]
) -> str:
    declared = [[d.name, d.kind, d.dims, d.recurrent] for d in cell.declared(bias)]
    attributes = {name: repr(declaration) for name, declaration in cell.declarations.items()}
    told = [versions, bias, list(cell.state.items()), declared, attributes, constants, parts]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=repr).encode()).hexdigest()


def _parts(kind: type[Cell]) -> Iterator[tuple[str, Any]]:
    """The functions that the step is made of and the plain values that they read, under their full names.

    Followed are methods, functions of modules and classes, and what a closure holds, as far as they are named. What is
    reached otherwise is not seen; whoever reads a program back compares it with the step besides.
    """
    waiting: list[tuple[str, Any]] = [("step", kind.step)]
    seen: set[str] = set()
    while waiting:
        name, value = waiting.pop()
        found = _bare(value)
        if name in seen or name.count("[") > _DEEPEST or _is_foreign(getattr(found, "__module__", None)):
            continue
        seen.add(name)
        if isinstance(found, FunctionType):
            waiting += _named_in(found, kind)
            waiting.append((f"{name} wraps", getattr(found, "__wrapped__", None)))
        if isinstance(found, dict | list | tuple):
            items = found.items() if isinstance(found, dict) else enumerate(found)
            waiting += [(f"{name}[{key!r}]", item) for key, item in items]
        if isinstance(found, FunctionType | bool | int | float | str | bytes):
            yield name, found


def _named_in(function: FunctionType, kind: type[Cell]) -> Iterator[tuple[str, Any]]:
    """What a function names: of its closure, of its cell, of its module, and of the modules and classes in that."""
    names = set(_names(function.__code__))
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    closure = {name: cell.cell_contents for name, cell in cells if name != "__class__"}
    bases = kind.__mro__[: kind.__mro__.index(Cell)]
    known = [value for value in map(function.__globals__.get, names) if isinstance(value, ModuleType | type)]
    spaces: list[tuple[str, Mapping[str, Any]]] = [(function.__module__, function.__globals__)]
    spaces += [(f"{function.__module__}.{function.__qualname__}", closure)]
    spaces += [(f"{place.__module__}.{place.__qualname__}", vars(place)) for place in bases]
    spaces += [(place.__name__, vars(place)) for place in known if not _is_foreign(place.__name__)]
    for prefix, space in spaces:
        yield from ((f"{prefix}.{name}", space[name]) for name in names & space.keys())


def _bare(value: Any) -> Any:
    """The function in a method or property."""
    value = value.fget if isinstance(value, property) else value
    return getattr(value, "__func__", value)


def _is_foreign(module: str | None) -> bool:
    return module is not None and module.partition(".")[0] in _FOREIGN


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _source(function: FunctionType) -> str:
    """The lines of a function; empty where they are not at hand. (inspect looks through all modules for its file.)"""
    code = function.__code__
    lines = linecache.getlines(code.co_filename, function.__globals__)
    return "".join(inspect.getblock(lines[code.co_firstlineno - 1 :])) if lines else ""


def _bytecode(function: FunctionType) -> list[Any]:
    return [_code(function.__code__), repr(function.__defaults__), repr(function.__kwdefaults__)]


def _code(code: CodeType) -> list[Any]:
    constants = [_code(one) if isinstance(one, CodeType) else _constant(one) for one in code.co_consts]
    names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
    return [code.co_code.hex(), constants, names, code.co_argcount, code.co_flags]


def _constant(value: Any) -> str:
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)
