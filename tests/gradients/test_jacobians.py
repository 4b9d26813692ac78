"""Exact Jacobian norms: finite differences for every cell, and mechanics that can be worked by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from gatewise.cells.record import CellRecord
from gatewise.cells.registry import find
from gatewise.cells.spec import Cell, Input, Matrix
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.jacobians import jacobian_norms
from gatewise.gradients.levels import level_of
from gatewise.gradients.step_jacobians import Steps, step_jacobians
from gatewise.scan.stored.cell import stored_cell
from gatewise.scan.stored.find import program_of
from gradients.subjects import BOTH_WAYS, CELLS, T, difference_quotients, layers, name, of_text
from tolerance import tolerance

BOUND = 1e-6
LEVELS = [(0, False), (0, True), (1, False), (1, True)]


class Linear(Cell):
    """A cell of a user's own, without a nonlinearity."""

    state = {"hidden": "H"}
    W = Input(("hidden",))
    R = Matrix("H", ("hidden",))

    def step(self, x, s, p):
        return s.next(hidden=(x + p.R(s.hidden)).hidden)


@pytest.mark.parametrize("cell", CELLS, ids=name)
@pytest.mark.parametrize(("layer", "reverse"), LEVELS)
def test_norms_are_those_of_finite_differences(cell, layer, reverse):
    subject = of_text(layers(cell, **BOTH_WAYS))
    level = level_of(subject, layer, reverse)
    for of in level.widths:
        norms = jacobian_norms(subject, layer, reverse, max_distance=4, targets=2, of=of)
        assert norms.exact
        assert norms.positions.tolist() == level.positions(torch.tensor([5, T])).tolist()
        for row, target in enumerate([5, T]):
            for distance in range(5):
                moved = difference_quotients(level, target - distance, target)[level.parts[of]] if distance else None
                moved = torch.eye(level.size).double()[level.parts[of]] if moved is None else moved
                for state, part in level.parts.items():
                    block = moved[:, part]
                    came = norms.spectral[state].log_norms[row, distance].exp()
                    assert abs(came - torch.linalg.matrix_norm(block, 2)) < BOUND
                    came = norms.frobenius[state].log_norms[row, distance].exp()
                    assert abs(came - block.norm()) < BOUND


@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_step_jacobians_are_finite_differences_also_under_zoneout(cell):
    plain, kept = (layers(cell, zoneout=rate, initial_state="learned") for rate in (0.0, 0.25))
    kept.load_state_dict(plain.state_dict())
    subject = of_text(plain)
    level = level_of(subject)
    found = step_jacobians(subject)
    wanted = torch.stack([difference_quotients(level, step - 1, step) for step in range(1, T + 1)])
    assert_close(found, wanted, atol=BOUND, rtol=BOUND)
    other = type(subject)(kept, subject.inputs, subject.tokens, text_loss=subject.text_loss)
    unchanged = torch.eye(level.size, dtype=torch.float64)
    assert_close(step_jacobians(other, last=1)[0], 0.25 * unchanged + 0.75 * found[0])  # later states differ


@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_vectors_go_through_a_step_as_through_its_jacobian(cell):
    level = level_of(of_text(layers(cell, zoneout=0.25)))
    steps, rows = Steps(level), torch.randn(3, level.size, dtype=torch.float64)
    jacobian = steps.jacobians(2, 4)[1]
    for _ in range(2):  # the second time from what was kept
        assert_close(steps.pull(3, rows), rows @ jacobian, **tolerance(torch.float64, level.size))
        assert_close(steps.push(3, rows), rows @ jacobian.T, **tolerance(torch.float64, level.size))


@pytest.mark.parametrize("cell", ["lstm", "rnn", "layer_norm_lstm"])
def test_a_cell_known_by_its_program_is_measured_alike(cell):
    cell = find(cell)
    stack = layers(cell, bias=cell.name != "lstm")
    known = layers(stored_cell(CellRecord.of(cell), program_of(cell, stack.bias), "model"), bias=stack.bias)
    known.load_state_dict(stack.state_dict())
    subject = of_text(stack)
    other = type(subject)(known, subject.inputs, subject.tokens, text_loss=subject.text_loss)
    assert_close(step_jacobians(other), step_jacobians(subject), **tolerance(torch.float64, T))


@pytest.mark.parametrize("cell", [find("rnn", nonlinearity="relu"), Linear()], ids=name)
def test_a_spectral_radius_of_a_half_halves_the_norm_at_every_step(cell):
    stack = layers(cell, hidden_size=5, bias=False)
    turn, _ = torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))
    turn = torch.eye(5, dtype=torch.float64).roll(1, 0) if cell.name == "rnn" else turn
    subject = of_text(stack, 60)
    with torch.no_grad():
        subject.inputs.fill_(1.0)
        stack.weight_ih_l0.fill_(1.0)  # ReLU never sees a number below 0
        stack.weight_hh_l0.copy_(turn / 2)
    curve = jacobian_norms(subject, max_distance=40).spectral["hidden"]
    assert_close(curve.mean_log, -math.log(2) * curve.distances.double(), **tolerance(torch.float64, 40))
    assert_close(curve.low, curve.high, **tolerance(torch.float64, 40))


def test_a_forget_gate_that_is_open_carries_memory_and_gradient_at_any_distance():
    stack = layers("lstm", hidden_size=5)
    with torch.no_grad():
        for weight in (stack.weight_ih_l0, stack.weight_hh_l0, stack.bias_hh_l0):
            weight.zero_()
        gates = stack.bias_ih_l0.view(4, 5)
        gates.copy_(torch.tensor([-1000.0, 1000.0, 0.5, 0.0]).double()[:, None].expand(4, 5))
        stack.weight_ih_l0.view(4, 5, -1)[2].normal_()
    norms = jacobian_norms(of_text(stack, 400), max_distance=390, of="memory", targets=3)
    assert (norms.spectral["memory"].log_norms == 0).all()
    assert (norms.frobenius["memory"].log_norms.exp() - math.sqrt(5)).abs().max() < 1e-15
    assert (norms.spectral["hidden"].log_norms == -math.inf).all()
    start = {state: torch.randn(1, 5, dtype=torch.float64) for state in ("hidden", "memory")}
    _, _, states = stack.trajectory(torch.randn(50, 3, dtype=torch.float64), start)
    assert torch.equal(states["memory"][0], start["memory"].expand(50, 5))


def test_norms_beyond_the_range_of_numbers_are_logarithms():
    stack = layers(find("rnn", nonlinearity="relu"), hidden_size=2)
    subject = of_text(stack, 170)
    for factor in (1e-4, 50.0):
        with torch.no_grad():
            stack.weight_hh_l0.copy_(factor * torch.eye(2).double())
            stack.bias_ih_l0.fill_(1e-3)
            stack.weight_ih_l0.fill_(0.0)
            stack.bias_hh_l0.fill_(0.0)
        logs = jacobian_norms(subject, max_distance=150, targets=2).frobenius["hidden"].log_norms[:, -1]
        assert_close(logs, torch.full((2,), 150 * math.log(factor) + math.log(2) / 2).double())


def test_rows_say_level_state_norm_and_distance():
    rows = jacobian_norms(of_text(layers("lstm")), max_distance=2).to_rows()
    assert len(rows) == 2 * 2 * 3
    assert rows[0]["mean_log"] == 0.0
    assert {key: rows[3][key] for key in ("layer", "reverse", "of", "by", "norm", "distance")} == {
        "layer": 0,
        "reverse": False,
        "of": "hidden",
        "by": "memory",
        "norm": "spectral",
        "distance": 0,
    }


def test_a_state_or_a_step_that_is_not_there_is_said():
    subject = of_text(layers("lstm"))
    with pytest.raises(MeasureError, match="of: the cell has no state 'cell', only hidden, memory"):
        jacobian_norms(subject, max_distance=2, of="cell")
    with pytest.raises(MeasureError, match="first, last: expected steps within 1 to 7, but 3 to 8 came"):
        step_jacobians(subject, first=3, last=8)
    with pytest.raises(MeasureError, match="the text has 7 tokens, expected more than the distance 100"):
        jacobian_norms(subject)
