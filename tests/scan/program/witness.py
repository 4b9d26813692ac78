"""A program beside the reference runner: the same input through both, every value and every gradient compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from gatewise.cells import Cell
from gatewise.scan import Packed, Zoneout, run
from gatewise.scan.interpret import interpret, interpret_backward
from gatewise.scan.program import Program
from gatewise.scan.trace import trace
from tolerance import tolerance


@dataclass(frozen=True)
class Case:
    """Sizes, lengths and direction of one comparison."""

    batch_sizes: tuple[int, ...] = (4, 4, 3, 1, 1)
    input_size: int = 3
    hidden_size: int = 6
    proj_size: int = 4
    dtype: torch.dtype = torch.float64
    reverse: bool = False
    bias: bool = True


@dataclass(frozen=True)
class Given:
    """Everything a scan and its backward pass are given; ``given`` draws it at random."""

    parameters: dict[str, Tensor]
    x: Packed
    initial: dict[str, Tensor]
    outputs: Tensor
    final: dict[str, Tensor]
    states: dict[str, Tensor]


traced = cache(trace)
"""``trace``, once for each cell."""


def given(cell: Cell, case: Case) -> Given:
    """Random input for a cell."""
    proj_size = case.proj_size if cell.has_projection else 0
    widths = cell.state_widths(case.hidden_size, proj_size)
    specs = cell.parameters(case.input_size, case.hidden_size, proj_size, case.bias)
    batch, total = case.batch_sizes[0], sum(case.batch_sizes)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64).mul_(0.5).to(case.dtype)

    return Given(
        {name: normal(*spec.shape) for name, spec in specs.items()},
        Packed(normal(total, case.input_size), case.batch_sizes),
        {name: normal(batch, width) for name, width in widths.items()},
        normal(total, next(iter(widths.values()))),
        {name: normal(batch, width) for name, width in widths.items()},
        {name: normal(total, width) for name, width in widths.items()},
    )


def by_program(program: Program, data: Given, reverse: bool, zoneout: Zoneout | None = None) -> dict[str, Tensor]:
    """All values and gradients, by the interpreter."""
    keys = zoneout.keys(data.x) if zoneout else None
    ran = interpret(program, data.parameters, data.x, data.initial, reverse=reverse, keys=keys)
    back = interpret_backward(program, ran, data.outputs, data.final, data.states)
    assert ran.scan.states is not None
    gradients = {"x": back.input, **back.initial, **back.parameters}
    return named(ran.scan.outputs, ran.scan.final, ran.scan.states, gradients)


def by_reference(cell: Cell, data: Given, reverse: bool, zoneout: Zoneout | None = None) -> dict[str, Tensor]:
    """All values and gradients, by the reference runner and autograd."""
    leaves = {"x": data.x.data, **data.initial, **data.parameters}
    leaves = {name: tensor.detach().clone().requires_grad_() for name, tensor in leaves.items()}
    parameters = {name: leaves[name] for name in data.parameters}
    initial = {name: leaves[name] for name in data.initial}
    x = Packed(leaves["x"], data.x.batch_sizes)
    options = {"reverse": reverse, "zoneout": zoneout, "runner": "reference", "keep_states": True}
    scan = run(cell, parameters, x, initial, **options)
    assert scan.states is not None
    tensors = [scan.outputs, *scan.final.values(), *scan.states.values()]
    weights = [data.outputs, *data.final.values(), *data.states.values()]
    loss = sum((tensor * weight).sum() for tensor, weight in zip(tensors, weights, strict=True))
    found = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
    return named(scan.outputs, scan.final, scan.states, dict(zip(leaves, found, strict=True)))


def named(
    outputs: Tensor, final: Mapping[str, Tensor], states: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """One flat table under names for a message."""
    found = {"outputs": outputs}
    found |= {f"final {name}": tensor for name, tensor in final.items()}
    found |= {f"states {name}": tensor for name, tensor in states.items()}
    return found | {f"gradient of {name}": tensor for name, tensor in gradients.items()}


def compare(program: Program, cell: Cell, case: Case, zoneout: Zoneout | None = None) -> None:
    """Every value and gradient of the program equals the reference; under zoneout the program is one that has it."""
    data = given(cell, case)
    came = by_program(program, data, case.reverse, zoneout)
    expected = by_reference(cell, data, case.reverse, zoneout)
    assert came.keys() == expected.keys()
    for name, tensor in expected.items():
        assert tensor.isfinite().all(), name
        scale = max(1.0, tensor.abs().max().item())
        bounds = tolerance(case.dtype, len(case.batch_sizes))
        torch.testing.assert_close(
            came[name] / scale, tensor / scale, **bounds, msg=lambda text, name=name: f"{name}: {text}"
        )
