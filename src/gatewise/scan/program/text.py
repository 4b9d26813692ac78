"""A step program as text for a reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING

from gatewise.scan.program.operations import OPERATIONS

if TYPE_CHECKING:
    from gatewise.scan.program.form import Instruction, Matrix, Product, Program, Section, Vector


def write(program: Program) -> str:
    """The program line by line: what it is given, the forward part, the backward part.

    A result is called v and its number; ``weight' a`` is a product with the transposed matrix, ``d a`` a gradient.

    Args:
        program: any program, checked or not; its indices have to be in range.
    """
    return "\n".join(line.rstrip() for line in _Writer(program).lines())


def title(name: str, constants: Mapping[str, object]) -> str:
    """A cell and its constants, for a reader.

    Args:
        name: the cell's name.
        constants: name -> value.

    Example:
        >>> title("rnn", {"nonlinearity": "tanh"}), title("gru", {})
        ('rnn(nonlinearity=tanh)', 'gru')
    """
    told = ", ".join(f"{name}={value}" for name, value in constants.items())
    return f"{name}({told})" if told else name


class _Writer:
    def __init__(self, program: Program) -> None:
        self._program = program

    def lines(self) -> Iterator[str]:
        program = self._program
        yield f"step program of {program.cell}"
        yield from self._given()
        forward, backward = program.forward, program.backward
        yield from self._section("forward, once", forward.once)
        yield from self._section("forward, all steps at once", forward.all_steps)
        yield from self._section("forward, step by step", forward.step)
        yield from (f"  {state.name} = {self._name(state.after)}" for state in program.states)
        yield from self._kept(forward.kept)
        yield from self._section("backward, once", backward.once)
        yield from self._section("backward, step by step", backward.step)
        yield from (f"  d {state.name} = {self._name(state.gradient_before)}" for state in program.states)
        yield from self._kept(backward.kept)
        yield from self._section("backward, all steps at once", backward.all_steps)
        yield f"  d x = {self._name(backward.input_gradient)}"
        yield from (f"  d {matrix.name} = {self._outer(matrix)}" for matrix in program.matrices)
        yield from self._section("backward, once after", backward.once_after)
        for vector in program.vectors:
            yield f"  d {vector.name} = {self._names(vector.gradients)}"

    def _given(self) -> Iterator[str]:
        program = self._program
        yield f"  input     x [{self._width(program.input)}]"
        yield f"  states    {', '.join(f'{state.name} [{self._width(state.before)}]' for state in program.states)}"
        if program.vectors:
            yield f"  vectors   {', '.join(self._vector(vector) for vector in program.vectors)}"
        for number, matrix in enumerate(program.matrices):
            head = "" if number else "matrices"
            yield f"  {head:<9} {matrix.name} [{_widths(matrix.rows)}, {_widths(matrix.columns)}]"

    def _vector(self, vector: Vector) -> str:
        return f"{vector.name} [{_widths(self._width(part) for part in vector.parts)}]"

    def _section(self, title: str, section: Section) -> Iterator[str]:
        if section or "step by step" in title:
            yield ""
            yield title
        for number, stage in enumerate(section, 1):
            if len(section) > 1:
                yield f"  stage {number}"
            yield from (f"    {self._product(product)}" for product in stage.products)
            yield from (f"    {self._instruction(instruction)}" for instruction in stage.instructions)

    def _product(self, product: Product) -> str:
        matrix = self._program.matrices[product.matrix].name
        return (
            f"{self._names(product.targets)} = {matrix}{chr(39) * product.transposed} ({self._names(product.sources)})"
        )

    def _instruction(self, instruction: Instruction) -> str:
        operation = OPERATIONS[instruction.operation]
        formula = operation.notation.format(*map(self._name, instruction.sources))
        return f"{self._name(instruction.target)} {'' if operation.kind == 'sum' else '= '}{formula}"

    def _outer(self, matrix: Matrix) -> str:
        terms = (f"({self._names(term.left)})' ({self._names(term.right)})" for term in matrix.gradient)
        return " + ".join(terms) or "0"

    def _kept(self, kept: tuple[int, ...]) -> Iterator[str]:
        if kept:
            yield f"  keep {self._names(kept)}"

    def _names(self, values: Iterable[int]) -> str:
        return ", ".join(map(self._name, values))

    def _name(self, index: int) -> str:
        value = self._program.values[index]
        if value.kind == "constant":
            return f"{value.number:.10g}"
        return value.name or f"v{index}"

    def _width(self, index: int) -> str:
        return self._program.values[index].width


def _widths(widths: Iterable[str]) -> str:
    """Four times H as ``4 H``."""
    runs = ((width, sum(1 for _ in run)) for width, run in groupby(widths))
    return " + ".join(width if count == 1 else f"{count} {width}" for width, count in runs)
