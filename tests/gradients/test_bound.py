"""The textbook's bound: above every measured norm, reached where it can be, absent where the cell has gates."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from gatewise.cells.record import CellRecord
from gatewise.cells.registry import find
from gatewise.cells.spec import Cell, Input, Matrix
from gatewise.gradients.bound import recurrent_bound
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.jacobians import jacobian_norms
from gatewise.scan.stored.cell import stored_cell
from gatewise.scan.stored.find import program_of
from gradients.subjects import BOTH_WAYS, CELLS, H, layers, name, of_text

PLAIN = [cell for cell in CELLS if cell.name == "rnn"]
GATED = [cell for cell in CELLS if cell.name != "rnn"]


class RNN(Cell):
    """A user's cell that is called as a registered one, and is another."""

    state = {"hidden": "H"}
    W = Input(("hidden",))
    R = Matrix("H", ("hidden",))
    nonlinearity: str = "tanh"

    def step(self, x, s, p):
        return s.next(hidden=(3.0 * (x + p.R(s.hidden)).hidden).tanh())


@pytest.mark.parametrize("cell", PLAIN, ids=name)
@pytest.mark.parametrize("options", [BOTH_WAYS, {"num_layers": 2, "zoneout": 0.3}], ids=str)
def test_no_measured_norm_is_above_the_bound(cell, options):
    subject = of_text(layers(cell, **options), 30)
    for layer in (0, 1):
        bound = recurrent_bound(subject, layer, "bidirectional" in options)
        curve = jacobian_norms(subject, layer, "bidirectional" in options, max_distance=20).spectral["hidden"]
        assert (curve.log_norms <= bound.log_at(curve.distances) + 1e-12).all()
        assert bound.reason == ""


@pytest.mark.parametrize(("nonlinearity", "slope"), [("tanh", 1.0), ("sigmoid", 0.25), ("relu", 1.0)])
@pytest.mark.parametrize("zoneout", [0.0, 0.4])
def test_the_bound_is_reached_at_the_steepest_place(nonlinearity, slope, zoneout):
    stack = layers(find("rnn", nonlinearity=nonlinearity), zoneout=zoneout, initial_state="learned")
    factor, state = 0.8, {"tanh": 0.0, "sigmoid": 0.5, "relu": 1.0}[nonlinearity]
    with torch.no_grad():
        stack.weight_hh_l0.copy_(factor * torch.eye(H))
        stack.weight_ih_l0.zero_()
        stack.initial_hidden.fill_(state)
        stack.bias_ih_l0.fill_(state if nonlinearity == "relu" else 0.0)
        stack.bias_hh_l0.fill_(-factor * state)  # h stays where it is: f(0) is 0 and 1/2
    bound = recurrent_bound(of_text(stack, 30))
    curve = jacobian_norms(of_text(stack, 30), max_distance=10).spectral["hidden"]
    assert_close(curve.mean_log, bound.log_at(curve.distances))
    assert bound.beta_h == slope
    assert bound.factor == pytest.approx(zoneout + (1 - zoneout) * bound.beta_w * slope)


@pytest.mark.parametrize("cell", GATED, ids=name)
def test_a_gated_cell_has_no_bound_and_says_why(cell):
    bound = recurrent_bound(of_text(layers(cell)))
    assert (bound.factor, bound.beta_w, bound.beta_h, bound.log_at(torch.arange(3))) == (None, None, None, None)
    assert bound.reason == f"{cell.name} is not of the form f(W x + R h + b): no power of a norm bounds its Jacobians"


def test_a_users_cell_of_the_same_name_has_no_bound():
    assert recurrent_bound(of_text(layers(RNN()))).factor is None


@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_every_recurrent_matrix_is_measured_gate_by_gate(cell):
    stack = layers(cell)
    found = recurrent_bound(of_text(stack)).matrices
    weights = stack.weights(0)
    recurrent = [declared.name for declared in cell.declared() if declared.recurrent or declared.name == "weight_hr"]
    assert sorted({matrix.parameter for matrix in found}) == sorted(recurrent)
    for parameter in recurrent:
        mine = [matrix for matrix in found if matrix.parameter == parameter]
        assert sum(matrix.rows for matrix in mine) == weights[parameter].size(0)
        for matrix, part in zip(mine, weights[parameter].split([matrix.rows for matrix in mine]), strict=True):
            assert matrix.spectral_norm == pytest.approx(torch.linalg.svdvals(part)[0].item())
            assert (matrix.spectral_radius is None) == (matrix.rows != matrix.columns)
            if matrix.spectral_radius is not None:  # Gelfand: ||A^n||^(1/n) -> the radius
                power = torch.linalg.matrix_power(part / matrix.spectral_radius, 512)
                assert power.norm().item() ** (1 / 512) == pytest.approx(1.0, rel=0.02)


def test_gates_have_their_names_in_the_order_of_the_rows():
    names = [(matrix.parameter, matrix.gate) for matrix in recurrent_bound(of_text(layers(find("cho_gru")))).matrices]
    assert names == [("weight_hh", "reset"), ("weight_hh", "update"), ("weight_candidate", "new")]


def test_of_a_cell_known_by_its_program_the_parts_are_numbered():
    cell = find("gru")
    known = layers(stored_cell(CellRecord.of(cell), program_of(cell, True), "model"))
    rows = recurrent_bound(of_text(known)).to_rows()
    assert [row["gate"] for row in rows] == ["part 1", "part 2", "part 3"]
    assert {row["parameter"] for row in rows} == {"weight_hh"}


def test_a_weight_of_zero_bounds_by_nothing():
    stack = layers("rnn")
    with torch.no_grad():
        stack.weight_hh_l0.zero_()
    assert recurrent_bound(of_text(stack)).log_at(torch.arange(3)).tolist() == [0.0, -math.inf, -math.inf]


def test_a_weight_that_is_no_number_and_a_level_that_is_not_there_are_said():
    stack = layers("gru", num_layers=2)
    with torch.no_grad():
        stack.weight_hh_l1[0, 0] = torch.nan
    with pytest.raises(MeasureError, match="weight_hh_l1: there are numbers in it that are not finite"):
        recurrent_bound(of_text(stack), 1)
    with pytest.raises(MeasureError, match="layer: there is no layer 2"):
        recurrent_bound(of_text(stack), 2)
