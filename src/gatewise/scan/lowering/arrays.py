"""Tensors of a trace as slices: cutting, joining and broadcasting them is bookkeeping and computes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import NamedTuple

from gatewise.scan.program.errors import TraceError


class Slice(NamedTuple):
    """A value in its place in a tensor; a value of width 1 may stand for all ``width`` units.

    Args:
        value: the number of a value of the draft.
        width: how many units of the last axis it covers, as a letter or a number.
    """

    value: int
    width: str


@dataclass(frozen=True)
class Array:
    """A tensor of the trace: rows of the batch, a parameter vector, or a number.

    Args:
        shape: its shape, as torch has it.
        batch: whether the first axis is the batch.
        stored: the shape of what is stored, without the batch: 1 where one slice stands for a whole axis.
        slices: what is stored, in order; several slices may share the last axis.
    """

    shape: tuple[int, ...]
    batch: bool
    stored: tuple[int, ...]
    slices: tuple[Slice, ...]

    @property
    def inner(self) -> tuple[int, ...]:
        """The shape without the batch."""
        return self.shape[1:] if self.batch else self.shape

    def groups(self) -> dict[tuple[int, ...], tuple[Slice, ...]]:
        """Place on the other axes -> the slices that share the last axis there."""
        leading = self.stored[:-1]
        each = len(self.slices) // prod(leading)
        places = product(*map(range, leading))
        return {place: self.slices[number * each : (number + 1) * each] for number, place in enumerate(places)}

    def axis(self, dim: int) -> int:
        """The inner axis that torch calls ``dim``.

        Raises:
            TraceError: it is the batch.
        """
        inner = dim % len(self.shape) - self.batch
        if inner < 0:
            raise TraceError("the batch is reached into: no row may look at another")
        return inner


class Sizes:
    """What the widths stand for in one trace.

    Args:
        letters: letter -> units.
        numbers: the widths that are numbers of units, among those declared.
    """

    def __init__(self, letters: dict[str, int], numbers: Iterable[str]) -> None:
        self._letters, self._numbers = letters, set(numbers)

    def __getitem__(self, width: str) -> int:
        return self._letters[width] if width in self._letters else int(width)

    def widths(self, units: int) -> tuple[str, ...]:
        """The widths that an axis is made of, where only its size is known.

        Raises:
            TraceError: it is no multiple of a width.
        """
        if str(units) in self._numbers:
            return (str(units),)
        for letter, size in self._letters.items():
            if units % size == 0:
                return (letter,) * (units // size)
        if units < min(self._letters.values()):
            return ("1",) * units
        raise TraceError(f"an axis of {units} units is no multiple of a declared width")


class Aligned(NamedTuple):
    """Several arrays brought to one shape.

    Args:
        like: the array that the result will be, but for its values.
        operands: for each slice of the result the value of every array.
    """

    like: Array
    operands: list[tuple[int, ...]]


def align(arrays: Sequence[Array]) -> Aligned:
    """Broadcast arrays as torch does, without computing anything.

    Raises:
        TraceError: slices that do not lie side by side, or an axis that would meet the batch.
    """
    batch = any(array.batch for array in arrays)
    shape = _broadcast_shape([array.shape for array in arrays])
    rank = len(shape) - batch
    parts = [_without_batch(array, batch, len(shape)) for array in arrays]
    stored = _broadcast_shape([(1,) * rank, *(part.stored for part in parts)])
    widths = _last_widths(parts, stored)
    columns = [_spread(part, stored, len(widths)) for part in parts]
    slices = tuple(Slice(-1, width) for _ in range(prod(stored[:-1])) for width in widths)
    return Aligned(Array(shape, batch, stored, slices), list(zip(*columns, strict=True)))


def _broadcast_shape(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    found = []
    for sizes in zip(*padded, strict=True):
        wide = {size for size in sizes if size != 1}
        if len(wide) > 1:
            raise TraceError(f"shapes {', '.join(map(str, shapes))} do not fit together")
        found.append(wide.pop() if wide else 1)
    return tuple(found)


def _without_batch(array: Array, batch: bool, rank: int) -> Array:
    """The array without its batch axis, or without the axis of size 1 that meets the batch."""
    if array.batch and len(array.shape) != rank:
        raise TraceError("an axis is put in front of the batch")
    if array.batch or not batch or len(array.shape) < rank:
        return array
    if array.shape[0] != 1:
        raise TraceError("an axis of a parameter meets the batch")
    return replace(array, shape=array.shape[1:], stored=array.stored[1:])


def _last_widths(parts: Sequence[Array], stored: tuple[int, ...]) -> tuple[str, ...]:
    """The widths of the slices that share the last axis of the result."""
    found: set[tuple[str, ...]] = set()
    for part in parts:
        if part.stored and part.stored[-1] == stored[-1] and stored[-1] != 1:
            found |= {tuple(item.width for item in group) for group in part.groups().values()}
    if len(found) > 1:
        raise TraceError(f"slices of the widths {' and '.join(map(str, sorted(found)))} meet")
    return found.pop() if found else ("1",)


def _spread(part: Array, stored: tuple[int, ...], count: int) -> list[int]:
    """The values of one operand, repeated over the axes on which the others are larger."""
    own = (1,) * (len(stored) - len(part.stored)) + part.stored
    groups = replace(part, stored=own).groups()
    found: list[int] = []
    for place in product(*map(range, stored[:-1])):
        group = groups[tuple(0 if size == 1 else index for index, size in zip(place, own, strict=False))]
        found += [item.value for item in group] * (count if len(group) == 1 else 1)
    return found


def spread_out(array: Array, sizes: Sizes) -> Array:
    """The array with a slice in every place of its shape: nothing stands for a whole axis any more."""
    if array.stored == array.inner:
        return array
    groups = array.groups()
    slices: list[Slice] = []
    for place in product(*map(range, array.inner[:-1])):
        group = groups[tuple(0 if size == 1 else index for index, size in zip(place, array.stored, strict=False))]
        if array.stored[-1] != array.inner[-1]:
            group = tuple(Slice(group[0].value, width) for width in sizes.widths(array.inner[-1]))
        slices += group
    return replace(array, stored=array.inner, slices=tuple(slices))


def reshape(array: Array, shape: Sequence[int], sizes: Sizes) -> Array:
    """The same slices under another shape of as many elements.

    Raises:
        TraceError: the batch would be reshaped, or a slice be cut.
    """
    new = _solved(array, tuple(shape))
    if array.batch and (not new or new[0] != array.shape[0]):
        raise TraceError("the batch is reshaped")
    inner = new[1:] if array.batch else new
    if len(array.slices) == 1 and prod(array.stored) == 1:
        return Array(new, array.batch, (1,) * len(inner), array.slices)
    full = spread_out(array, sizes)
    room = inner[-1] if inner else 1
    for item in full.slices:
        room = (inner[-1] if room == 0 else room) - sizes[item.width]
        if room < 0:
            raise TraceError(f"a slice of width {item.width} is cut")
    return Array(new, array.batch, inner, full.slices)


def _solved(array: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with its -1 replaced."""
    if -1 not in shape:
        return shape
    known = -prod(shape)
    return tuple(prod(array.shape) // known if size == -1 else size for size in shape)


def take(array: Array, axis: int, start: int, stop: int, sizes: Sizes) -> Array:
    """The part of an array from ``start`` to ``stop`` on an inner axis.

    Raises:
        TraceError: a slice would be cut.
    """
    inner = (*array.inner[:axis], stop - start, *array.inner[axis + 1 :])
    shape = (array.shape[0], *inner) if array.batch else inner
    if array.stored[axis] == 1:
        return replace(array, shape=shape)
    if axis < len(array.stored) - 1:
        kept = [group for place, group in array.groups().items() if start <= place[axis] < stop]
    else:
        kept = [tuple(_between(group, start, stop, sizes)) for group in array.groups().values()]
    stored = (*array.stored[:axis], stop - start, *array.stored[axis + 1 :])
    return Array(shape, array.batch, stored, tuple(item for group in kept for item in group))


def _between(group: tuple[Slice, ...], start: int, stop: int, sizes: Sizes) -> Iterator[Slice]:
    begin = 0
    for item in group:
        end = begin + sizes[item.width]
        if start <= begin and end <= stop:
            yield item
        elif begin < stop and start < end:
            raise TraceError(f"a slice of width {item.width} is cut")
        begin = end


def join(arrays: Sequence[Array], axis: int, sizes: Sizes) -> Array:
    """Arrays side by side on an inner axis."""
    full = [spread_out(array, sizes) for array in arrays]
    units = sum(array.inner[axis] for array in full)
    inner = (*full[0].inner[:axis], units, *full[0].inner[axis + 1 :])
    outer = prod(inner[:axis])
    slices: list[Slice] = []
    for number in range(outer):
        for array in full:
            each = len(array.slices) // outer
            slices += array.slices[number * each : (number + 1) * each]
    shape = (full[0].shape[0], *inner) if full[0].batch else inner
    return Array(shape, full[0].batch, inner, tuple(slices))
