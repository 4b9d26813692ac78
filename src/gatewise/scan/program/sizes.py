"""What a program's widths stand for, told from the shapes of what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gatewise.errors import ShapeError
from gatewise.scan.program.form import Program


class Shaped(Protocol):
    """Anything with a shape, such as a tensor."""

    @property
    def shape(self) -> Sequence[int]:
        """Its shape."""


def solve_widths(
    program: Program, parameters: Mapping[str, Shaped], x: Shaped, states: Mapping[str, Shaped]
) -> dict[str, int]:
    """Width -> units, for every width of the program.

    Args:
        program: a program that ``check`` has seen.
        parameters: name -> tensor, exactly the program's vectors and matrices.
        x: [N, X].
        states: state -> [B, width], exactly the program's states.

    Raises:
        ShapeError: a tensor that is missing, unknown, or of a shape that does not go with the others.

    Example:
        >>> import torch
        >>> from gatewise.cells import find
        >>> from gatewise.scan.trace import trace
        >>> weights = {"weight_ih": torch.ones(2, 3), "weight_hh": torch.ones(2, 2)}
        >>> program = trace(find("rnn"), bias=False)
        >>> solve_widths(program, weights, torch.ones(5, 3), {"hidden": torch.zeros(1, 2)})
        {'X': 3, 'H': 2}
    """
    _same_names(parameters, [vector.name for vector in program.vectors] + [m.name for m in program.matrices])
    _same_names(states, [state.name for state in program.states])
    axes: list[_Axis] = list(_axes("x", x, (None, ("X",))))
    for state in program.states:
        axes += _axes(f"the state {state.name}", states[state.name], (None, (program.values[state.before].width,)))
    for matrix in program.matrices:
        axes += _axes(matrix.name, parameters[matrix.name], (matrix.rows, matrix.columns))
    for vector in program.vectors:
        widths = tuple(program.values[part].width for part in vector.parts)
        axes += _axes(vector.name, parameters[vector.name], (widths,))
    found: dict[str, int] = {}
    for axis in axes:
        axis.solve(found)
    for axis in axes:
        axis.check(found)
    return found


def units(found: Mapping[str, int], width: str) -> int:
    """How many units a width stands for.

    Args:
        found: letter -> units.
        width: a letter or a number.
    """
    return found[width] if width in found else int(width)


@dataclass(frozen=True)
class _Axis:
    """One axis of a tensor: how long it is, and of which widths it is said to be made."""

    name: str
    size: int
    widths: tuple[str, ...]

    def solve(self, found: dict[str, int]) -> None:
        """Learn a letter, if the axis consists of it."""
        letter = self.widths[0]
        if set(self.widths) != {letter} or letter.isdigit() or letter in found:
            return
        if self.size % len(self.widths):
            message = f"{self.name} has an axis of {self.size} units, which do not divide into {len(self.widths)} parts"
            raise ShapeError(message, where="program")
        found[letter] = self.size // len(self.widths)

    def check(self, found: Mapping[str, int]) -> None:
        """Refuse a length that is not that of the widths."""
        expected = sum(units(found, width) for width in self.widths)
        if self.size != expected:
            message = f"{self.name} is expected with an axis of {expected} units, but it has {self.size}"
            raise ShapeError(message, where="program")


def _axes(name: str, tensor: Shaped, parts: tuple[tuple[str, ...] | None, ...]) -> Iterator[_Axis]:
    if len(tensor.shape) != len(parts):
        message = f"{name} is expected with {len(parts)} axes, but its shape is {tuple(tensor.shape)}"
        raise ShapeError(message, where="program")
    for size, widths in zip(tensor.shape, parts, strict=True):
        if widths is not None:
            yield _Axis(name, size, widths)


def _same_names(came: Mapping[str, Shaped], expected: list[str]) -> None:
    if came.keys() != set(expected):
        names = ", ".join(came) or "nothing"
        raise ShapeError(f"{', '.join(expected)} are expected, but {names} came", where="program")
