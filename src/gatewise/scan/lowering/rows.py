"""Operations on whole rows: reductions, products with a matrix, layer normalisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from gatewise.scan.lowering.arrays import Array, Slice, reshape, spread_out
from gatewise.scan.lowering.context import Columns, Context, Operand, Traced, Weight, WeightGradient
from gatewise.scan.lowering.elements import add, mul, scaled
from gatewise.scan.program.errors import TraceError
from gatewise.scan.program.form import Outer

Dims = int | Sequence[int] | None


def total(context: Context, tensor: Operand, dims: Dims = None, keepdim: bool = False, **_: object) -> Array:
    """The sum over some axes; over the batch it is the gradient of a parameter."""
    array = context.array(tensor)
    places, shape = _places(array, dims), array.shape
    left = places
    if array.batch and 0 in places:
        array, left = _over_batch(context, array), places - {0}
    for place in sorted(left, reverse=True):
        array = _reduced(context, array, place - array.batch, "row_sum", "add")
    return _finished(context, array, shape, places, keepdim)


def mean(context: Context, tensor: Operand, dims: Dims = None, keepdim: bool = False, **_: object) -> Array:
    """The mean over some axes other than the batch."""
    array = context.array(tensor)
    places, shape = _places(array, dims), array.shape
    for place in sorted(places, reverse=True):
        count = _slices_to_add(array, array.axis(place))
        array = _reduced(context, array, array.axis(place), "row_mean", "add")
        array = scaled(context, array, 1.0 / count)
    return _finished(context, array, shape, places, keepdim)


def largest(context: Context, tensor: Operand, dims: Dims = None, keepdim: bool = False) -> Array:
    """The largest over some axes other than the batch."""
    array = context.array(tensor)
    places, shape = _places(array, dims), array.shape
    for place in sorted(places, reverse=True):
        array = _reduced(context, array, array.axis(place), "row_max", "maximum")
    return _finished(context, array, shape, places, keepdim)


def variance(
    context: Context, tensor: Operand, dims: Dims = None, correction: float | None = None, keepdim: bool = False
) -> Array:
    """The sum of the squares of the distances from the mean, divided by their number less ``correction``."""
    array = context.array(tensor)
    count = prod(array.shape[place] for place in _places(array, dims))
    centred = context.apply("sub", array, mean(context, array, dims, keepdim=True))
    squares = total(context, context.apply("mul", centred, centred), dims, keepdim)
    left = count - (1 if correction is None else correction)
    if left <= 0:
        raise TraceError(f"a variance of {count} numbers with a correction of {correction} is no number")
    return scaled(context, squares, 1.0 / left)


def deviation(context: Context, *arguments: Any, **options: Any) -> Array:
    """The root of the variance."""
    return context.apply("sqrt", variance(context, *arguments, **options))


def log_of_sum(context: Context, tensor: Operand, dims: Dims, keepdim: bool = False) -> Array:
    """The logarithm of the sum of exponentials, the largest taken out so that none overflows."""
    most = largest(context, tensor, dims, keepdim=True)
    exponentials = context.apply("exp", context.apply("sub", tensor, most))
    logarithm = context.apply("log", total(context, exponentials, dims, keepdim=True))
    array = context.array(tensor)
    return _finished(context, context.apply("add", logarithm, most), array.shape, _places(array, dims), keepdim)


def _places(array: Array, dims: Dims) -> set[int]:
    if dims is None or dims == [] or dims == ():
        return set(range(len(array.shape)))
    return {dim % len(array.shape) for dim in ([dims] if isinstance(dims, int) else dims)}


def _finished(context: Context, array: Array, shape: tuple[int, ...], places: set[int], keepdim: bool) -> Array:
    """Reduced axes stay as axes of size 1, or go."""
    if keepdim:
        return array
    return reshape(array, [size for place, size in enumerate(shape) if place not in places], context.sizes)


def _over_batch(context: Context, array: Array) -> Array:
    summed = context.map_slices(array, lambda item: context.draft.accumulate(_one_row(context, item)))
    return replace(summed, shape=(1, *array.inner), batch=False, stored=(1, *array.stored))


def _one_row(context: Context, item: Slice) -> int:
    """What a slice adds to a sum over the batch: a row, though one of width 1 will do."""
    broadcast = context.draft.levels[item.value] != "row"
    return context.draft.copy(item.value, context.draft.values[item.value].width) if broadcast else item.value


def _slices_to_add(array: Array, axis: int) -> int:
    """Over how many values, equally wide, a mean is taken in all."""
    if array.stored[axis] == 1:
        return 1
    if axis < len(array.stored) - 1:
        return array.inner[axis]
    groups = {tuple(item.width for item in group) for group in array.groups().values()}
    widths = groups.pop()
    if groups or len(set(widths)) > 1:
        raise TraceError(f"a mean is taken over slices of different widths: {', '.join(widths)}")
    return len(widths)


def _reduced(context: Context, array: Array, axis: int, reduction: str, joining: str) -> Array:
    """One inner axis reduced to size 1."""
    shape = list(array.shape)
    shape[axis + array.batch] = 1
    if array.stored[axis] == 1 and array.inner[axis] != 1:
        if joining == "add" and reduction == "row_sum":
            array = spread_out(array, context.sizes)
        else:
            return replace(array, shape=tuple(shape))
    stored = (*array.stored[:axis], 1, *array.stored[axis + 1 :])
    if axis == len(array.stored) - 1:
        groups = [[_row_reduced(context, item, reduction) for item in group] for group in array.groups().values()]
        slices = [Slice(_joined(context, group, joining), "1") for group in groups]
    else:
        slices = _across(context, array, axis, joining)
    return Array(tuple(shape), array.batch, stored, tuple(slices))


def _row_reduced(context: Context, item: Slice, reduction: str) -> int:
    value = context.draft.values[item.value]
    if item.width == "1":
        return item.value
    if value.width == "1":  # the same in every unit
        if reduction != "row_sum":
            return item.value
        level = context.draft.levels[item.value]
        return context.draft.emit(reduction, context.draft.copy(item.value, item.width, level))
    return context.draft.emit(reduction, item.value)


def _across(context: Context, array: Array, axis: int, joining: str) -> list[Slice]:
    """An axis other than the last: slices that lie one behind the other are joined unit by unit."""
    found: dict[tuple[int, ...], list[tuple[Slice, ...]]] = {}
    for place, group in array.groups().items():
        found.setdefault((*place[:axis], *place[axis + 1 :]), []).append(group)
    return [
        Slice(_joined(context, [item.value for item in items], joining), items[0].width)
        for groups in found.values()
        for items in zip(*groups, strict=True)
    ]


def _joined(context: Context, values: Sequence[int], joining: str) -> int:
    result = values[0]
    for value in values[1:]:
        result = context.draft.emit(joining, result, value)
    return result


def product(context: Context, left: Traced, right: Traced) -> Traced:
    """Rows times a matrix, or rows^T times rows: the gradient of one.

    Raises:
        TraceError: any other product.
    """
    if isinstance(left, Array) and isinstance(right, Weight):
        return _rows_of_product(context, left, right)
    if isinstance(left, Weight) and isinstance(right, Columns):
        turned = Weight(left.index, left.shape[::-1], not left.transposed)
        return Columns(_rows_of_product(context, right.rows, turned))
    if isinstance(left, Columns) and isinstance(right, Array) and right.batch:
        return WeightGradient((Outer(context.rows(left.rows), context.rows(right)),))
    raise TraceError("a product of something else than rows [B, width] and a parameter matrix")


def _rows_of_product(context: Context, rows: Array, weight: Weight) -> Array:
    """M x for every row x, where torch multiplies with M^T from the right."""
    values = context.draft.product(weight.index, not weight.transposed, context.rows(rows))
    slices = tuple(Slice(value, context.draft.values[value].width) for value in values)
    width = weight.shape[1]
    return Array((rows.shape[0], width), True, (width,), slices)


def product_and_sum(
    context: Context, bias: Operand, left: Traced, right: Traced, *, beta: float = 1, alpha: float = 1
) -> Traced:
    """beta * bias + alpha * left right."""
    result = product(context, left, right)
    result = result if alpha == 1 else mul(context, result, alpha)
    return add(context, result, bias if beta == 1 else mul(context, bias, beta))


def layer_norm(
    context: Context, tensor: Operand, shape: Sequence[int], gain: Operand | None, shift: Operand | None, epsilon: float
) -> tuple[Array, Array, Array]:
    """(a - mean) / sqrt(variance + epsilon) * gain + shift, with the mean and the factor."""
    array = context.array(tensor)
    dims = [-1 - number for number in range(len(shape))]
    middle = mean(context, array, dims, keepdim=True)
    centred = context.apply("sub", array, middle)
    variance = mean(context, context.apply("mul", centred, centred), dims, keepdim=True)
    factor = context.apply("rsqrt", context.apply("add", variance, epsilon))
    result = context.apply("mul", centred, factor)
    result = result if gain is None else context.apply("mul", result, gain)
    result = result if shift is None else context.apply("add", result, shift)
    return result, middle, factor


def layer_norm_gradient(
    context: Context,
    gradient: Operand,
    tensor: Operand,
    shape: Sequence[int],
    middle: Operand,
    factor: Operand,
    gain: Operand | None,
    shift: Operand | None,
    wanted: Sequence[bool],
) -> tuple[Array | None, Array | None, Array | None]:
    """The gradients of the tensor, the gain and the shift, where they are wanted."""
    del shift
    array = context.array(gradient)
    dims = [-1 - number for number in range(len(shape))]
    others = list(range(len(array.shape) - len(shape)))
    normal = context.apply("mul", context.apply("sub", tensor, middle), factor)
    inside: Array | None = None
    if wanted[0]:
        inner = array if gain is None else context.apply("mul", array, gain)
        even = mean(context, inner, dims, keepdim=True)
        along = mean(context, context.apply("mul", inner, normal), dims, keepdim=True)
        inside = context.apply("sub", context.apply("sub", inner, even), context.apply("mul", normal, along))
        inside = context.apply("mul", inside, factor)
    return (
        inside,
        total(context, context.apply("mul", array, normal), others) if wanted[1] else None,
        total(context, array, others) if wanted[2] else None,
    )


ROWS: dict[str, Callable[..., object]] = {
    "aten.sum": total,
    "aten.mean": mean,
    "aten.amax": largest,
    "aten.var": variance,
    "aten.std": deviation,
    "aten.logsumexp": log_of_sum,
    "aten.mm": product,
    "aten.addmm": product_and_sum,
    "aten.native_layer_norm": layer_norm,
    "aten.native_layer_norm_backward": layer_norm_gradient,
}
"""Name of torch's operation -> its lowering."""
