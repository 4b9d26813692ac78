"""Statistics of gates against values worked by hand."""

from __future__ import annotations

import math

import numpy
import pytest
import torch

from gatewise.cells import find
from gatewise.gradients.gate_statistics import QUANTILES, carrying, gate_statistics, state_statistics
from gatewise.gradients.gates import Carry, GateRecords, gate_records
from gatewise.gradients.subject import Subject
from gatewise.layers.recurrent import Recurrent
from tolerance import tolerance

CLOSE = tolerance(torch.float64)


def records(gates=None, states=None, carry=None):
    values = next(iter({**(gates or {}), **(states or {}), **(carry or {})}.values()))
    shares = {name: Carry(name, "forget", share) for name, share in (carry or {}).items()}
    tokens = ("a",) * len(values)
    return GateRecords("lstm", 1, False, "word", tokens, gates or {}, {}, {}, {}, states or {}, shares)


def columns(*rows):
    return torch.tensor(rows, dtype=torch.float64).T.contiguous()


def test_shares_means_and_histograms_of_each_unit():
    found = gate_statistics(records({"forget": columns([0.0, 0.05, 0.5, 0.95], [1.0, 1.0, 0.92, 0.9])}))[0]
    assert found.below.tolist() == [0.5, 0.0]
    assert found.above.tolist() == [0.25, 0.75]  # 0.9 itself is not above
    assert found.saturated.tolist() == [0.75, 0.75]
    torch.testing.assert_close(found.mean, torch.tensor([0.375, 0.955], dtype=torch.float64), **CLOSE)
    assert found.histogram.sum(1).tolist() == [4, 4]
    assert [place for place, count in enumerate(found.histogram[0].tolist()) if count] == [0, 1, 10, 19]
    assert found.histogram[1, 19].item() == 2  # 1 itself belongs to the last
    assert found.steps == 4


def test_quantiles_are_those_of_numpy():
    values = torch.rand(101, 3, dtype=torch.float64)
    expected = numpy.quantile(values.numpy(), QUANTILES, axis=0)
    found = gate_statistics(records({"input": values}))[0]
    torch.testing.assert_close(found.quantiles, torch.from_numpy(expected), **CLOSE)


@pytest.mark.parametrize(("open_steps", "stuck"), [(0, True), (1, True), (2, True), (3, False)])
def test_a_gate_is_stuck_that_is_saturated_in_more_than_99_of_100_steps(open_steps, stuck):
    values = torch.full((250, 1), 0.01, dtype=torch.float64)
    values[:open_steps] = 0.5
    assert gate_statistics(records({"forget": values}))[0].stuck.tolist() == [stuck]


def test_a_gate_that_is_saturated_now_on_this_side_now_on_that_is_not_stuck():
    values = torch.tensor([[0.0], [1.0]], dtype=torch.float64).repeat(50, 1)
    found = gate_statistics(records({"forget": values}))[0]
    assert found.saturated.tolist() == [1.0]
    assert found.stuck.tolist() == [False]


def test_the_half_life_is_that_of_what_is_kept_on_average():
    tenth = 2 ** (-1 / 10)
    share = columns([tenth] * 4, [1.0] * 4, [0.0] * 4, [1.0, 0.25, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0])
    found = carrying(records(carry={"memory": share}))[0]
    expected = torch.tensor([10.0, math.inf, 0.0, 2.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(found.half_life, expected, **tolerance(torch.float64, 100))
    torch.testing.assert_close(found.kept[:4], torch.tensor([tenth, 1, 0, 0.5**0.5], dtype=torch.float64), **CLOSE)
    assert found.copied.tolist() == [1.0, 1.0, 0.0, 0.75, 0.75]


def test_after_its_half_life_half_of_a_memory_is_left():
    layers = Recurrent("lstm", 1, 1, dtype=torch.float64).eval()
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.zero_()
        forget, keeps = layers.bias_ih_l0[1], 2 ** (-1 / 8)
        forget.fill_(math.log(keeps / (1 - keeps)))
    inputs = torch.zeros(9, 1, dtype=torch.float64)
    subject = Subject(layers, inputs, tuple("abcdefghi"), text_loss=lambda outputs: outputs[-1].sum(-1))
    half_life = carrying(gate_records(subject))[0].half_life.item()
    assert half_life == pytest.approx(8.0)
    start = {name: torch.ones(1, 1, dtype=torch.float64) for name in ("hidden", "memory")}
    memory = layers.trajectory(inputs, start)[2]["memory"][0, :, 0]  # nothing is written: tanh(0) = 0
    assert memory[7].item() == pytest.approx(0.5)


@pytest.mark.parametrize(("cell", "kept"), [("gru", 0.95), ("cho_gru", 0.95), ("simple_gru", 0.05)])
def test_an_update_gate_copies_as_its_own_cell_means_it(cell, kept):
    layers = Recurrent(find(cell), 2, 3, dtype=torch.float64).eval()
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.zero_()
        part = 0 if cell == "simple_gru" else 1
        layers.bias_ih_l0.view(-1, 3)[part] = math.log(0.95 / 0.05)
    inputs = torch.zeros(6, 2, dtype=torch.float64)
    subject = Subject(layers, inputs, tuple("abcdef"), text_loss=lambda outputs: outputs[-1].sum(-1))
    found = carrying(gate_records(subject))[0]
    torch.testing.assert_close(found.kept, torch.full((3,), kept, dtype=torch.float64), **CLOSE)
    assert found.copied.tolist() == [float(kept > 0.9)] * 3


def test_dead_units_are_those_that_never_change():
    states = columns([0.0, 0.0, 0.0], [0.3, 0.3, 0.3], [0.0, 0.0, 0.1], [-1.0, 0.0, 1.0])
    found = state_statistics(records(states={"hidden": states}))[0]
    assert found.dead.tolist() == [True, True, False, False]
    assert found.zero.tolist() == [True, False, False, False]
    assert found.least.tolist() == [0.0, 0.3, 0.0, -1.0]
    assert found.most.tolist() == [0.0, 0.3, 0.1, 1.0]
    torch.testing.assert_close(found.deviation[3], torch.tensor((2 / 3) ** 0.5, dtype=torch.float64), **CLOSE)


def test_a_relu_that_gets_nothing_above_zero_is_dead():
    layers = Recurrent(find("rnn", nonlinearity="relu"), 2, 3, dtype=torch.float64).eval()
    with torch.no_grad():
        layers.bias_ih_l0[1] = -1000.0
    subject = Subject(
        layers, torch.rand(6, 2, dtype=torch.float64), tuple("abcdef"), text_loss=lambda outputs: outputs[-1].sum(-1)
    )
    assert state_statistics(gate_records(subject))[0].zero.tolist()[1]


def test_rows_are_plain_numbers_of_each_unit():
    both = records(
        {"forget": torch.rand(5, 2).double()},
        {"memory": torch.rand(5, 2).double()},
        {"memory": torch.rand(5, 2).double()},
    )
    for found in (*gate_statistics(both), *carrying(both), *state_statistics(both)):
        rows = found.to_rows()
        assert [row["unit"] for row in rows] == [0, 1]
        assert all(type(value) in (int, float, bool, str) for row in rows for value in row.values())
        assert rows[0]["layer"] == 1
