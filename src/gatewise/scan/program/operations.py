"""The row operations that a step program is made of: few, each with one meaning and one number that never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Operation:
    """One row operation.

    Args:
        code: its number in a binary form; numbers are never given to another operation.
        sources: how many operands it reads.
        notation: how it is written, operands as ``{0}``, ``{1}``, ``{2}``.
        kind: ``element`` acts unit by unit; ``reduction`` makes one number of a row and ends a stage; ``sum`` adds a
            row to a vector that is read after the loop; ``choice`` makes a row of 1 and 0 from two constants and from
            where the row stands: its sequence, its time step, its units (``gatewise.scan.noise``).
    """

    code: int
    sources: int
    notation: str
    kind: Literal["element", "reduction", "sum", "choice"] = "element"


def _functions(first: int, names: str) -> dict[str, Operation]:
    return {name: Operation(first + number, 1, f"{name} {{0}}") for number, name in enumerate(names.split())}


OPERATIONS: dict[str, Operation] = {
    "copy": Operation(0, 1, "{0}"),
    "neg": Operation(1, 1, "-{0}"),
    "add": Operation(2, 2, "{0} + {1}"),
    "sub": Operation(3, 2, "{0} - {1}"),
    "mul": Operation(4, 2, "{0} * {1}"),
    "div": Operation(5, 2, "{0} / {1}"),
    "maximum": Operation(6, 2, "max({0}, {1})"),
    "minimum": Operation(7, 2, "min({0}, {1})"),
    "greater": Operation(8, 2, "{0} > {1}"),  # a comparison is 1 or 0
    "greater_equal": Operation(9, 2, "{0} >= {1}"),
    "equal": Operation(10, 2, "{0} == {1}"),
    "select": Operation(11, 3, "{1} if {0} else {2}"),  # {0} is 1 or 0
    **_functions(16, "sigmoid tanh relu exp expm1 log log1p sqrt rsqrt reciprocal abs sign sin cos erf"),
    # Gradients of the functions above, from the gradient {0} and the function's result {1}:
    "sigmoid_gradient": Operation(48, 2, "{0} * {1} * (1 - {1})"),
    "tanh_gradient": Operation(49, 2, "{0} * (1 - {1}^2)"),
    "relu_gradient": Operation(50, 2, "{0} where {1} > 0"),
    "row_sum": Operation(64, 1, "sum of {0}", "reduction"),
    "row_mean": Operation(65, 1, "mean of {0}", "reduction"),
    "row_max": Operation(66, 1, "largest of {0}", "reduction"),
    "accumulate": Operation(80, 1, "+= {0}", "sum"),
    "chosen": Operation(96, 2, "units of state {1} chosen at rate {0}", "choice"),
}
"""Name -> operation."""

COMMUTATIVE = frozenset({"add", "mul", "maximum", "minimum", "equal"})
"""Operations whose two operands may change places."""
