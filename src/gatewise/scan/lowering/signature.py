"""A cell's declarations as the given values of a draft, and the results of a trace as those of a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatewise.cells.declarations import Declared, Input, Matrix, Norm
from gatewise.cells.spec import Cell
from gatewise.scan.lowering.arrays import Array, Sizes, Slice, spread_out
from gatewise.scan.lowering.context import Context, Traced, Weight, WeightGradient
from gatewise.scan.program.draft import Draft, DraftMatrix
from gatewise.scan.program.errors import TraceError
from gatewise.scan.program.form import Kind, Outer, State, Vector
from gatewise.scan.program.schedule import Results
from gatewise.scan.program.text import title


@dataclass(frozen=True)
class TraceSizes:
    """The sizes of one trace; no two are equal, nor equal to a constant of the cell.

    Args:
        batch: B.
        input: X.
        hidden: H.
        projection: P, or 0.
    """

    batch: int
    input: int
    hidden: int
    projection: int

    def letters(self) -> dict[str, int]:
        """Letter -> units."""
        letters = {"H": self.hidden, "P": self.projection, "X": self.input}
        return {letter: size for letter, size in letters.items() if size}

    def beside(self, other: TraceSizes) -> dict[str, tuple[int, int]]:
        """Letter -> units in these sizes and in others."""
        return {letter: (size, other.letters()[letter]) for letter, size in self.letters().items()}


class Signature:
    """What a cell's step is given, as values of a new draft.

    Args:
        cell: the cell.
        bias: whether it has its biases and shifts.
        sizes: the sizes of the trace.
    """

    def __init__(self, cell: Cell, bias: bool, sizes: TraceSizes) -> None:
        self._cell, self._sizes = cell, sizes
        self.declared = cell.declared(bias)
        letters = sizes.letters()
        numbers = [self._width(width) for declared in self.declared for _, width in declared.dims]
        self.context = Context(Draft(), Sizes(letters, set(numbers) - letters.keys()), sizes.batch)
        self.input = self._rows("input", "X", "x")
        self.states = {name: self._rows("state", self._width(width), name) for name, width in cell.state.items()}
        self.parameters: dict[str, Traced] = {declared.name: self._parameter(declared) for declared in self.declared}
        self.gradients = {
            name: self._rows("gradient", self._width(width), f"d {name}'") for name, width in cell.state.items()
        }

    def _width(self, width: str) -> str:
        """A letter, or the number of units that a constant of the cell says."""
        return width if width in ("H", "P", "X") else str(self._cell.constants()[width])

    def _rows(self, kind: Kind, width: str, name: str) -> Array:
        value = self.context.draft.given(kind, width, name)
        units = self.context.sizes[width]
        return Array((self._sizes.batch, units), True, (units,), (Slice(value, width),))

    def _parameter(self, declared: Declared) -> Traced:
        parts = [(self._width(width),) * count for count, width in declared.dims]
        shape = tuple(sum(self.context.sizes[width] for width in widths) for widths in parts)
        if len(parts) == 2:
            self.context.draft.matrices.append(DraftMatrix(declared.name, parts[0], parts[1]))
            return Weight(len(self.context.draft.matrices) - 1, shape)
        labels = _labels(self._cell, declared.name)
        names = [f"{declared.name}.{label}" for label in labels] if len(labels) > 1 else [declared.name]
        given = zip(names, parts[0], strict=True)
        slices = tuple(Slice(self.context.draft.given("parameter", width, name), width) for name, width in given)
        return Array(shape, False, shape, slices)

    def given(self) -> list[Traced]:
        """What the step and its gradient are given, in the order of x, states, parameters, gradients of the states."""
        return [self.input, *self.states.values(), *self.parameters.values(), *self.gradients.values()]

    def results(self, results: Sequence[Traced]) -> Results:
        """The results of a traced step and its gradient.

        Args:
            results: the states after the step, then the gradients of x, of the states before and of the parameters.

        Raises:
            TraceError: a result that is not what the cell declares.
        """
        count = len(self.states)
        states = dict(zip(self.states, results[:count], strict=True))
        input_gradient = results[count]
        state_gradients = dict(zip(self.states, results[count + 1 : 2 * count + 1], strict=True))
        gradients = dict(zip(self.parameters, results[2 * count + 1 :], strict=True))
        made = tuple(self._state(name, states[name], state_gradients[name]) for name in self._cell.state)
        vectors = tuple(
            self._vector(declared, gradients[declared.name]) for declared in self.declared if len(declared.dims) == 1
        )
        matrices = tuple(
            self._matrix_gradient(gradients[declared.name]) for declared in self.declared if len(declared.dims) == 2
        )
        cell = title(self._cell.name, self._cell.constants())
        return Results(cell, self.input.slices[0].value, self._row(input_gradient, "X"), made, vectors, matrices)

    def _state(self, name: str, after: Traced, gradient: Traced) -> State:
        before = self.states[name].slices[0]
        return State(
            name,
            before.value,
            self._row(after, before.width),
            self.gradients[name].slices[0].value,
            self._row(gradient, before.width),
        )

    def _row(self, result: Traced, width: str) -> int:
        values = self.context.rows(self.context.array(result))
        came = tuple(self.context.draft.values[value].width for value in values)
        if came != (width,):
            raise TraceError(f"a result of width {width} is expected, but its parts have {', '.join(came)}")
        return values[0]

    def _vector(self, declared: Declared, gradient: Traced) -> Vector:
        given = self.parameters[declared.name]
        parts = given.slices if isinstance(given, Array) else ()
        slices = spread_out(self.context.array(gradient), self.context.sizes).slices
        if tuple(item.width for item in slices) != tuple(item.width for item in parts):
            raise TraceError(f"the gradient of {declared.name} has other parts than the parameter")
        return Vector(declared.name, tuple(item.value for item in parts), tuple(map(self._vector_gradient, slices)))

    def _vector_gradient(self, item: Slice) -> int:
        draft = self.context.draft
        if draft.values[item.value].width == item.width or draft.number(item.value) is not None:
            return item.value
        return draft.copy(item.value, item.width, draft.levels[item.value])

    def _matrix_gradient(self, gradient: Traced) -> tuple[Outer, ...]:
        if isinstance(gradient, WeightGradient):
            return gradient.terms
        numbers: Sequence[float | None] = [
            self.context.draft.number(item.value) for item in self.context.array(gradient).slices
        ]
        if set(numbers) != {0.0}:
            raise TraceError("the gradient of a matrix is no sum of products of two rows")
        return ()


def _labels(cell: Cell, parameter: str) -> tuple[str, ...]:
    """The names of the gates that a parameter vector is made of."""
    for attribute, declaration in cell.declarations.items():
        if any(declared.name == parameter for declared in declaration.declared(attribute)):
            if isinstance(declaration, Input | Norm):
                return declaration.gates
            return (declaration.gates or ()) if isinstance(declaration, Matrix) else declaration.names
    return ()
