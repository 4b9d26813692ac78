"""Operations unit by unit."""

from __future__ import annotations

from collections.abc import Callable

from gatewise.scan.lowering.arrays import Array
from gatewise.scan.lowering.context import Context, Operand, Traced, WeightGradient
from gatewise.scan.program.errors import TraceError
from gatewise.scan.program.form import Outer

LARGEST_POWER = 16


def _is_zero(context: Context, tensor: Operand) -> bool:
    numbers = {context.draft.number(item.value) for item in tensor.slices} if isinstance(tensor, Array) else {tensor}
    return numbers == {0.0}


def scaled(context: Context, tensor: Operand, factor: float) -> Array:
    """A number times a tensor."""
    return context.apply("mul", tensor, factor)


def add(context: Context, first: Operand, second: Operand, alpha: float = 1) -> Traced:
    """first + alpha * second; gradients of a matrix are added term by term."""
    for gradient, other in ((first, second), (second, first)):
        if isinstance(gradient, WeightGradient) and alpha == 1:
            if isinstance(other, WeightGradient):
                return WeightGradient(gradient.terms + other.terms)
            if _is_zero(context, other):
                return gradient
    return context.apply("add", first, second if alpha == 1 else scaled(context, second, alpha))


def sub(context: Context, first: Operand, second: Operand, alpha: float = 1) -> Array:
    """first - alpha * second."""
    return context.apply("sub", first, second if alpha == 1 else scaled(context, second, alpha))


def sub_from(context: Context, first: Operand, second: Operand, alpha: float = 1) -> Array:
    """second - alpha * first."""
    return sub(context, second, first, alpha)


def mul(context: Context, first: Operand, second: Operand) -> Traced:
    """first * second; a number may scale the gradient of a matrix."""
    for gradient, factor in ((first, second), (second, first)):
        if isinstance(gradient, WeightGradient):
            return _scaled_gradient(context, gradient, factor)
    return context.apply("mul", first, second)


def _scaled_gradient(context: Context, gradient: WeightGradient, factor: Operand) -> WeightGradient:
    array = context.array(factor)
    if array.shape or context.draft.number(array.slices[0].value) is None:
        raise TraceError("the gradient of a matrix is changed unit by unit")
    value = array.slices[0].value
    terms = (
        Outer(tuple(context.draft.emit("mul", part, value) for part in term.left), term.right)
        for term in gradient.terms
    )
    return WeightGradient(tuple(terms))


def neg(context: Context, tensor: Operand) -> Traced:
    """-tensor."""
    return mul(context, tensor, -1.0) if isinstance(tensor, WeightGradient) else context.apply("neg", tensor)


def div(context: Context, first: Operand, second: Operand, rounding_mode: str | None = None) -> Array:
    """first / second."""
    if rounding_mode is not None:
        raise TraceError("a quotient that is rounded has no gradient")
    return context.apply("div", first, second)


def power(context: Context, base: Operand, exponent: Operand) -> Array:
    """A small whole or half power, by products and a root."""
    if not isinstance(exponent, int | float):
        what = "a number" if isinstance(base, int | float) else "a tensor"
        raise TraceError(f"the power of {what} to a tensor cannot be expressed; write exp(exponent * log(base))")
    if 2 * exponent != int(2 * exponent) or abs(exponent) > LARGEST_POWER:
        raise TraceError(f"the power {exponent} cannot be expressed, only whole and half ones up to {LARGEST_POWER}")
    whole, half = divmod(abs(exponent), 1)
    array = context.array(base)
    result = context.apply("sqrt", array) if half else None
    square, left = array, int(whole)
    while left:
        if left % 2:
            result = square if result is None else context.apply("mul", result, square)
        square, left = (context.apply("mul", square, square), left // 2) if left > 1 else (square, 0)
    if result is None:
        return context.filled(1.0, array.shape)
    return context.apply("reciprocal", result) if exponent < 0 else result


def less(context: Context, first: Operand, second: Operand) -> Array:
    """first < second."""
    return context.apply("greater", second, first)


def less_equal(context: Context, first: Operand, second: Operand) -> Array:
    """first <= second."""
    return context.apply("greater_equal", second, first)


def not_equal(context: Context, first: Operand, second: Operand) -> Array:
    """first != second."""
    return logical_not(context, context.apply("equal", first, second))


def logical_not(context: Context, truth: Operand) -> Array:
    """1 for 0 and 0 for 1."""
    return context.apply("sub", 1.0, truth)


def clamp(context: Context, tensor: Operand, low: Operand | None = None, high: Operand | None = None) -> Array:
    """The tensor, but at least ``low`` and at most ``high``."""
    result = context.array(tensor)
    if low is not None:
        result = context.apply("maximum", result, low)
    return result if high is None else context.apply("minimum", result, high)


def clamp_max(context: Context, tensor: Operand, high: Operand) -> Array:
    """The tensor, but at most ``high``."""
    return clamp(context, tensor, None, high)


def masked_fill(context: Context, tensor: Operand, mask: Operand, number: Operand) -> Array:
    """The number where the mask says so."""
    return context.apply("select", mask, number, tensor)


def relu_gradient(context: Context, gradient: Operand, result: Operand, threshold: float) -> Array:
    """The gradient where the result is above the threshold."""
    if threshold == 0:
        return context.apply("relu_gradient", gradient, result)
    return context.apply("select", context.apply("greater", result, threshold), gradient, 0.0)


def lerp(context: Context, first: Operand, second: Operand, weight: Operand) -> Array:
    """first + weight * (second - first), from its nearer end, as torch does it."""
    if not isinstance(weight, int | float):
        raise TraceError("a weight that is a tensor cannot be expressed; write start + weight * (end - start)")
    way = context.apply("sub", second, first)
    if abs(weight) < 0.5:
        return context.apply("add", first, scaled(context, way, weight))
    return context.apply("sub", second, scaled(context, way, 1.0 - weight))


def _plain(operation: str) -> Callable[..., Array]:
    """An operation of the program that torch has under the same arguments."""

    def lower(context: Context, *operands: Operand) -> Array:
        return context.apply(operation, *operands)

    return lower


SAME_NAME = (
    *("sigmoid", "tanh", "relu", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "reciprocal"),
    *("abs", "sin", "cos", "erf", "maximum", "minimum"),
)

ELEMENTS: dict[str, Callable[..., object]] = {
    **{f"aten.{name}": _plain(name) for name in SAME_NAME},
    "aten.sign": _plain("sign"),
    "aten.sgn": _plain("sign"),
    "aten.neg": neg,
    "aten.add": add,
    "aten.sub": sub,
    "aten.rsub": sub_from,
    "aten.mul": mul,
    "aten.div": div,
    "aten.pow": power,
    "aten.lerp": lerp,
    "aten.gt": _plain("greater"),
    "aten.ge": _plain("greater_equal"),
    "aten.eq": _plain("equal"),
    "aten.lt": less,
    "aten.le": less_equal,
    "aten.ne": not_equal,
    "aten.logical_not": logical_not,
    "aten.bitwise_not": logical_not,
    **dict.fromkeys(("aten.logical_and", "aten.bitwise_and"), _plain("minimum")),  # of truths, which are 0 or 1
    **dict.fromkeys(("aten.logical_or", "aten.bitwise_or"), _plain("maximum")),
    "aten.where": _plain("select"),
    "aten.masked_fill": masked_fill,
    "aten.clamp": clamp,
    "aten.clamp_min": clamp,
    "aten.clamp_max": clamp_max,
    "aten.sigmoid_backward": _plain("sigmoid_gradient"),
    "aten.tanh_backward": _plain("tanh_gradient"),
    "aten.threshold_backward": relu_gradient,
}
"""Name of torch's operation -> its lowering."""
