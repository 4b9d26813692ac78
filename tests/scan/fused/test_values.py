"""The engine beside the reference where numbers or sizes are unusual: every operation, many rows, NaN, denormals."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from gatewise.cells import Cell, Gates, Input, Parameters, States, find
from gatewise.scan import Packed, _engine, run
from scan.problem import Problem, problem, results, tamed
from scan.program.expressions import EXPRESSIONS, cell_of
from scan.program.random_cells import BINARY, UNARY
from tolerance import tolerance

MANY = (70, 70, 41, 41, 41, 40, 3, 3, 3, 3, 1)
"""More rows than the engine works on together inside and outside the loop, and in the gradient of a matrix."""
SPECIAL = (float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.0, -2.5, 80.0, -80.0, 1e15)


def gradients(same: Problem, runner: str, reverse: bool) -> dict[str, Tensor]:
    """Results and gradients of one random mixture of them; 0 for what has no part."""
    scan = same.run(runner=runner, reverse=reverse, keep_states=True)
    assert scan.runner == runner
    generator = torch.Generator().manual_seed(7)
    found, leaves = results(scan), same.leaves()
    total = sum(torch.randn(v.shape, generator=generator, dtype=v.dtype).mul(v).sum() for v in found.values())
    made = torch.autograd.grad(total, list(leaves.values()), materialize_grads=True)
    return found | {f"gradient of {name}": value for name, value in zip(leaves, made, strict=True)}


def assert_equals_reference(same: Problem, reverse: bool) -> None:
    expected, came = (gradients(same, runner, reverse) for runner in ("reference", "fused"))
    for name, value in expected.items():
        scale = max(1.0, value.abs().max().item())
        bounds = tolerance(value.dtype, len(same.x.batch_sizes))
        torch.testing.assert_close(came[name] / scale, value / scale, **bounds, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_everything_that_can_be_written_is_computed_as_by_the_reference(name):
    same = problem(cell_of(EXPRESSIONS[name]), (3, 3, 2, 1), input_size=4, hidden_size=19)
    assert_equals_reference(tamed(same, torch.float64), reverse=len(name) % 2 == 1)


@pytest.mark.parametrize("cell", ["gru", "peephole_lstm", "layer_norm_lstm"])
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_many_rows(cell, reverse):
    assert sum(MANY) > 256
    assert_equals_reference(tamed(problem(find(cell), MANY, input_size=5, hidden_size=7), torch.float64), reverse)


class Element(Cell):
    """One operation on two inputs, and nothing that is trained but the way to it."""

    state = {"hidden": "H"}
    W = Input(("a", "b"))


@cache
def cell_with(name: str) -> Cell:
    """The cell of one operation, made once."""

    def step(self: Cell, x: Gates, s: States, p: Parameters) -> States:
        return s.next(hidden=(UNARY[name](x.a) if name in UNARY else BINARY[name](x.a, x.b)) + 0.0 * s.hidden)

    return type("One", (Element,), {"step": step, "__module__": __name__})()


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])
def test_numbers_that_are_none_and_infinite_ones_come_out_as_in_torch(name, dtype):
    pairs = torch.cartesian_prod(torch.tensor(SPECIAL), torch.tensor(SPECIAL)).to(dtype)
    weights = {"weight_ih": torch.eye(2, dtype=dtype), "bias_ih": torch.zeros(2, dtype=dtype)}
    states = {"hidden": torch.zeros(1, 1, dtype=dtype)}
    expected, came = [], []
    for a, b in pairs:  # one number in a row: a product of NaN and 0 is NaN
        weights["bias_ih"] = torch.stack([a, b])
        x = Packed(torch.zeros(1, 2, dtype=dtype), (1,))
        for runner, found in (("reference", expected), ("fused", came)):
            found.append(run(cell_with(name), weights, x, states, runner=runner).outputs.flatten())
    torch.testing.assert_close(torch.cat(came), torch.cat(expected), equal_nan=True, **tolerance(dtype, 16))


@pytest.mark.parametrize("isa", _engine.instruction_sets())
@pytest.mark.parametrize(("name", "ulp"), [("sigmoid", 2.3), ("tanh", 3.3)])
def test_functions_are_as_close_as_their_comments_say(name, ulp, isa, monkeypatch):
    monkeypatch.setenv("GATEWISE_ISA", isa)
    numbers = torch.cat([torch.linspace(-80, 80, 16_001), torch.logspace(-6, 1, 2_000), -torch.logspace(-6, 1, 2_000)])
    x = Packed(torch.stack([numbers, torch.zeros_like(numbers)], 1), (len(numbers),))
    weights = {"weight_ih": torch.eye(2)[:1].expand(2, 2).contiguous(), "bias_ih": torch.zeros(2)}
    states = {"hidden": torch.zeros(len(numbers), 1)}
    came = run(cell_with(name), weights, x, states, runner="fused").outputs.flatten()
    exact = UNARY[name](numbers.double())
    spacing = torch.from_numpy(np.spacing(np.abs(exact.float().numpy()))).double()
    assert ((came.double() - exact).abs() / spacing).max() <= ulp


@pytest.mark.parametrize("threads", [1, 2])
def test_denormal_numbers_are_zero_inside_and_stay_the_callers_outside(threads):
    small = np.float32(1e-40)
    torch.set_num_threads(threads)
    weights = {"weight_ih": torch.zeros(5, 1), "weight_hh": torch.eye(5)}
    x, states = Packed(torch.zeros(8, 1), (4, 4)), {"hidden": torch.full((4, 5), float(small))}
    scan = run(find("rnn", nonlinearity="relu"), weights, x, states, runner="fused")
    assert not scan.outputs.any()
    assert small * np.float32(1) > 0
    assert (torch.full((3,), 1e-40) * 1).all()
