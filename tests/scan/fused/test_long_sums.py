"""Gradients that are sums over all time steps: what is lost to rounding does not grow with their number."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gatewise.cells import find
from scan.problem import Problem, problem, tamed
from tolerance import error, unit

STEPS, ROWS = 2000, 3


def gradients(same: Problem, runner: str) -> dict[str, Tensor]:
    """Gradients of a loss whose terms all have one sign, so that the sums grow and nothing cancels."""
    vectors = {name: value for name, value in same.parameters.items() if value.dim() == 1}
    made = torch.autograd.grad(same.run(runner=runner).outputs.mean(-1).sum(), list(vectors.values()))
    return dict(zip(vectors, made, strict=True))


@pytest.mark.parametrize("cell", ["gru", "peephole_lstm"])
def test_gradients_of_vectors_are_as_near_as_those_of_the_reference_over_many_steps(cell):
    wild = problem(find(cell), (ROWS,) * STEPS, input_size=4, hidden_size=8)
    exact = gradients(tamed(wild, torch.float64), "reference")
    single = tamed(wild, torch.float32)
    came, others = gradients(single, "fused"), gradients(single, "reference")
    assert exact.keys() >= {"bias_ih", "bias_hh"}
    for name, value in exact.items():
        bound = 2 * error(others[name], value) + unit(value, torch.float32)
        assert error(came[name], value) <= bound, name
        assert value.abs().max() > STEPS / 100, f"{name}: nothing grows"


def test_a_hundred_times_as_many_steps_lose_no_more():
    wild = problem(find("peephole_lstm"), (1,) * (100 * STEPS), input_size=4, hidden_size=8)
    came, exact = (gradients(tamed(wild, dtype), "fused") for dtype in (torch.float32, torch.float64))
    for name, value in exact.items():
        assert error(came[name], value) <= 2 * unit(value, torch.float32), name
