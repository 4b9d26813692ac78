"""Gates are found in any cell, with the values that the equation, written out by hand, gives them."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells import Cell, find
from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.record import CellRecord
from gatewise.cells.registry import variants
from gatewise.cells.spec import Gates, Input, Matrix
from gatewise.gradients.gates import ALL, gate_records
from gatewise.gradients.subject import Subject
from gatewise.layers.recurrent import Recurrent
from gatewise.scan.stored.cell import stored_cell
from gatewise.scan.trace import trace
from tolerance import tolerance

T, X, H = 7, 3, 4
CLOSE = tolerance(torch.float64, T)


def subject_of(cell, layers=1, **options):
    projected = {"proj_size": 3} if getattr(cell, "has_projection", False) else {}
    stack = Recurrent(cell, X, H, layers, dtype=torch.float64, **projected, **options).eval()
    inputs = torch.randn(T, X, dtype=torch.float64)
    return Subject(stack, inputs, tuple("abcdefg"), text_loss=lambda outputs: outputs[-1].sum(-1))


def by_hand(subject, step):
    """The values of a function step(W x + b, R, b_hh, states) -> (values, states) in a loop over the text."""
    weights = {name: weight.detach() for name, weight in subject.stack.weights(0).items()}
    h = c = torch.zeros(H, dtype=torch.float64)
    found = []
    for x in subject.inputs:
        values, h, c = step(x, h, c, weights)
        found.append(values)
    return {name: torch.stack([values[name] for values in found]) for name in found[0]}


def lstm_step(x, h, c, w):
    i, f, g, o = (w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"]).chunk(4)
    i, f, g, o = 1 / (1 + (-i).exp()), 1 / (1 + (-f).exp()), g.tanh(), 1 / (1 + (-o).exp())
    c = f * c + i * g
    return {"input": i, "forget": f, "output": o, "cell": g}, o * c.tanh(), c


def gru_step(x, h, c, w):
    (ri, zi, ni), (rh, zh, nh) = (
        (weight @ rows + bias).chunk(3)
        for weight, rows, bias in ((w["weight_ih"], x, w["bias_ih"]), (w["weight_hh"], h, w["bias_hh"]))
    )
    r, z = 1 / (1 + (-ri - rh).exp()), 1 / (1 + (-zi - zh).exp())
    n = (ni + r * nh).tanh()
    return {"reset": r, "update": z, "new": n}, (1 - z) * n + z * h, c


def peephole_step(x, h, c, w):
    i, f, g, o = (w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h + w["bias_hh"]).chunk(4)
    pi, pf, po = w["vector_peep"].chunk(3)
    i, f = 1 / (1 + (-i - pi * c).exp()), 1 / (1 + (-f - pf * c).exp())
    c = f * c + i * g.tanh()
    o = 1 / (1 + (-o - po * c).exp())
    return {"input": i, "forget": f, "output": o, "cell": g.tanh()}, o * c.tanh(), c


@pytest.mark.parametrize(("cell", "step"), [("lstm", lstm_step), ("gru", gru_step), ("peephole_lstm", peephole_step)])
def test_the_values_are_those_of_the_equation(cell, step):
    subject = subject_of(find(cell))
    found = gate_records(subject)
    for name, expected in by_hand(subject, step).items():
        came = found.gates[name] if name in found.gates else found.candidates[name]
        torch.testing.assert_close(came, expected, **CLOSE)
    assert not found.missing


GATES = {
    "rnn": ((), ("hidden",), {}),
    "simple_gru": (("update",), ("candidate",), {"hidden": "1 - update"}),
    "gru": (("reset", "update"), ("new",), {"hidden": "update"}),
    "cho_gru": (("reset", "update"), ("new",), {"hidden": "update"}),
    "coupled_lstm": (("input", "output"), ("cell",), {"memory": "1 - input"}),
}
LSTM = ("input", "forget", "output"), ("cell",), {"memory": "forget"}


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
def test_every_registered_cell_tells_its_gates_and_what_carries_its_memory(cell):
    gates, candidates, carry = GATES.get(cell.name, LSTM)
    for layer, reverse in ((0, False), (1, True)):
        found = gate_records(subject_of(cell, 2, bidirectional=True), layer, reverse)
        assert set(found.gates) == set(gates)
        assert set(found.candidates) == set(candidates)
        assert {name: one.by for name, one in found.carry.items()} == carry
        assert not found.missing


def test_a_layer_that_reads_from_the_end_has_its_values_where_the_tokens_are():
    subject = subject_of(find("lstm"), bidirectional=True)
    backward = gate_records(subject, 0, reverse=True)
    turned = subject_of(find("lstm"))
    names = {name: f"{name}_l0" for name in turned.stack.weights(0)}
    state = {names[name]: weight for name, weight in subject.stack.weights(0, True).items()}
    turned.stack.load_state_dict(state)
    turned.inputs.copy_(subject.inputs.flip(0))
    forward = gate_records(turned)
    torch.testing.assert_close(backward.gates["forget"], forward.gates["forget"].flip(0), **CLOSE)
    torch.testing.assert_close(backward.states["memory"], forward.states["memory"].flip(0), **CLOSE)
    assert (backward.direction, forward.direction) == ("backward", "forward")


def test_an_open_forget_gate_carries_the_memory_whole():
    subject = subject_of(find("lstm"))
    with torch.no_grad():
        for parameter in subject.stack.parameters():
            parameter.zero_()
        subject.stack.bias_ih_l0.view(4, H)[1] = 40.0  # sigmoid(40) is 1 in float64
    carry = gate_records(subject).carry["memory"]
    assert carry.by == "forget"
    assert bool((carry.share == 1.0).all())


def test_zoneout_keeps_its_share_besides():
    subject = subject_of(find("lstm"), zoneout={"memory": 0.25, "hidden": 0.5})
    found = gate_records(subject)
    torch.testing.assert_close(found.carry["memory"].share, 0.25 + 0.75 * found.gates["forget"], **CLOSE)
    torch.testing.assert_close(found.carry["hidden"].share, torch.full((T, H), 0.5, dtype=torch.float64), **CLOSE)


class Together(Cell):
    """All gates through one sigmoid; the candidate has its own function besides."""

    W = Input(("input", "cell", "forget"))
    R = Matrix("H", ("input", "cell", "forget"))

    def step(self, x, s, p):
        before = x + p.R(s.hidden)
        gate = Gates(before.names, sigmoid(before.tensor))
        memory = gate.forget * s.memory + gate.input * tanh(before.cell)
        return s.next(hidden=tanh(memory), memory=memory)


def test_one_sigmoid_for_all_gates_is_cut_into_them():
    found = gate_records(subject_of(Together()))
    assert set(found.gates) == {"input", "forget"}
    assert found.functions["cell"] == "tanh"
    assert found.carry["memory"].by == "forget"


class ByHand(Cell):
    """A gate whose sigmoid is written out, one that goes through two, one of a hard sigmoid, and a matrix alone."""

    state = {"hidden": "H"}
    W = Input(("written", "twice", "hard"))
    R = Matrix("H", ("alone",))

    def step(self, x, s, p):
        written = 1 / (1 + (-x.written).exp())
        twice = sigmoid(x.twice) * tanh(x.twice)
        hard = torch.nn.functional.hardsigmoid(x.hard)
        return s.next(hidden=written * twice + hard * p.R(s.hidden).alone)


def test_what_is_not_found_is_said():
    found = gate_records(subject_of(ByHand()))
    assert list(found.gates) == ["hard"]
    assert found.missing == {
        "written": "no nonlinearity that is known is applied to it by itself",
        "twice": "2 nonlinearities are applied to it: sigmoid, tanh",
        "alone": "no nonlinearity that is known is applied to it by itself",
    }
    assert not found.carry  # the product with R mixes units


class Mixed(Cell):
    """One gate made of two products by name, and a name that is only added to."""

    state = {"hidden": "H"}
    W = Input(("first", "second"))
    R = Matrix("H", ("first", "second"))

    def step(self, x, s, p):
        before = x + p.R(s.hidden)
        return s.next(hidden=sigmoid(before.first + before.second) * s.hidden)


def test_a_gate_made_of_two_is_given_to_neither():
    found = gate_records(subject_of(Mixed()))
    assert not found.gates
    assert set(found.missing) == {"first", "second"}


class Leaky(Cell):
    """h' = 0.75 h + 0.25 tanh(W x + R h): a share that no gate gives."""

    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))

    def step(self, x, s, p):
        return s.next(hidden=0.75 * s.hidden + 0.25 * tanh((x + p.R(s.hidden)).new))


def test_a_share_that_is_no_gate_has_no_name():
    carry = gate_records(subject_of(Leaky())).carry["hidden"]
    assert carry.by == ""
    torch.testing.assert_close(carry.share, torch.full((T, H), 0.75, dtype=torch.float64), **CLOSE)


def test_a_cell_known_by_its_program_asks_for_its_code():
    cell = find("gru")
    stored = stored_cell(CellRecord("my_gru", False, {}, "0" * 16), trace(cell), "program.json")
    found = gate_records(subject_of(stored))
    assert not found.gates
    assert "--cell FILE.py:CLASS" in found.missing[ALL]
    assert found.states["hidden"].shape == (T, H)


def test_rows_hold_every_value():
    found = gate_records(subject_of(find("gru")))
    rows = found.to_rows()
    assert len(rows) == T * H
    assert rows[H + 2]["token"] == "b"
    assert rows[H + 2]["gate update"] == found.gates["update"][1, 2].item()
    assert [row["unit"] for row in found.to_rows([3])] == [3] * T


def test_nothing_of_the_layers_is_changed():
    subject = subject_of(find("lstm"))
    before = {name: weight.clone() for name, weight in subject.stack.state_dict().items()}
    gate_records(subject)
    assert all(torch.equal(weight, before[name]) for name, weight in subject.stack.state_dict().items())
    assert all(parameter.grad is None for parameter in subject.stack.parameters())
