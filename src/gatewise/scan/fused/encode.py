"""A step program as flat numbers, which is how the engine reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.scan.program.form import KINDS, Program, Section, Value
from gatewise.scan.program.operations import OPERATIONS

MAGIC = 0x47570001
"""Changes whenever the encoding does; the engine refuses any other."""


@dataclass(frozen=True)
class Encoded:
    """A program ready for the engine.

    Args:
        codes: everything but the constants.
        numbers: the constants.
        widths: the names of the widths, in the engine's order.
    """

    codes: NDArray[np.int32]
    numbers: NDArray[np.float64]
    widths: tuple[str, ...]


def encode(program: Program) -> Encoded:
    """The flat form of a program.

    Args:
        program: a program that ``check`` has seen.

    Example:
        >>> from gatewise.cells import find
        >>> from gatewise.scan.trace import trace
        >>> encode(trace(find("rnn"))).widths
        ('H', 'X')
    """
    return _Encoder(program).encoded()


class _Encoder:
    def __init__(self, program: Program) -> None:
        self._program = program
        names = {value.width for value in program.values}
        names |= {value.name for value in program.values if value.kind == "size"}
        names |= {width for matrix in program.matrices for width in (*matrix.rows, *matrix.columns)}
        self._widths = tuple(sorted(names))
        self._codes: list[int] = []
        self._numbers: list[float] = []

    def encoded(self) -> Encoded:
        program = self._program
        self._codes += [MAGIC, program.input, program.backward.input_gradient]
        self._list(int(name) if name.isdigit() else -1 for name in self._widths)
        self._codes.append(len(program.values))
        for value in program.values:
            self._value(value)
        self._codes.append(len(program.states))
        for state in program.states:
            self._codes += [state.before, state.after, state.gradient_after, state.gradient_before]
        self._codes.append(len(program.vectors))
        for vector in program.vectors:
            self._list(vector.parts)
            self._list(vector.gradients)
        self._codes.append(len(program.matrices))
        for matrix in program.matrices:
            self._list(map(self._widths.index, matrix.rows))
            self._list(map(self._widths.index, matrix.columns))
            self._codes.append(len(matrix.gradient))
            for outer in matrix.gradient:
                self._list(outer.left)
                self._list(outer.right)
        forward, backward = program.forward, program.backward
        for section in (forward.once, forward.all_steps, forward.step):
            self._section(section)
        self._list(forward.kept)
        for section in (backward.once, backward.step, backward.all_steps, backward.once_after):
            self._section(section)
        self._list(backward.kept)
        return Encoded(np.array(self._codes, np.int32), np.array(self._numbers, np.float64), self._widths)

    def _list(self, items: Iterable[int]) -> None:
        found = list(items)
        self._codes += [len(found), *found]

    def _value(self, value: Value) -> None:
        name = 0
        if value.kind == "constant":
            name = len(self._numbers)
            self._numbers.append(value.number)
        elif value.kind == "size":
            name = self._widths.index(value.name)
        self._codes += [KINDS.index(value.kind), self._widths.index(value.width), name]

    def _section(self, section: Section) -> None:
        self._codes.append(len(section))
        for stage in section:
            self._codes.append(len(stage.products))
            for product in stage.products:
                self._codes += [product.matrix, int(product.transposed)]
                self._list(product.targets)
                self._list(product.sources)
            self._codes.append(len(stage.instructions))
            for instruction in stage.instructions:
                self._codes += [OPERATIONS[instruction.operation].code, instruction.target]
                self._list(instruction.sources)
