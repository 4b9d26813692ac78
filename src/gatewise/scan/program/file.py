"""The file form of a step program: JSON that says its version, read as what a stranger wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from gatewise.errors import ModelFileError
from gatewise.scan.program.checks import check
from gatewise.scan.program.errors import ProgramError, shown
from gatewise.scan.program.form import (
    KINDS,
    VERSION,
    Backward,
    Forward,
    Instruction,
    Matrix,
    Outer,
    Product,
    Program,
    Section,
    Stage,
    State,
    Value,
    Vector,
)
from gatewise.storage import parse_json

FORMAT = "gatewise step program"
LARGEST_FILE = 16 * 2**20
"""Bytes; the programs of known cells are a thousand times smaller."""

Item = TypeVar("Item")


def to_json(program: Program) -> bytes:
    """The program as UTF-8 JSON; the same program always gives the same bytes.

    Args:
        program: any program.
    """
    forward, backward = program.forward, program.backward
    data = {
        "format": FORMAT,
        "version": VERSION,
        "cell": program.cell,
        "input": program.input,
        "values": [[v.kind, v.width, v.number if v.kind == "constant" else v.name] for v in program.values],
        "states": [[s.name, s.before, s.after, s.gradient_after, s.gradient_before] for s in program.states],
        "vectors": [[v.name, v.parts, v.gradients] for v in program.vectors],
        "matrices": [[m.name, m.rows, m.columns, [[o.left, o.right] for o in m.gradient]] for m in program.matrices],
        "forward": {
            "once": _section(forward.once),
            "all_steps": _section(forward.all_steps),
            "step": _section(forward.step),
            "kept": forward.kept,
        },
        "backward": {
            "once": _section(backward.once),
            "step": _section(backward.step),
            "all_steps": _section(backward.all_steps),
            "once_after": _section(backward.once_after),
            "kept": backward.kept,
            "input_gradient": backward.input_gradient,
        },
    }
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _section(section: Section) -> list[Any]:
    return [
        {
            "products": [[p.matrix, p.transposed, p.targets, p.sources] for p in stage.products],
            "instructions": [[i.operation, i.target, *i.sources] for i in stage.instructions],
        }
        for stage in section
    ]


def from_json(data: bytes, where: str) -> Program:
    """The program that a file holds, checked.

    Args:
        data: what ``to_json`` wrote, or anything else.
        where: the file, for the error.

    Raises:
        ModelFileError: it is no step program, of another version, damaged, or one that could not be run.
    """
    if len(data) > LARGEST_FILE:
        raise ModelFileError(f"a step program has at most {LARGEST_FILE} bytes, but {len(data)} came", where=where)
    reader = _Reader(where)
    root = parse_json(data, where)
    if not isinstance(root, dict) or root.get("format") != FORMAT:
        raise ModelFileError("is no step program", where=where)
    version = root.get("version")
    if type(version) is not int or version != VERSION:
        message = f"a step program of version {VERSION} is expected, but version {_short(version)} came"
        raise ModelFileError(message, where=where)
    program = reader.program(root)
    try:
        check(program)
    except ProgramError as error:
        raise ModelFileError(str(error), where=where) from None
    return program


def _short(data: object) -> str:
    """The beginning of what came, for a message; a number of a million digits is not written out."""
    if isinstance(data, list | dict):
        return type(data).__name__
    return shown(data) if type(data) is int else repr(data)[:40]


class _Reader:
    """Turns parsed JSON into the form, believing nothing."""

    def __init__(self, where: str) -> None:
        self._where = where

    def program(self, data: Any) -> Program:
        """The program; not checked yet."""
        names = "format version cell input values states vectors matrices forward backward"
        _, _, cell, given, values, states, vectors, matrices, forward, backward = self._fields(data, names)
        return Program(
            self._text(cell),
            self._integer(given),
            self._each(values, self._value),
            self._each(states, self._state),
            self._each(vectors, self._vector),
            self._each(matrices, self._matrix),
            self._forward(forward),
            self._backward(backward),
        )

    def _value(self, data: Any) -> Value:
        kind, width, name_or_number = self._items(data, 3)
        if kind not in KINDS:
            self._refuse(f"a kind of value is expected, but {_short(kind)} came")
        if kind != "constant":
            return Value(kind, self._text(width), self._text(name_or_number))
        if isinstance(name_or_number, bool) or not isinstance(name_or_number, int | float):
            self._refuse(f"a number is expected, but {_short(name_or_number)} came")
        try:
            return Value(kind, self._text(width), number=float(name_or_number))
        except OverflowError:
            self._refuse("a number is too large")

    def _state(self, data: Any) -> State:
        name, *values = self._items(data, 5)
        return State(self._text(name), *map(self._integer, values))

    def _vector(self, data: Any) -> Vector:
        name, parts, gradients = self._items(data, 3)
        return Vector(self._text(name), self._integers(parts), self._integers(gradients))

    def _matrix(self, data: Any) -> Matrix:
        name, rows, columns, gradient = self._items(data, 4)
        widths = self._each(rows, self._text), self._each(columns, self._text)
        return Matrix(self._text(name), *widths, self._each(gradient, self._outer))

    def _outer(self, data: Any) -> Outer:
        left, right = self._items(data, 2)
        return Outer(self._integers(left), self._integers(right))

    def _forward(self, data: Any) -> Forward:
        once, all_steps, step, kept = self._fields(data, "once all_steps step kept")
        sections = self._section(once), self._section(all_steps), self._section(step)
        return Forward(*sections, self._integers(kept))

    def _backward(self, data: Any) -> Backward:
        *parts, kept, gradient = self._fields(data, "once step all_steps once_after kept input_gradient")
        once, step, all_steps, after = map(self._section, parts)
        return Backward(once, step, all_steps, after, self._integers(kept), self._integer(gradient))

    def _section(self, data: Any) -> Section:
        return self._each(data, self._stage)

    def _stage(self, data: Any) -> Stage:
        products, instructions = self._fields(data, "products instructions")
        return Stage(self._each(products, self._product), self._each(instructions, self._instruction))

    def _product(self, data: Any) -> Product:
        matrix, transposed, targets, sources = self._items(data, 4)
        if not isinstance(transposed, bool):
            self._refuse(f"true or false is expected, but {_short(transposed)} came")
        return Product(self._integer(matrix), transposed, self._integers(targets), self._integers(sources))

    def _instruction(self, data: Any) -> Instruction:
        if not isinstance(data, list) or len(data) < 2:
            self._refuse("an instruction is an operation, its target and its sources")
        return Instruction(self._text(data[0]), self._integer(data[1]), self._integers(data[2:]))

    def _fields(self, data: Any, names: str) -> list[Any]:
        if not isinstance(data, dict) or data.keys() != set(names.split()):
            self._refuse(f"the fields {names} are expected")
        return [data[name] for name in names.split()]

    def _items(self, data: Any, count: int) -> list[Any]:
        if not isinstance(data, list) or len(data) != count:
            self._refuse(f"a list of {count} is expected")
        return data

    def _each(self, data: Any, read: Callable[[Any], Item]) -> tuple[Item, ...]:
        if not isinstance(data, list):
            self._refuse("a list is expected")
        return tuple(map(read, data))

    def _integers(self, data: Any) -> tuple[int, ...]:
        return self._each(data, self._integer)

    def _integer(self, data: Any) -> int:
        if type(data) is not int:
            self._refuse(f"an integer is expected, but {_short(data)} came")
        return data

    def _text(self, data: Any) -> str:
        if not isinstance(data, str):
            self._refuse(f"text is expected, but {_short(data)} came")
        return data

    def _refuse(self, message: str) -> NoReturn:
        raise ModelFileError(f"is a damaged step program: {message}", where=self._where)
