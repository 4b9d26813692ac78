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
        raise unknown(name)
    try:
        return LOWERINGS[name](context, *arguments, **options)
    except TraceError as error:
        raise TraceError(f"{short_name(name)}: {error.message}") from None


def unknown(name: str) -> TraceError:
    """The refusal of an operation that has no lowering.

    Args:
        name: see ``name_of``.
    """
    if name.endswith("_backward"):
        return TraceError(f"the gradient of {short_name(name).removesuffix('_backward')} cannot be expressed")
    advice = ", which changes a tensor in place," if name.endswith("_") and not name.endswith("__") else ""
    return TraceError(f"the operation {short_name(name)}{advice} cannot be expressed")


def short_name(name: str) -> str:
    """The name of an operation as a user knows it.

    Example:
        >>> short_name("aten.add")
        'add'
    """
    return name.rpartition(".")[2]
