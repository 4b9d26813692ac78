"""Each cell against its published equation, written a second time in NumPy, gate by gate, one sequence at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gatewise.cells import CELLS, find
from scan.problem import problem
from tolerance import tolerance


def sigmoid(a):
    return 1.0 / (1.0 + np.exp(-a))


def gates(parameters, inputs, state, count):
    """W x + R h + b, cut into gates; torch's second bias where there is one."""
    total = parameters["weight_ih"] @ inputs + parameters["weight_hh"] @ state
    for bias in ("bias_ih", "bias_hh"):
        total = total + parameters.get(bias, 0.0)
    return np.split(total, count)


def rnn(q, x, s, f):
    return {"hidden": f(gates(q, x, s["hidden"], 1)[0])}


def simple_gru(q, x, s):
    u, c = gates(q, x, s["hidden"], 2)
    return {"hidden": sigmoid(u) * np.tanh(c) + (1 - sigmoid(u)) * s["hidden"]}


def gru(q, x, s):
    """The documentation of torch.nn.GRU."""
    h = s["hidden"]
    ir, iz, i_n = np.split(q["weight_ih"] @ x + q["bias_ih"], 3)
    hr, hz, hn = np.split(q["weight_hh"] @ h + q["bias_hh"], 3)
    z = sigmoid(iz + hz)
    return {"hidden": (1 - z) * np.tanh(i_n + sigmoid(ir + hr) * hn) + z * h}


def cho_gru(q, x, s):
    """Cho et al. 2014, eq. 5-8."""
    h = s["hidden"]
    wr, wz, w = np.split(q["weight_ih"], 3)
    br, bz, b = np.split(q["bias_ih"], 3)
    ur, uz = np.split(q["weight_hh"], 2)
    r = sigmoid(wr @ x + ur @ h + br)
    z = sigmoid(wz @ x + uz @ h + bz)
    candidate = np.tanh(w @ x + q["weight_candidate"] @ (r * h) + b)
    return {"hidden": z * h + (1 - z) * candidate}


def lstm(q, x, s):
    i, f, g, o = gates(q, x, s["hidden"], 4)
    memory = sigmoid(f) * s["memory"] + sigmoid(i) * np.tanh(g)
    hidden = sigmoid(o) * np.tanh(memory)
    return {"hidden": q["weight_hr"] @ hidden if "weight_hr" in q else hidden, "memory": memory}


def peephole_lstm(q, x, s, new):
    """Graves 2013, eq. 7-11."""
    i, f, g, o = gates(q, x, s["hidden"], 4)
    wi, wf, wo = np.split(q["vector_peep"], 3)
    c = s["memory"]
    memory = sigmoid(f + wf * c) * c + sigmoid(i + wi * c) * np.tanh(g)
    return {"hidden": sigmoid(o + wo * (memory if new else c)) * np.tanh(memory), "memory": memory}


def coupled_lstm(q, x, s):
    i, g, o = gates(q, x, s["hidden"], 3)
    memory = (1 - sigmoid(i)) * s["memory"] + sigmoid(i) * np.tanh(g)
    return {"hidden": sigmoid(o) * np.tanh(memory), "memory": memory}


def layer_norm(a):
    return (a - a.mean()) / np.sqrt(a.var() + 1e-5)


def layer_norm_lstm(q, x, s, parts):
    """Ba et al. 2016; ``parts`` is into how many pieces the products are cut before they are normalised."""

    def norm(a):
        return np.concatenate([layer_norm(part) for part in np.split(a, parts)])

    total = norm(q["weight_ih"] @ x) * q["gain_norm_x"] + q["shift_norm_x"]
    total = total + norm(q["weight_hh"] @ s["hidden"]) * q["gain_norm_h"]
    i, f, g, o = np.split(total, 4)
    memory = sigmoid(f) * s["memory"] + sigmoid(i) * np.tanh(g)
    hidden = sigmoid(o) * np.tanh(layer_norm(memory) * q["gain_norm_c"] + q["shift_norm_c"])
    return {"hidden": hidden, "memory": memory}


TABLE = [
    (find("rnn"), lambda q, x, s: rnn(q, x, s, np.tanh)),
    (find("rnn", nonlinearity="relu"), lambda q, x, s: rnn(q, x, s, lambda a: np.maximum(a, 0))),
    (find("rnn", nonlinearity="sigmoid"), lambda q, x, s: rnn(q, x, s, sigmoid)),
    (find("simple_gru"), simple_gru),
    (find("gru"), gru),
    (find("cho_gru"), cho_gru),
    (find("lstm"), lstm),
    (find("projected_lstm"), lstm),
    (find("peephole_lstm"), lambda q, x, s: peephole_lstm(q, x, s, new=True)),
    (find("peephole_lstm", output_sees="previous"), lambda q, x, s: peephole_lstm(q, x, s, new=False)),
    (find("coupled_lstm"), coupled_lstm),
    (find("layer_norm_lstm"), lambda q, x, s: layer_norm_lstm(q, x, s, parts=1)),
    (find("layer_norm_lstm", norm="gate"), lambda q, x, s: layer_norm_lstm(q, x, s, parts=4)),
]


@pytest.mark.parametrize(("cell", "equation"), TABLE, ids=[repr(cell) for cell, _ in TABLE])
def test_the_scan_computes_the_published_equation(cell, equation):
    batch, steps = 3, 6
    whole = problem(cell, (batch,) * steps)
    scan = whole.run(runner="reference")
    numbers = {name: value.detach().numpy() for name, value in whole.parameters.items()}
    inputs = whole.x.data.detach().numpy().reshape(steps, batch, -1)
    for row in range(batch):
        states = {name: value[row].detach().numpy() for name, value in whole.initial.items()}
        for time in range(steps):
            states = equation(numbers, inputs[time, row], states)
            output = scan.outputs[time * batch + row].detach()
            assert_close(output, torch.from_numpy(states[cell.output_state]), **tolerance(torch.float64, steps))
        for name, value in states.items():
            assert_close(scan.final[name][row].detach(), torch.from_numpy(value), **tolerance(torch.float64, steps))


def test_every_registered_cell_is_in_the_table():
    assert {cell.name for cell, _ in TABLE} == set(CELLS)


def test_update_gate_of_simple_gru_takes_the_new_and_that_of_gru_keeps_the_old():
    for name, gate, expected in (("simple_gru", 0, "new"), ("gru", 1, "old"), ("cho_gru", 1, "old")):
        one = problem(find(name), (1,), hidden_size=4)
        with torch.no_grad():
            for key in ("weight_ih", "weight_hh"):
                one.parameters[key].zero_()
            one.parameters["bias_ih"].zero_()[4 * gate : 4 * gate + 4] = 50.0  # the update gate is 1
        after = one.run(runner="reference").final["hidden"]
        kept = torch.allclose(after, one.initial["hidden"], **tolerance(torch.float64))
        assert kept is (expected == "old"), name
