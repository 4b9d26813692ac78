"""Operations that only cut, join, turn or repeat tensors; none of them becomes a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from gatewise.scan.lowering.arrays import Array, reshape, spread_out, take
from gatewise.scan.lowering.arrays import join as join_arrays
from gatewise.scan.lowering.context import Columns, Context, Operand, Traced, Weight, WeightGradient
from gatewise.scan.program.errors import TraceError


def same(context: Context, tensor: Traced, *_: object, **__: object) -> Traced:
    """The tensor itself."""
    del context
    return tensor


def to_floating(context: Context, tensor: Traced, *_: object, dtype: Any = None, **__: object) -> Traced:
    """A change of dtype between truth and numbers is none here, and any other has no place in a program.

    Raises:
        TraceError: a change to another precision, or to integers.
    """
    del context
    name = str(dtype)
    if dtype is not None and name not in ("torch.float64", "torch.bool"):
        raise TraceError(f"the change to {name} cannot be expressed; precision is chosen when the program runs")
    return tensor


def view(context: Context, tensor: Traced, shape: Sequence[int]) -> Traced:
    """The same elements in another shape."""
    if not isinstance(tensor, Array):
        return tensor if tuple(shape) == getattr(tensor, "shape", None) else context.array(tensor)
    return reshape(tensor, shape, context.sizes)


def unsqueeze(context: Context, tensor: Operand, dim: int) -> Array:
    """A new axis of size 1."""
    array = context.array(tensor)
    place = dim % (len(array.shape) + 1)
    if array.batch and place == 0:
        raise TraceError("an axis is put in front of the batch")
    return reshape(array, (*array.shape[:place], 1, *array.shape[place:]), context.sizes)


def squeeze(context: Context, tensor: Operand, dim: int | Sequence[int]) -> Array:
    """Without the named axes of size 1."""
    array = context.array(tensor)
    dims = {item % len(array.shape) for item in ([dim] if isinstance(dim, int) else dim)}
    kept = [size for place, size in enumerate(array.shape) if place not in dims or size != 1]
    return reshape(array, kept, context.sizes)


def expand(context: Context, tensor: Operand, shape: Sequence[int], implicit: bool = False) -> Array:
    """Axes of size 1 repeated."""
    del implicit
    array = context.array(tensor)
    rank = len(shape)
    known = (1,) * (rank - len(array.shape)) + array.shape
    wide = tuple(old if new == -1 else new for old, new in zip(known, shape, strict=True))
    if array.batch:
        if rank != len(array.shape):
            raise TraceError("an axis is put in front of the batch")
        return replace(array, shape=wide)
    batch = bool(wide) and wide[0] == context.batch
    stored = (1,) * (rank - len(array.stored)) + array.stored
    return Array(wide, batch, stored[1:] if batch else stored, array.slices)


def transpose(context: Context, tensor: Operand, first: int = 0, second: int = 1) -> Traced:
    """Two axes change places."""
    rank = 2 if not isinstance(tensor, Array) else len(tensor.shape)
    order = list(range(rank))
    order[first], order[second] = order[second], order[first]
    return permute(context, tensor, order)


def permute(context: Context, tensor: Operand, order: Sequence[int]) -> Traced:
    """Axes in another order; the batch stays first and the last axis last, but for the transpose of a matrix."""
    if isinstance(tensor, Weight | WeightGradient | Columns):
        return _turned(tensor) if [dim % 2 for dim in order] == [1, 0] else tensor
    array = context.array(tensor)
    places = [dim % len(array.shape) for dim in order]
    if places == list(range(len(places))):
        return array
    if array.batch and places == [1, 0]:
        return Columns(array)
    if places[-1] != len(places) - 1 or (array.batch and places[0] != 0):
        raise TraceError("axes change places in a way that would cut slices or move the batch")
    return _reordered(spread_out(array, context.sizes), places)


def _turned(tensor: Weight | WeightGradient | Columns) -> Traced:
    if isinstance(tensor, Weight):
        return Weight(tensor.index, tensor.shape[::-1], not tensor.transposed)
    return tensor.turned() if isinstance(tensor, WeightGradient) else tensor.rows


def _reordered(array: Array, places: Sequence[int]) -> Array:
    inner = [place - array.batch for place in places[int(array.batch) :]]
    stored = tuple(array.stored[axis] for axis in inner)
    groups = sorted(array.groups().items(), key=lambda item: [item[0][axis] for axis in inner[:-1]])
    shape = tuple(array.shape[place] for place in places)
    return replace(array, shape=shape, stored=stored, slices=tuple(item for _, group in groups for item in group))


def cut(
    context: Context, tensor: Operand, dim: int = 0, start: int | None = 0, stop: int | None = None, step: int = 1
) -> Array:
    """From ``start`` to ``stop`` on one axis."""
    if step != 1:
        raise TraceError("every n-th unit is taken")
    array = context.array(tensor)
    size = array.shape[dim % len(array.shape)]
    first, last, _ = slice(start, stop).indices(size)
    if array.batch and dim % len(array.shape) == 0 and (first, last) == (0, size):
        return array
    return array if (first, last) == (0, size) else take(array, array.axis(dim), first, last, context.sizes)


def select(context: Context, tensor: Operand, dim: int, index: int) -> Array:
    """One place on an axis, which goes."""
    array = context.array(tensor)
    axis = array.axis(dim)
    place = index % array.inner[axis]
    return squeeze(context, take(array, axis, place, place + 1, context.sizes), dim % len(array.shape))


def split(context: Context, tensor: Operand, sizes: int | Sequence[int], dim: int = 0) -> tuple[Array, ...]:
    """Pieces of one size, or of the given sizes, on one axis."""
    array = context.array(tensor)
    axis = array.axis(dim)
    units = array.inner[axis]
    pieces = [min(sizes, units - start) for start in range(0, units, sizes)] if isinstance(sizes, int) else list(sizes)
    starts = [sum(pieces[:number]) for number in range(len(pieces))]
    return tuple(
        take(array, axis, start, start + piece, context.sizes) for start, piece in zip(starts, pieces, strict=True)
    )


def unbind(context: Context, tensor: Operand, dim: int = 0) -> tuple[Array, ...]:
    """Every place on an axis, one by one."""
    array = context.array(tensor)
    return tuple(select(context, array, dim, index) for index in range(array.inner[array.axis(dim)]))


def join(context: Context, tensors: Sequence[Operand], dim: int = 0) -> Array:
    """Side by side on an axis."""
    arrays = [context.array(tensor) for tensor in tensors]
    return join_arrays(arrays, arrays[0].axis(dim), context.sizes)


def stack(context: Context, tensors: Sequence[Operand], dim: int = 0) -> Array:
    """Side by side on a new axis."""
    rank = len(context.array(tensors[0]).shape) + 1
    return join(context, [unsqueeze(context, tensor, dim % rank) for tensor in tensors], dim % rank)


def put_slice(
    context: Context, part: Operand, sizes: Sequence[int], dim: int, start: int | None, stop: int | None, step: int
) -> Array:
    """The gradient of ``cut``: zeros but for the part."""
    if step != 1:
        raise TraceError("every n-th unit is taken")
    array, axis = context.array(part), dim % len(sizes)
    first, last, _ = slice(start, stop).indices(sizes[axis])
    pieces = [
        context.filled(0.0, (*sizes[:axis], first, *sizes[axis + 1 :])) if first else None,
        array,
        context.filled(0.0, (*sizes[:axis], sizes[axis] - last, *sizes[axis + 1 :])) if last < sizes[axis] else None,
    ]
    kept = [piece for piece in pieces if piece is not None]
    return array if len(kept) == 1 else join(context, kept, axis)


def put_place(context: Context, part: Operand, sizes: Sequence[int], dim: int, index: int) -> Array:
    """The gradient of ``select``: zeros but for the place."""
    place = index % sizes[dim]
    return put_slice(context, unsqueeze(context, part, dim % len(sizes)), sizes, dim, place, place + 1, 1)


def filled(context: Context, shape: Sequence[int], number: float, **_: object) -> Array:
    """The same number everywhere."""
    return context.filled(number, tuple(shape))


def zeros(context: Context, shape: Sequence[int], **_: object) -> Array:
    """Zeros."""
    return context.filled(0.0, tuple(shape))


def ones(context: Context, shape: Sequence[int], **_: object) -> Array:
    """Ones."""
    return context.filled(1.0, tuple(shape))


def new_filled(context: Context, like: Traced, shape: Sequence[int], number: float, **_: object) -> Array:
    """The same number everywhere, of the dtype of another tensor."""
    del like
    return context.filled(number, tuple(shape))


def number(context: Context, value: float, **_: object) -> Array:
    """A tensor without axes."""
    return context.filled(value)


def filled_like(context: Context, like: Traced, value: float = 0.0, **_: object) -> Array:
    """The same number everywhere, of the shape of another tensor."""
    shape = like.shape if isinstance(like, Array | Weight) else context.array(like).shape
    return context.filled(value, shape)


def new_zeros(context: Context, like: Traced, shape: Sequence[int], **_: object) -> Array:
    """Zeros, of the dtype of another tensor."""
    return new_filled(context, like, shape, 0.0)


def new_ones(context: Context, like: Traced, shape: Sequence[int], **_: object) -> Array:
    """Ones, of the dtype of another tensor."""
    return new_filled(context, like, shape, 1.0)


def zeros_like(context: Context, like: Traced, **_: object) -> Array:
    """Zeros of the shape of another tensor."""
    return filled_like(context, like, 0.0)


def ones_like(context: Context, like: Traced, **_: object) -> Array:
    """Ones of the shape of another tensor."""
    return filled_like(context, like, 1.0)


SHAPES: dict[str, Callable[..., object]] = {
    **dict.fromkeys(("aten.detach", "aten.clone", "aten.lift_fresh"), same),
    **dict.fromkeys(("aten.view", "aten._unsafe_view"), view),
    "aten._to_copy": to_floating,
    "aten.unsqueeze": unsqueeze,
    "aten.squeeze": squeeze,
    "aten.expand": expand,
    "aten.t": transpose,
    "aten.transpose": transpose,
    "aten.permute": permute,
    "aten.slice": cut,
    "aten.select": select,
    "aten.split": split,
    "aten.split_with_sizes": split,
    "aten.unbind": unbind,
    "aten.cat": join,
    "aten.stack": stack,
    "aten.slice_backward": put_slice,
    "aten.select_backward": put_place,
    "aten.full": filled,
    "aten.zeros": zeros,
    "aten.ones": ones,
    "aten.scalar_tensor": number,
    "aten.full_like": filled_like,
    "aten.zeros_like": zeros_like,
    "aten.ones_like": ones_like,
    "aten.new_full": new_filled,
    "aten.new_zeros": new_zeros,
    "aten.new_ones": new_ones,
}
"""Name of torch's operation -> its lowering."""
