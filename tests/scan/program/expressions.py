"""One-line steps over two gates ``a`` and ``b``, a state and a few parameters: what can be written, and what cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.cells import Cell, Gates, Input, Matrix, Norm, Parameters, States, Vector


@dataclass(frozen=True)
class Operands:
    """What an expression is written with."""

    a: Tensor
    b: Tensor
    both: Tensor  # [B, 2H]
    h: Tensor
    p: Parameters


Expression = Callable[[Operands], Tensor]


class Base(Cell):
    """A cell with something of everything; a subclass says what becomes of it."""

    state = {"hidden": "H"}
    W = Input(("a", "b"))
    R = Matrix("H", ("a", "b"), bias=True)
    S = Matrix("H", "H")
    v = Vector("one", "two")
    norm = Norm(("a", "b"))
    units: int = 3
    down = Matrix("H", "units")
    up = Matrix("units", "H")


def cell_of(expression: Expression) -> Cell:
    """The cell whose new state is the tanh of an expression."""

    def step(self: Cell, x: Gates, s: States, p: Parameters) -> States:
        both = x + p.R(s.hidden)
        result = expression(Operands(both.a, both.b, both.tensor, s.hidden, p))
        return s.next(hidden=result.tanh())

    return type("Written", (Base,), {"step": step, "__module__": __name__})()


def grown(o: Operands) -> Tensor:
    """A tensor that is changed in place before anything else has seen it."""
    total = o.a * o.h
    total += o.b
    total.mul_(0.5)
    return total


def filled_rows(o: Operands) -> Tensor:
    """Tensors made on the way."""
    return o.a * torch.full_like(o.a, 0.5) + o.a.new_full(o.a.shape, 0.25) * o.b + torch.zeros_like(o.a)


def made_rows(o: Operands) -> Tensor:
    """Tensors made on the way, of a dtype."""
    ones = torch.ones(o.a.shape, dtype=o.a.dtype) * torch.full((1, 1), 0.5, dtype=o.a.dtype)
    return o.a * ones + torch.zeros(o.a.shape, dtype=o.a.dtype) + o.b * o.a.new_ones(o.a.shape) + o.a.new_zeros(1)


def pieces(o: Operands) -> Tensor:
    """Gates cut, joined and turned by hand."""
    first, second = o.both.view(o.both.size(0), 2, -1).unbind(1)
    stacked = torch.stack([second, first], 1)
    twice = stacked.unsqueeze(1).expand(-1, 2, -1, -1).transpose(1, 2).reshape(o.a.size(0), -1)
    return stacked.permute(0, 1, 2).select(1, 0) * stacked[:, 1] + stacked.sum(1) + twice.chunk(4, 1)[2]


TRAINED = torch.tensor(0.5, requires_grad=True)

EXPRESSIONS: dict[str, Expression] = {
    "add and sub": lambda o: o.a + o.b - 0.5 * o.h,
    "rsub": lambda o: torch.rsub(o.a, o.b, alpha=2),
    "div": lambda o: o.a / (2.0 + o.b.tanh()) / 3.0,
    "powers": lambda o: o.a**2 + o.b.pow(3) + (o.h**2 + 1.0) ** 0.5 + (o.a**2 + 1.0) ** -1.5 + o.b.square(),
    "power 0": lambda o: o.a**0 * o.b,
    "comparisons": lambda o: o.a * (o.b > 0.1) + o.b * (o.a >= o.h) + o.h * (o.a < 0.2) + o.a * (o.b <= o.a),
    "equal": lambda o: torch.where(o.a == o.b, o.a, o.h) + torch.where(o.a != 0.0, o.b, o.h),
    "logic": lambda o: torch.where(((o.a > 0) & (o.b > 0)) | ~(o.h > 0), o.a, o.b),
    "logical": lambda o: torch.where(
        torch.logical_or((o.a > 0).logical_not(), torch.logical_and(o.b > 0, o.h > 0)), o.a, o.b
    ),
    "masked_fill": lambda o: o.a.masked_fill(o.b > 0, 0.5),
    "clamp": lambda o: o.a.clamp(-0.5, 0.5) + o.b.clamp(min=0.0) + o.h.clamp_max(0.3) + o.h.clamp_min(-0.3),
    "extrema": lambda o: torch.maximum(o.a, o.b) * torch.minimum(o.a, o.h),
    "signs": lambda o: o.a.abs() * o.b.sign() + (-o.h),
    "exponentials": lambda o: o.a.tanh().exp() + o.b.tanh().expm1() + o.h.abs().log1p() + (1.5 + o.a.tanh()).log(),
    "roots": lambda o: (1.5 + o.a.tanh()).sqrt() + (1.5 + o.b.tanh()).rsqrt() + (1.5 + o.h.tanh()).reciprocal(),
    "waves": lambda o: o.a.sin() * o.b.cos() + o.h.erf(),
    "relu": lambda o: o.a.relu() + functional.threshold(o.b, 0.2, 0.0),
    "sums": lambda o: o.a * o.b.sum(1, keepdim=True) + o.h * o.a.sum(-1).unsqueeze(1),
    "means": lambda o: o.a - o.a.mean(-1, keepdim=True) + o.both.mean(1, keepdim=True) * o.h,
    "variances": lambda o: o.a * o.b.var(-1, keepdim=True) + o.h / (o.both.var(1, keepdim=True) + 0.1).sqrt(),
    "variances of all": lambda o: o.a * o.b.var(-1, unbiased=False).unsqueeze(1) + o.p.v.one.var() * o.h,
    "deviations": lambda o: (o.a - o.a.mean(-1, keepdim=True)) / o.a.std(-1, keepdim=True) + o.b.std(1, True, True),
    "variance of few": lambda o: o.p.up(o.p.down(o.h) * o.p.down(o.a).var(-1, keepdim=True)) + o.b,
    "log of a sum": lambda o: o.a - o.a.logsumexp(-1, keepdim=True) + o.h * o.both.logsumexp(1).unsqueeze(1),
    "log of a large sum": lambda o: o.a - (1000.0 + 9.0 * o.b).logsumexp(-1, keepdim=True) / 1000.0,
    "between": lambda o: torch.lerp(o.a, o.b, 0.3) + torch.lerp(o.h, o.a, 0.75) * o.b,
    "largest": lambda o: o.a - o.a.amax(1, keepdim=True) + o.both.amax(-1, keepdim=True),
    # The sum is of 19 numbers: unscaled, each step would magnify the rounding of those before it fiftyfold.
    "of vectors": lambda o: 0.05 * o.a * o.p.v.one.exp().sum() + o.b * o.p.v.two.mean() + o.p.v.one,
    "vector of ones": lambda o: o.p.v.one.expand(o.a.shape) * o.a + o.p.v.two.unsqueeze(0) * o.h,
    "norms": lambda o: o.p.norm(o.both, over="all").chunk(2, -1)[0] + o.p.norm(o.both).chunk(2, -1)[1],
    "plain norm": lambda o: functional.layer_norm(o.a, o.a.shape[1:], o.p.v.one, o.p.v.two),
    "softmax": lambda o: o.a * o.b.softmax(-1) + o.h.log_softmax(-1),
    "second product": lambda o: o.p.S(o.a.sigmoid() * o.h) + o.b,
    "same product twice": lambda o: o.p.S(o.a) * 0.5 + o.p.S(o.h + o.b),
    "low rank": lambda o: o.p.up(o.p.down(o.h).tanh()) + o.a,
    "few units": lambda o: o.p.up(o.p.down(o.h) - o.p.down(o.a).mean(-1, keepdim=True)) * o.b,
    "weight by hand": lambda o: o.h @ o.p.S.weight.t() + torch.addmm(o.a, o.b, o.p.S.weight, beta=0.5, alpha=2.0),
    "product from the left": lambda o: (o.p.S.weight @ o.h.t()).t() + functional.linear(o.a, o.p.S.weight),
    "constant row in a product": lambda o: o.p.S(torch.cat([o.a, o.b], 1)[:, : o.a.size(1)] * 0.0 + 1.0) + o.h,
    "cut and join": lambda o: torch.cat([o.b, o.a], 1).split([o.a.size(1), o.b.size(1)], 1)[0] * o.h,
    "slices": lambda o: o.both[:, : o.a.size(1)] * o.both[:, o.a.size(1) :] + o.both.narrow(1, 0, o.a.size(1)),
    "uneven pieces": lambda o: torch.cat([o.both, o.h], 1).split(2 * o.a.size(1), 1)[1] * o.a,
    "axes": lambda o: o.both.view(-1, 2, o.a.size(1)).select(1, 1) * o.a.unsqueeze(1).squeeze(1).clone(),
    "gates turned": lambda o: o.both.reshape(o.a.size(0), 2, -1).mul(o.h.unsqueeze(1)).sum(1),
    "pieces": pieces,
    "three axes": lambda o: o.both.view(-1, 1, 2, o.a.size(1)).permute(0, 2, 1, 3).flatten(1)[:, : o.a.size(1)] * o.b,
    "filled": filled_rows,
    "made": made_rows,
    "number as tensor": lambda o: o.a * torch.tensor(0.5) + o.b * torch.tensor(2.0, dtype=torch.float64),
    "truth as number": lambda o: (o.a > 0).to(o.a.dtype) * o.b + (o.b > 0).double() * o.a,
    "in place": grown,
    "detached": lambda o: o.a * o.b.detach() + o.h,
    "mean of all gates": lambda o: o.both.view(o.a.size(0), 2, -1).mean(1) - o.a.sum(1, keepdim=True) / o.a.size(1),
    "by the root of the size": lambda o: o.a * o.h / o.h.size(1) ** 0.5 + o.b * o.h.size(1),
    "zero and one": lambda o: (o.a + 0.0) * 1.0 - 0 + o.b / 1,
    "only the input": lambda o: torch.zeros_like(o.h) + 0.5 + 0.0 * o.p.v.one,
}

REFUSED: dict[str, tuple[Expression, str]] = {
    "cumsum": (lambda o: o.a.cumsum(1), "the operation cumsum cannot be expressed"),
    "flip": (lambda o: o.a.flip(1), "the operation flip cannot be expressed"),
    "batch mean": (lambda o: o.a - o.a.mean(0), "the batch is reached into: no row may look at another"),
    "batch sum": (lambda o: o.a * o.a.sum(0), "a sum over the batch is used in a row: no row may look at another"),
    "one row": (lambda o: o.a + o.a[0], "the batch is reached into: no row may look at another"),
    "rows with rows": (lambda o: (o.a @ o.b.t()) @ o.h, "a product of something else than rows"),
    "weight changed": (lambda o: o.h @ o.p.S.weight.tanh(), "the matrix weight_S is used otherwise than in a product"),
    "random": (lambda o: o.a + torch.rand_like(o.a), "rand_like cannot be expressed"),
    "a value decides": (lambda o: o.a if o.a.sum() > 0 else o.b, "cannot be expressed"),
    "item": (lambda o: o.a * o.b.abs().max().item(), "cannot be expressed"),
    "half a gate": (lambda o: torch.cat([o.a[:, 1:], o.a[:, :1]], 1), "a slice of width H is cut"),
    "other precision": (lambda o: o.a.float().double(), "the change to torch.float32 cannot be expressed"),
    "view changed in place": (
        lambda o: o.both.clone()[:, : o.a.size(1)].add_(o.b),
        "add_ changes a tensor in place",
    ),
    "odd power": (lambda o: o.a.abs() ** 0.3, "the power 0.3 cannot be expressed"),
    "to a power": (lambda o: 2.0**o.a, "pow: the power of a number to a tensor cannot be expressed; write exp("),
    "tensor to a power": (lambda o: o.a.abs() ** o.b, "pow: the power of a tensor to a tensor cannot be expressed"),
    "between by a tensor": (lambda o: torch.lerp(o.a, o.b, o.h), "lerp: a weight that is a tensor cannot be expressed"),
    "variance of one": (lambda o: o.a * o.a[:, None].var(1), "var: a variance of 1 numbers with a correction of 1"),
    "inside a call": (
        lambda o: functional.dropout(o.a, 0.5, training=True),
        "empty_like cannot be expressed; it comes from inside what this line calls",
    ),
    "gradient": (lambda o: functional.hardshrink(o.a, 0.1), "the gradient of hardshrink cannot be expressed"),
    "own tensor": (lambda o: o.a * torch.linspace(0, 1, o.a.size(1), dtype=o.a.dtype), "cannot be expressed"),
    "own trained number": (lambda o: o.a * TRAINED, "a tensor [] that is no parameter cannot be expressed"),
    "size in a sum": (lambda o: o.a * (o.a.size(1) + 1.0), "its numbers depend on the sizes: 38 became 44"),
    "batch size": (lambda o: o.a / o.a.size(0), "its numbers depend on the sizes"),
    "size decides": (lambda o: o.a if o.a.size(1) > 40 else o.b, "its trace depends on the sizes"),
    "mixed widths": (lambda o: o.a * o.p.down(o.h)[:, :1].expand_as(o.a), "a slice of width 3 is cut"),
    "sort": (lambda o: o.a.sort(-1).values, "the operation sort cannot be expressed"),
    "infinite": (lambda o: torch.where(o.a > 0, o.a, float("inf")).clamp(max=2.0), "the number inf cannot stand"),
    "own mistake": (lambda o: o.a + torch.ones(2), "RuntimeError: The size of tensor a"),
    "wrong shape": (lambda o: o.both, "the state hidden has another shape after the step than before"),
}
