"""The one way to a cell's program: in the cell itself, else shipped, else cached, else traced."""

from __future__ import annotations

from functools import cache

from gatewise.cells.spec import Cell
from gatewise.scan.program.errors import TraceError
from gatewise.scan.program.form import Program
from gatewise.scan.stored.cache import cached, keep
from gatewise.scan.stored.cell import program_in
from gatewise.scan.stored.shipped import shipped


def program_of(cell: Cell, bias: bool = True) -> Program:
    """The step program of a cell, looked for or traced once in a process.

    Args:
        cell: the cell.
        bias: whether it has its biases and shifts.

    Raises:
        TraceError: the step cannot be expressed as a program.

    Example:
        >>> from gatewise.cells import find
        >>> [matrix.name for matrix in program_of(find("lstm")).matrices]
        ['weight_ih', 'weight_hh']
    """
    found = _program_or_obstacle(cell, bias)
    if isinstance(found, TraceError):
        raise found
    return found


@cache
def _program_or_obstacle(cell: Cell, bias: bool) -> Program | TraceError:
    found = program_in(cell) or shipped(cell, bias) or cached(cell, bias)
    if found is not None:
        return found
    from gatewise.scan.trace import trace  # importing the tracer takes a while

    try:
        found = trace(cell, bias=bias)
    except TraceError as error:
        return error
    keep(cell, bias, found)
    return found
