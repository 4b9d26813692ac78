"""The proof that a step program can be run: every operand is there, fits, and was defined before it is read."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gatewise.scan.program.errors import ProgramError, shown
from gatewise.scan.program.form import BROADCAST, KINDS, RESULTS, Matrix, Program, State, Value, Vector
from gatewise.scan.program.sections import Sections

LARGEST = 65_535
"""How many values there may be, and units of a fixed width."""
LETTERS = ("H", "P", "X")
LONGEST_NAME = 256


def check(program: Program) -> None:
    """Refuse a program that would read or write what is not there, whatever the sizes it is run at.

    Indices are in range; each result is defined once, in a section that runs before it is read; what crosses from one
    part to another is kept; widths agree; every new state and every gradient is made.

    Args:
        program: any program, also one that was read from a file.

    Raises:
        ProgramError: naming the value or step, and what is wrong with it.
    """
    _require(len(program.values) <= LARGEST, f"at most {LARGEST} values are expected, {len(program.values)} came", "")
    for index, value in enumerate(program.values):
        _check_value(value, f"value {index}")
    _check_given(program)
    _check_order(program)


def _require(condition: bool, message: str, where: str) -> None:
    if not condition:
        raise ProgramError(message, where=f"step program{': ' if where else ''}{where}")


def _check_value(value: Value, where: str) -> None:
    _require(value.kind in KINDS, f"unknown kind {value.kind!r}", where)
    _check_width(value.width, where)
    if value.kind in (*RESULTS, "constant"):
        _require(not value.name, "only what is given has a name", where)
    else:
        _check_name(value.name, where)
    if value.kind == "size":
        _require(value.name in LETTERS and value.width == "1", "a size has the name of a width, and width 1", where)
    number = value.kind == "constant" and value.width == "1"
    _require(math.isfinite(value.number) and (number or value.number == 0.0), "a number is a finite constant", where)


def _check_width(width: str, where: str) -> None:
    number = width.isascii() and width.isdigit() and not width.startswith("0") and len(width) <= len(str(LARGEST))
    right = width in LETTERS or (number and int(width) <= LARGEST)
    _require(right, f"a width is H, P, X or a number from 1 to {LARGEST}, but {width[:20]!r} came", where)


def _check_name(name: str, where: str) -> None:
    right = 0 < len(name) <= LONGEST_NAME and name.isprintable()
    _require(right, f"a printable name of at most {LONGEST_NAME} characters is expected, but {name[:40]!r} came", where)


def _check_given(program: Program) -> None:
    """What the program is given: each value once, of the right kind, under a name of its own."""
    _check_name(program.cell, "cell")
    names = [state.name for state in program.states] + [vector.name for vector in program.vectors]
    names += [matrix.name for matrix in program.matrices]
    for name in names:
        _check_name(name, "names")
    _require(len(set(names)) == len(names), "two of the same name", "names")
    _require(len(program.states) > 0, "at least one state is expected", "states")
    expected = [(program.input, "input")]
    for state in program.states:
        expected += [(state.before, "state"), (state.gradient_after, "gradient")]
    expected += [(part, "parameter") for vector in program.vectors for part in vector.parts]
    for index, kind in expected:
        _check_index(program, index, f"given values of kind {kind}")
        _require(program.values[index].kind == kind, f"is expected to be of kind {kind}", f"value {index}")
    given = {index for index, value in enumerate(program.values) if value.kind not in (*RESULTS, "constant", "size")}
    _require(sorted(given) == sorted(index for index, _ in expected), "a value is given twice or not named", "values")
    _require(program.values[program.input].width == "X", "the input is X wide", "x")
    for vector in program.vectors:
        _check_vector(program, vector)
    for matrix in program.matrices:
        _check_matrix(matrix)
    _check_letters(program)


def _check_index(program: Program, index: int, where: str) -> None:
    last = len(program.values) - 1
    _require(0 <= index <= last, f"value {shown(index)} is named, but they are numbered 0 to {last}", where)


def _check_vector(program: Program, vector: Vector) -> None:
    widths = {program.values[part].width for part in vector.parts}
    _require(len(widths) == 1, "parts of one width are expected", vector.name)
    _require(len(vector.gradients) == len(vector.parts), "one gradient for each part is expected", vector.name)


def _check_matrix(matrix: Matrix) -> None:
    _require(bool(matrix.rows and matrix.columns), "a matrix has rows and columns", matrix.name)
    for width in (*matrix.rows, *matrix.columns):
        _check_width(width, matrix.name)


def _check_letters(program: Program) -> None:
    """Every width can be told from something that is given and consists of it alone."""
    axes = [{program.values[index].width} for index in (program.input, *(state.before for state in program.states))]
    axes += [{program.values[part].width for part in vector.parts} for vector in program.vectors]
    axes += [set(axis) for matrix in program.matrices for axis in (matrix.rows, matrix.columns)]
    told = set().union(*(axis for axis in axes if len(axis) == 1)) | {"1"}
    used = set().union(*axes, (value.width for value in program.values), _sizes(program))
    unknown = sorted(used & set(LETTERS) - told)
    _require(not unknown, f"the width {', '.join(unknown)} can be told from nothing that is given", "values")


def _sizes(program: Program) -> set[str]:
    return {value.name for value in program.values if value.kind == "size"}


def _check_order(program: Program) -> None:
    """Walk through the sections in the order in which they run, knowing what may be read."""
    sections, forward, backward = Sections(program), program.forward, program.backward
    once = {index for index, value in enumerate(program.values) if value.kind in ("constant", "size", "parameter")}
    once |= sections.walk("forward, once", forward.once, "vector", once)
    given = {program.input}
    all_steps = sections.walk("forward, all steps", forward.all_steps, "row", once | given)
    before = {state.before for state in program.states}
    step = sections.walk("forward, step", forward.step, "row", once | given | all_steps | before)
    _check_kept(forward.kept, before | all_steps | step, "forward")

    once |= sections.walk("backward, once", backward.once, "vector", once)
    given |= {*once, *forward.kept}
    after = {state.gradient_after for state in program.states}
    step_back = sections.walk("backward, step", backward.step, "row", given | after, sums=True)
    _check_kept(backward.kept, after | step_back, "backward")
    given |= set(backward.kept)
    outside = sections.walk("backward, all steps", backward.all_steps, "row", given, sums=True)
    last = once | sections.sums
    last |= sections.walk("backward, once after", backward.once_after, "vector", last)

    for state in program.states:
        _check_state(program, state, step, step_back)
    _require(backward.input_gradient in outside, "it is not made in the section for all steps", "gradient of x")
    _require(program.values[backward.input_gradient].width == "X", "the gradient of x is X wide", "gradient of x")
    _check_gradients(program, given | outside, last)
    sections.check_all_defined()


def _check_kept(kept: tuple[int, ...], there: set[int], part: str) -> None:
    _require(len(set(kept)) == len(kept) and there.issuperset(kept), "it keeps what is not there, or twice", part)


def _check_state(program: Program, state: State, step: set[int], step_back: set[int]) -> None:
    _require(state.after in step, "it is not made in the forward step", f"state {state.name}")
    _require(state.gradient_before in step_back, "it is not made in the backward step", f"gradient of {state.name}")
    values = (state.before, state.after, state.gradient_after, state.gradient_before)
    widths = {program.values[index].width for index in values}
    _require(len(widths) == 1, "the state and its gradients are equally wide", f"state {state.name}")
    _require("X" not in widths, "a state is H, P or a number of units wide", f"state {state.name}")


def _check_gradients(program: Program, rows: set[int], last: set[int]) -> None:
    for vector in program.vectors:
        for part, gradient in zip(vector.parts, vector.gradients, strict=True):
            _require(gradient in last, "it is not there after the loop", f"gradient of {vector.name}")
            value = program.values[gradient]
            fits = value.width == program.values[part].width or value.kind == "constant"
            _require(fits, f"a part is {value.width} wide", f"gradient of {vector.name}")
    for matrix in program.matrices:
        for term in matrix.gradient:
            _check_side(program, term.left, matrix.rows, rows, matrix.name)
            _check_side(program, term.right, matrix.columns, rows, matrix.name)


def _check_side(program: Program, side: Iterable[int], widths: tuple[str, ...], rows: set[int], name: str) -> None:
    there = all(index in rows and program.values[index].kind not in BROADCAST for index in side)
    _require(there, "an operand is no row that is there after the loop", f"gradient of {name}")
    came = tuple(program.values[index].width for index in side)
    _require(came == widths, f"parts of the widths {widths} are expected, but {came} came", f"gradient of {name}")
