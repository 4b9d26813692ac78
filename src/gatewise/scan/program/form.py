"""The step program: one time step of a cell, forward and backward, as data without torch.

Every value is one slice of a row, as wide as one gate or one state, so that an instruction never cuts or joins: a
product of four gates writes four values. Where the values live and how long is for whoever runs the program.

Widths are letters, H hidden, P projection, X input, or a number of units. A value has one of nine kinds:

========== ==================================================== ==================
input      x of the time step                                   a row per sequence
state      a state before the step                              a row per sequence
gradient   the gradient of a state after the step, given to it  a row per sequence
row        the result of an instruction or product in the loop  a row per sequence
parameter  one part of a parameter vector                       broadcast
constant   a number                                             broadcast
size       how many units the width of its name has             broadcast
vector     a result from parameters (or their gradients) alone  broadcast
sum        the sum of a row over all sequences and steps        read after the loop
========== ==================================================== ==================

A value of width 1 stands for every unit of its row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from gatewise.scan.program.text import write

VERSION = 1
"""The version of the form; a program of another version is not read."""

Kind = Literal["input", "state", "gradient", "row", "parameter", "constant", "size", "vector", "sum"]
KINDS: tuple[Kind, ...] = get_args(Kind)
RESULTS: tuple[Kind, ...] = ("row", "vector", "sum")
"""The kinds that the program itself computes."""
BROADCAST: tuple[Kind, ...] = ("parameter", "constant", "size", "vector", "sum")
"""The kinds that are the same for every row."""


@dataclass(frozen=True, slots=True)
class Value:
    """One operand: what it is and how wide.

    Args:
        kind: see above.
        width: "H", "P", "X" or a number of units.
        name: for a reader; of a size, the width; empty for a result.
        number: the number of a constant.
    """

    kind: Kind
    width: str
    name: str = ""
    number: float = 0.0


@dataclass(frozen=True, slots=True)
class Instruction:
    """One operation on rows.

    Args:
        operation: a name in ``OPERATIONS``.
        target: the value it defines; each value is defined once.
        sources: the values it reads, each as wide as the target or of width 1.
    """

    operation: str
    target: int
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix times rows: y = M x, or y = M^T x where ``transposed``.

    Args:
        matrix: the index of the matrix in the program.
        transposed: whether the matrix's rows meet the sources.
        targets: the parts of y, one value each.
        sources: the parts of x, side by side.
    """

    matrix: int
    transposed: bool
    targets: tuple[int, ...]
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """Products, then instructions in order; what a reduction makes is read by later stages only.

    Args:
        products: read results of earlier stages only.
        instructions: read anything defined before them, but reductions of this stage.
    """

    products: tuple[Product, ...]
    instructions: tuple[Instruction, ...]


Section = tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class State:
    """One state of the cell; the first is the output.

    Args:
        name: as the cell declares it.
        before: the value of kind ``state``.
        after: the row that becomes the state, defined in the forward step.
        gradient_after: the value of kind ``gradient``: of the output of this step and of the next step, added.
        gradient_before: the row that becomes the gradient of the state before, defined in the backward step.
    """

    name: str
    before: int
    after: int
    gradient_after: int
    gradient_before: int


@dataclass(frozen=True, slots=True)
class Vector:
    """A parameter vector: a bias, a peephole, a gain.

    Args:
        name: in ``state_dict``.
        parts: its values of kind ``parameter``, in order; all equally wide.
        gradients: for each part the sum, vector or constant that is its gradient.
    """

    name: str
    parts: tuple[int, ...]
    gradients: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Outer:
    """A term of a matrix's gradient, the sum of left^T right over all rows: one large product after the loop.

    Args:
        left: values side by side, as the matrix's rows.
        right: values side by side, as the matrix's columns.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A parameter matrix, which occurs in products only.

    Args:
        name: in ``state_dict``.
        rows: the widths of the parts of its rows.
        columns: the widths of the parts of its columns.
        gradient: the terms of its gradient; none where it is zero.
    """

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    gradient: tuple[Outer, ...]


@dataclass(frozen=True, slots=True)
class Forward:
    """The forward part, which runs without the backward part too.

    Args:
        once: vectors made of parameters, once per call.
        all_steps: rows made without any state, for all time steps at once.
        step: one time step.
        kept: the values (states before, rows of ``all_steps`` and of ``step``) that the backward part reads.
    """

    once: Section
    all_steps: Section
    step: Section
    kept: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Backward:
    """The backward part.

    Args:
        once: vectors made of parameters that only this part reads.
        step: one time step, from the gradients after to the gradients before.
        all_steps: rows on which no earlier time step waits, for all time steps at once.
        once_after: gradients of parameters made of sums, once per call.
        kept: the values (gradients after, rows of ``step``) that ``all_steps`` or a matrix's gradient reads.
        input_gradient: the gradient of x, defined in ``all_steps``.
    """

    once: Section
    step: Section
    all_steps: Section
    once_after: Section
    kept: tuple[int, ...]
    input_gradient: int


@dataclass(frozen=True)
class Program:
    """A cell's time step, forward and backward, for any sizes.

    ``print(program)`` writes it line by line. ``check`` proves that it can be run without reading what is not there.

    Args:
        cell: the cell and its constants, for a reader.
        input: the value of kind ``input``.
        values: every operand.
        states: the states, the output first.
        vectors: the parameter vectors.
        matrices: the parameter matrices.
        forward: the forward part.
        backward: the backward part.
    """

    cell: str
    input: int
    values: tuple[Value, ...]
    states: tuple[State, ...]
    vectors: tuple[Vector, ...]
    matrices: tuple[Matrix, ...]
    forward: Forward
    backward: Backward

    def __str__(self) -> str:
        return write(self)
