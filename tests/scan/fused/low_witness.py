"""What a scan under bfloat16 autocast has to compute: the plain loop in float64, with operands of products rounded."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from scan.problem import Problem, problem, tamed
from tolerance import allowed, tolerance

_PLACES = {torch.ops.aten.mm.default: (0, 1), torch.ops.aten.addmm.default: (1, 2)}
"""Torch's matrix products -> which of their arguments are multiplied."""
_OTHERS = {"bmm", "mv", "dot", "baddbmm", "addmv", "addbmm", "linear"}


class Rounded(TorchDispatchMode):
    """While it is on, forward and backward, the operands of every matrix product are rounded to bfloat16.

    Args:
        length: how many steps feed on each other.

    Attributes:
        doubt: how far products can go apart where an operand lies so near to the middle between two numbers of
            bfloat16 that float32 may round it to the other one; the sum over all products of the farthest in each.
    """

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length, self.doubt = length, 0.0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        assert function.overloadpacket.__name__ not in _OTHERS, function
        if function not in _PLACES:
            return function(*arguments, **(options or {}))
        given, (left, right) = list(arguments), _PLACES[function]
        a, b = given[left], given[right]
        given[left], given[right] = (one.float().bfloat16().double() for one in (a, b))
        self.doubt += (self._gap(a) @ b.abs() + a.abs() @ self._gap(b)).max().item()
        return function(*given, **(options or {}))

    def _gap(self, value: Tensor) -> Tensor:
        """What may lie between the two roundings of each number; a float32 number of the problem is in no doubt."""
        near = allowed(0.0, value, torch.float32, self.length)
        gap = (value + near).float().bfloat16().double() - (value - near).float().bfloat16().double()
        return torch.where(value.float().double() == value, 0.0, gap)


def weighted(found: dict[str, Tensor]) -> Tensor:
    """A fixed random mixture of all results, in double precision."""
    generator = torch.Generator().manual_seed(7)
    terms = [torch.randn(one.shape, generator=generator, dtype=torch.float64) * one.double() for one in found.values()]
    return torch.stack([term.sum() for term in terms]).sum()


def without_doubt(cell: Any, batch_sizes: tuple[int, ...], *, ties: bool = False) -> tuple[Problem, dict[str, Tensor]]:
    """The first problem whose operands float32 rounds as float64 does, and what has to come out of it.

    What is left of doubt is less than the rounding of float32 that a comparison has to allow. Only this witness chooses
    the problem.

    Args:
        cell: the cell.
        batch_sizes: of the sequences.
        ties: whether x lies in the middle between two numbers of bfloat16, where rounding is to the even one.

    Returns:
        the problem in float32; results and gradients in float64.
    """
    for seed in range(1000):
        # Odd sizes: no multiple of a vector, of the 16 units of a block or of the 32 steps of a piece of the depth.
        same = tamed(problem(cell, batch_sizes, input_size=35, hidden_size=17, seed=seed), torch.float32)
        if ties:
            middle = (same.x.data.detach().view(torch.int32) & ~0xFFFF) | 0x8000
            same = same.with_input(middle.view(torch.float32).requires_grad_(), batch_sizes)
        mode = Rounded(len(batch_sizes))
        with mode:
            expected = values_and_gradients(doubled(same), runner="reference")
        if mode.doubt <= tolerance(torch.float32, len(batch_sizes))["atol"]:
            return same, expected
    raise AssertionError("in every problem float32 may round an operand to another number of bfloat16")


def doubled(same: Problem) -> Problem:
    """The same numbers in float64."""

    def leaf(value: Tensor) -> Tensor:
        return value.detach().double().requires_grad_()

    wide = same.with_input(leaf(same.x.data), same.x.batch_sizes, **{n: leaf(v) for n, v in same.initial.items()})
    return type(same)(wide.cell, {name: leaf(value) for name, value in same.parameters.items()}, wide.x, wide.initial)


def values_and_gradients(same: Problem, **options: Any) -> dict[str, Tensor]:
    """Everything that a scan returns, and the gradient of a mixture of it with respect to every tensor."""
    return with_gradients(same, same.run(keep_states=True, **options))


def with_gradients(same: Problem, scan: Any) -> dict[str, Tensor]:
    """The results of a scan, and the gradients of a mixture of them."""
    found = {f"all {name}": value for name, value in scan.states.items()}
    found |= {f"final {name}": value for name, value in scan.final.items()}
    leaves = same.leaves()
    made = torch.autograd.grad(weighted(found), list(leaves.values()))
    return found | {f"gradient of {name}": value for name, value in zip(leaves, made, strict=True)}
