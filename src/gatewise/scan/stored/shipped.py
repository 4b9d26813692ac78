"""The programs of the cells that come with gatewise: files of the package, written by ``docs/generate.py``."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path

from gatewise.cells.registry import is_registered, variants
from gatewise.cells.spec import Cell
from gatewise.errors import ModelFileError
from gatewise.scan.program.file import from_json, to_json
from gatewise.scan.program.form import Program
from gatewise.scan.program.text import title
from gatewise.scan.stored.definition import by_source, constants_read
from gatewise.storage import parse_json, read_file

FOLDER = Path(__file__).parents[1] / "programs"
DEFINITIONS = "definitions.json"
"""File of a program -> the hash of the cell that it was traced from."""


def shipped(cell: Cell, bias: bool) -> Program | None:
    """The program that came with gatewise; None for any other cell, and for one that was changed since.

    Args:
        cell: the cell.
        bias: whether it has its biases and shifts.

    Warns:
        UserWarning: a file is damaged.

    Example:
        >>> from gatewise.cells import find
        >>> [state.name for state in shipped(find("gru"), True).states]
        ['hidden']
    """
    if not is_registered(cell):
        return None
    name = file_name(cell, bias)
    try:
        place = FOLDER / DEFINITIONS
        known = parse_json(read_file(place), str(place)).get(name)
        if known is None or known != by_source(cell, bias):
            return None
        program = from_json(bytes(read_file(FOLDER / name)), str(FOLDER / name))
        # The file is that of every cell which differs only in constants that the step does not read.
        return replace(program, cell=title(cell.name, cell.constants()))
    except ModelFileError as error:
        warnings.warn(f"{error}; the program is traced anew", stacklevel=2)
        return None


def file_name(cell: Cell, bias: bool) -> str:
    """The name of a cell's file: the cell, those of its words (``Literal`` constants) that the step reads, the bias.

    Example:
        >>> from gatewise.cells import find
        >>> file_name(find("rnn", nonlinearity="relu"), False)
        'rnn-relu-no_bias.json'
    """
    words = [value for value in constants_read(cell).values() if isinstance(value, str)]
    return "-".join([cell.name, *words, *([] if bias else ["no_bias"])]) + ".json"


def files() -> dict[str, bytes]:
    """Every file of the folder as it would be written now, each program traced anew.

    Raises:
        TraceError: a cell that comes with gatewise cannot be expressed.
    """
    from gatewise.scan.trace import trace  # whoever only reads does not need the tracer

    found: dict[str, bytes] = {}
    definitions: dict[str, str | None] = {}
    for cell in variants():
        for bias in (True, False):
            name = file_name(cell, bias)
            if name not in found:
                found[name], definitions[name] = to_json(trace(cell, bias=bias)) + b"\n", by_source(cell, bias)
    return {**found, DEFINITIONS: json.dumps(definitions, indent=1).encode() + b"\n"}
