"""The one table of the operations of torch that can be expressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from gatewise.scan.lowering.context import Context
from gatewise.scan.lowering.elements import ELEMENTS
from gatewise.scan.lowering.rows import ROWS
from gatewise.scan.lowering.shapes import SHAPES
from gatewise.scan.program.errors import TraceError

LOWERINGS: dict[str, Callable[..., object]] = {**SHAPES, **ELEMENTS, **ROWS}
"""Name of torch's operation without its overload -> what takes its place."""


def name_of(operation: object) -> str:
    """The name of one of torch's operations without its overload, as it stands in ``LOWERINGS``.

    Example:
        >>> import torch
        >>> name_of(torch.ops.aten.add.Tensor)
        'aten.add'
    """
    return str(operation).rpartition(".")[0]


def lower(context: Context, name: str, arguments: Sequence[object], options: Mapping[str, object]) -> object:
    """The result of one operation.

    Args:
        context: what has been recorded so far.
        name: see ``name_of``.
        arguments: its arguments, tensors of the trace in place of torch's.
        options: its keyword arguments.

    Raises:
        TraceError: it cannot be expressed.
    """
    if name not in LOWERINGS:
        short = name.rpartition(".")[2]
        advice = ", which changes a tensor in place" if short.endswith("_") and not short.endswith("__") else ""
        raise TraceError(f"the operation {short}{advice} cannot be expressed")
    return LOWERINGS[name](context, *arguments, **options)
