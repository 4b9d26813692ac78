"""Parameters start as torch's do, number for number, and then as the cell says."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise.cells import Cell, find, variants
from gatewise.scan import initialise

MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn_tanh": torch.nn.RNN, "rnn_relu": torch.nn.RNN}
H = 400


def start(cell, hidden_size=H, bias=True, seed=0):
    proj_size = hidden_size // 2 if cell.has_projection else 0
    specs = cell.parameters(3, hidden_size, proj_size, bias)
    parameters = {name: torch.nn.Parameter(torch.empty(spec.shape)) for name, spec in specs.items()}
    torch.manual_seed(seed)
    initialise(cell, parameters)
    return parameters


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "cell",
    [find("lstm", forget_bias=None), find("projected_lstm", forget_bias=None), find("gru"), find("rnn")],
    ids=repr,
)
def test_twins_start_bit_for_bit_as_in_torch(cell, bias):
    parameters = start(cell, 8, bias, seed=5)
    torch.manual_seed(5)
    twin = MODULES[cell.torch_twin()](3, 8, bias=bias, proj_size=4) if cell.has_projection else None
    twin = twin or MODULES[cell.torch_twin()](3, 8, bias=bias)
    for name, value in twin.named_parameters():
        assert torch.equal(value, parameters.pop(name.removesuffix("_l0"))), name
    assert not parameters
    after = torch.rand(1)
    torch.manual_seed(5)
    start(cell, 8, bias, seed=5)
    assert torch.equal(torch.rand(1), after)  # the generator stands where torch leaves it


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
def test_weights_fill_their_range(cell):
    bound = 1 / math.sqrt(H)
    for name, value in start(cell).items():
        if name.startswith("weight") and cell.constants().get("start") != "identity":
            assert bound * 0.99 < value.abs().max() <= bound, name
            assert value.mean().abs() < 5 * bound / math.sqrt(3 * value.numel()), name


@pytest.mark.parametrize("name", ["lstm", "projected_lstm", "peephole_lstm"])
def test_the_forget_gate_starts_open(name):
    parameters = start(find(name, forget_bias=2.5))
    assert (parameters["bias_ih"][H : 2 * H] == 2.5).all()
    assert (parameters["bias_hh"][H : 2 * H] == 0.0).all()
    drawn = start(find(name, forget_bias=None))
    for bias in ("bias_ih", "bias_hh"):
        others = torch.ones(4 * H, dtype=torch.bool)
        others[H : 2 * H] = False
        assert torch.equal(parameters[bias][others], drawn[bias][others])
        assert drawn[bias][H : 2 * H].unique().numel() > 1


def test_the_coupled_gate_starts_closed_for_input():
    parameters = start(find("coupled_lstm", forget_bias=2.5))
    assert (parameters["bias_ih"][:H] == -2.5).all()
    assert (parameters["bias_hh"][:H] == 0.0).all()


def test_norms_start_at_gain_one_and_shift_zero_but_for_the_forget_gate():
    parameters = start(find("layer_norm_lstm"))
    shift = torch.zeros(4, H)
    shift[1] = 1.0
    assert torch.equal(parameters["shift_norm_x"].view(4, H), shift)
    assert (parameters["gain_norm_h"] == 1.0).all()
    assert not start(find("layer_norm_lstm", forget_bias=None))["shift_norm_x"].any()


def test_identity_start():
    parameters = start(find("rnn", nonlinearity="relu", start="identity"))
    assert torch.equal(parameters["weight_hh"], torch.eye(H))
    assert not parameters["bias_ih"].any()
    assert not parameters["bias_hh"].any()
    spread = parameters["weight_ih"].std().item()
    assert abs(spread / 0.001 - 1) < 5 / math.sqrt(2 * 3 * H)


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
def test_without_bias_every_cell_still_starts(cell: Cell):
    assert all(value.isfinite().all() for value in start(cell, 8, bias=False).values())
