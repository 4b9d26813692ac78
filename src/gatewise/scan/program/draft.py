"""A step program in the making: steps in the order in which a trace names them, before they are given their places."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from gatewise.scan.program.errors import TraceError
from gatewise.scan.program.form import Instruction, Kind, Product, Value
from gatewise.scan.program.operations import COMMUTATIVE, OPERATIONS

Level = Literal["call", "row", "sum"]
"""How often a value is computed: once per call, for every row, or once after all rows."""

FOLDED: dict[str, Callable[..., float]] = {
    "neg": lambda a: -a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "maximum": max,
    "minimum": min,
    "abs": abs,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "greater": lambda a, b: float(a > b),
    "greater_equal": lambda a, b: float(a >= b),
    "equal": lambda a, b: float(a == b),
}
"""Operations that are computed at once where all operands are numbers."""

NEUTRAL: dict[str, tuple[tuple[int, float], ...]] = {
    "add": ((0, 0.0), (1, 0.0)),
    "sub": ((1, 0.0),),
    "mul": ((0, 1.0), (1, 1.0)),
    "div": ((1, 1.0),),
}
"""Operation -> (operand, number) for which the other operand is the result."""


@dataclass
class DraftMatrix:
    """A parameter matrix and the widths of its parts."""

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass
class Draft:
    """Values and steps as they are recorded; the same step twice is recorded once.

    Args:
        matrices: the parameter matrices that products may name.

    Example:
        >>> draft = Draft()
        >>> a = draft.given("state", "H", "hidden")
        >>> draft.emit("mul", a, draft.constant(1.0)) == a
        True
    """

    matrices: list[DraftMatrix] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    steps: list[Instruction | Product] = field(default_factory=list)
    _known: dict[tuple[object, ...], tuple[int, ...]] = field(default_factory=dict)

    def given(self, kind: Kind, width: str, name: str) -> int:
        """A value that the program is given.

        Args:
            kind: ``input``, ``state``, ``gradient`` or ``parameter``.
            width: how wide.
            name: for a reader.
        """
        return self._new(Value(kind, width, name), "call" if kind == "parameter" else "row")

    def constant(self, number: float) -> int:
        """The value of a number; the same number is the same value.

        Raises:
            TraceError: the number is infinite or no number.
        """
        if not math.isfinite(number):
            raise TraceError(f"the number {number} cannot stand in a step program")
        key = ("constant", float(number).hex())
        if key not in self._known:
            self._known[key] = (self._new(Value("constant", "1", number=float(number)), "call"),)
        return self._known[key][0]

    def number(self, value: int) -> float | None:
        """The number of a constant; None for any other value."""
        return self.values[value].number if self.values[value].kind == "constant" else None

    def emit(self, operation: str, *sources: int) -> int:
        """The result of an operation; what is known without computing is not recorded.

        Args:
            operation: a name in ``OPERATIONS``, but ``accumulate``.
            sources: values of one width, or of width 1.

        Raises:
            TraceError: operands of two widths, or a sum over the batch that meets a row.
        """
        short = self._without_computing(operation, sources)
        if short is not None:
            return short
        reduces = OPERATIONS[operation].kind == "reduction"
        return self._record(operation, sources, "1" if reduces else self._common_width(operation, sources))

    def accumulate(self, source: int) -> int:
        """The sum of a row over the whole batch and all time steps."""
        if self.levels[source] == "sum":
            raise TraceError("a sum over the batch is summed over the batch again")
        row = source if self.levels[source] == "row" else self.copy(source, self.values[source].width)
        return self._record("accumulate", (row,), self.values[row].width)

    def copy(self, source: int, width: str, level: Level = "row") -> int:
        """A value of its own for every unit of a row, where a broadcast one will not do."""
        return self._record("copy", (source,), width, level)

    def copy_anew(self, source: int) -> int:
        """A copy of a row that is never taken for another one."""
        target = self._new(Value("row", self.values[source].width), "row")
        self.steps.append(Instruction("copy", target, (source,)))
        return target

    def become_size(self, value: int, letter: str, offset: float, operation: str, factor: float) -> None:
        """Make a constant the number of units of a width, or a function and a multiple of it.

        Args:
            value: the constant.
            letter: the width.
            offset: what is taken from the number of units first.
            operation: what is made of that; empty for itself.
            factor: by what the result is multiplied.
        """
        made: list[tuple[str, tuple[int, ...]]] = []
        made += [("sub", (self.constant(offset),))] if offset else []
        made += [(operation, ())] if operation else []
        made += [("mul", (self.constant(factor),))] if factor != 1.0 else []
        last = self._new(Value("size", "1", letter), "call") if made else value
        self.values[value] = Value("vector", "1") if made else Value("size", "1", letter)
        steps = []
        for number, (name, others) in enumerate(made, 1):
            target = value if number == len(made) else self._new(Value("vector", "1"), "call")
            steps.append(Instruction(name, target, (last, *others)))
            last = target
        self.steps[:0] = steps

    def product(self, matrix: int, transposed: bool, sources: tuple[int, ...]) -> tuple[int, ...]:
        """The parts of M x, or of M^T x.

        Raises:
            TraceError: the parts of x are not those of the matrix.
        """
        known = self.matrices[matrix]
        expected, made = (known.rows, known.columns) if transposed else (known.columns, known.rows)
        came = tuple(self.values[source].width for source in sources)
        if came != expected:
            raise TraceError(f"{known.name} is applied to parts of widths {_listed(came)}, not {_listed(expected)}")
        key = ("product", matrix, transposed, sources)
        if key not in self._known:
            targets = tuple(self._new(Value("row", width), "row") for width in made)
            self.steps.append(Product(matrix, transposed, targets, sources))
            self._known[key] = targets
        return self._known[key]

    def _without_computing(self, operation: str, sources: tuple[int, ...]) -> int | None:
        numbers = [self.number(source) for source in sources]
        for place, neutral in NEUTRAL.get(operation, ()):
            if numbers[place] == neutral:
                return sources[1 - place]
        known = [number for number in numbers if number is not None]
        if operation in FOLDED and len(known) == len(numbers):
            try:
                return self.constant(FOLDED[operation](*known))
            except (ArithmeticError, ValueError) as error:
                raise TraceError(f"{operation} of the numbers {_listed(map(str, known))}: {error}") from None
        return None

    def _record(self, operation: str, sources: tuple[int, ...], width: str, level: Level = "call") -> int:
        if operation in COMMUTATIVE:
            sources = (min(sources), max(sources))
        levels = {self.levels[source] for source in sources} | {level}
        if "row" in levels and "sum" in levels:
            raise TraceError("a sum over the batch is used in a row: no row may look at another")
        level = "sum" if operation == "accumulate" or "sum" in levels else "row" if "row" in levels else "call"
        key = (operation, sources, width, level)
        if key not in self._known:
            kinds: dict[Level, Kind] = {"call": "vector", "row": "row", "sum": "vector"}
            target = self._new(Value("sum" if operation == "accumulate" else kinds[level], width), level)
            self.steps.append(Instruction(operation, target, sources))
            self._known[key] = (target,)
        return self._known[key][0]

    def _common_width(self, operation: str, sources: tuple[int, ...]) -> str:
        widths = {self.values[source].width for source in sources} - {"1"}
        if len(widths) > 1:
            raise TraceError(f"{operation} of values of the widths {_listed(sorted(widths))}")
        return widths.pop() if widths else "1"

    def _new(self, value: Value, level: Level) -> int:
        self.values.append(value)
        self.levels.append(level)
        return len(self.values) - 1


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
