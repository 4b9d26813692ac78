"""What a lowering works with: the draft that grows, and the tensors of the trace by what they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gatewise.scan.lowering.arrays import Array, Sizes, Slice, align, spread_out
from gatewise.scan.program.draft import Draft
from gatewise.scan.program.errors import TraceError
from gatewise.scan.program.form import BROADCAST, Outer


@dataclass(frozen=True)
class Weight:
    """A parameter matrix.

    Args:
        index: its number in the draft.
        shape: as torch has it.
        transposed: whether columns and rows have changed places.
    """

    index: int
    shape: tuple[int, ...]
    transposed: bool = False


@dataclass(frozen=True)
class Columns:
    """Rows of the batch, transposed.

    Args:
        rows: the array as it was.
    """

    rows: Array


@dataclass(frozen=True)
class WeightGradient:
    """A sum over the batch of products of two rows: what a parameter matrix gets.

    Args:
        terms: left^T right, to be added.
    """

    terms: tuple[Outer, ...]

    def turned(self) -> WeightGradient:
        """Its transpose."""
        return WeightGradient(tuple(Outer(term.right, term.left) for term in self.terms))


Traced = Array | Weight | Columns | WeightGradient
Operand = Traced | float


class Context:
    """Applies operations to arrays.

    Args:
        draft: where steps are recorded.
        sizes: what the widths stand for in this trace.
        batch: the size of the batch, which no other axis has.
    """

    def __init__(self, draft: Draft, sizes: Sizes, batch: int) -> None:
        self.draft, self.sizes, self.batch = draft, sizes, batch

    def filled(self, number: float, shape: tuple[int, ...] = ()) -> Array:
        """The same number everywhere."""
        batch = bool(shape) and shape[0] == self.batch
        stored = (1,) * (len(shape) - batch)
        return Array(shape, batch, stored, (Slice(self.draft.constant(float(number)), "1"),))

    def array(self, operand: object) -> Array:
        """The operand as an array; a number is one, too.

        Raises:
            TraceError: it is a matrix or the gradient of one.
        """
        if isinstance(operand, Array):
            return operand
        if isinstance(operand, int | float):
            return self.filled(operand)
        if isinstance(operand, Weight):
            name = self.draft.matrices[operand.index].name
            raise TraceError(f"the matrix {name} is used otherwise than in a product with rows")
        raise TraceError(f"an operand of this kind cannot be expressed: {type(operand).__name__}")

    def apply(self, operation: str, *operands: Operand) -> Array:
        """An operation unit by unit, on operands that broadcast as torch's do."""
        aligned = align([self.array(operand) for operand in operands])
        values = (self.draft.emit(operation, *group) for group in aligned.operands)
        slices = tuple(Slice(value, like.width) for value, like in zip(values, aligned.like.slices, strict=True))
        return replace(aligned.like, slices=slices)

    def map_slices(self, array: Array, change: Callable[[Slice], int]) -> Array:
        """The array with every slice's value replaced."""
        return replace(array, slices=tuple(Slice(change(item), item.width) for item in array.slices))

    def rows(self, array: Array) -> tuple[int, ...]:
        """The values of [B, width] side by side, each a row of its own, as a product needs them.

        Raises:
            TraceError: it has other axes.
        """
        if not array.batch or len(array.shape) != 2:
            raise TraceError(f"a product is of rows [B, width], but a tensor of {len(array.shape)} axes came")
        return tuple(map(self.row, spread_out(array, self.sizes).slices))

    def row(self, item: Slice) -> int:
        """A slice as a row of its own."""
        value = self.draft.values[item.value]
        whole = value.width == item.width and value.kind not in BROADCAST
        return item.value if whole else self.draft.copy(item.value, item.width)
