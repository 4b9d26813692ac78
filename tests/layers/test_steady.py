"""Layers whose weights are held give the numbers that they give otherwise, and fall back where they cannot."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from gatewise.cells import find, variants
from gatewise.errors import ShapeError
from gatewise.layers.recurrent import Recurrent
from gatewise.layers.steady import steady
from gatewise.scan.fused.steady import SteadyLayer

LENGTHS = [7, 3, 0, 1, 7]


def layer_of(cell, **options):
    torch.manual_seed(3)
    return Recurrent(cell, 5, 21, proj_size=9 if cell.has_projection else 0, **options).eval()


def same(left, right):
    (output, state), (other, other_state) = left, right
    assert torch.equal(output, other)
    assert state.keys() == other_state.keys()
    assert all(torch.equal(state[name], other_state[name]) for name in state)


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True, "num_layers": 2, "residual": True}], ids=["one", "deep"]
)
def test_every_cell_has_the_same_bits(cell, options):
    layer, x = layer_of(cell, **options), torch.randn(7, 5, 5)
    with torch.no_grad():
        expected = layer(x, lengths=LENGTHS)
    with steady(layer):
        assert layer._steady, "the engine should have been made ready"
        same(layer(x, lengths=LENGTHS), expected)
        same(layer(x, lengths=LENGTHS), expected)  # the second call reads what the first one made


@pytest.mark.parametrize("hidden", [1, 16, 17, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_one_sequence_has_the_bits_of_the_same_in_a_batch(hidden, dtype, threads):
    torch.manual_seed(4)
    layer = Recurrent("lstm", 270, hidden, bidirectional=True, dtype=dtype).eval()
    x = torch.randn(110, 3, 270, dtype=dtype)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    with steady(layer):
        together, _ = layer(x)
        alone = [layer(x[:, row : row + 1])[0] for row in range(3)]
    torch.set_num_threads(before)
    assert torch.equal(torch.cat(alone, 1), together)


def test_states_packed_sequences_and_single_sequences():
    layer = layer_of(next(variants()), num_layers=2, bidirectional=True, initial_state="learned")
    nn.init.normal_(layer.initial_hidden)
    start = {"hidden": torch.randn(4, 3, 21)}
    packed = pack_sequence([torch.randn(length, 5) for length in (2, 4, 1)], enforce_sorted=False)
    one = torch.randn(6, 5)
    with torch.no_grad():
        expected = layer(packed, start)[0].data, layer(one)[0], layer(one)[1]["hidden"]
    with steady(layer):
        found = layer(packed, start)[0].data, layer(one)[0], layer(one)[1]["hidden"]
    assert all(torch.equal(left, right) for left, right in zip(found, expected, strict=True))


def test_a_change_after_the_promise_has_ended_is_seen():
    layer, x = layer_of(next(variants())), torch.randn(4, 1, 5)
    with steady(layer):
        before, _ = layer(x)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
        after, _ = layer(x)
    with steady(layer):
        again, _ = layer(x)
    assert not torch.equal(before, after)
    assert torch.equal(again, after)


def test_the_promise_may_be_made_inside_itself():
    layer, x = layer_of(next(variants())), torch.randn(4, 1, 5)
    with steady(layer):
        outer = layer._steady
        with steady(layer):
            assert layer._steady is outer
        assert layer._steady is outer
        layer(x)
    assert not layer._steady


@pytest.mark.parametrize("options", [{"zoneout": 0.2}, {"runner": "reference"}], ids=["zoneout", "reference"])
def test_what_cannot_be_made_ready_runs_as_ever(options):
    layer, x = layer_of(next(variants()), **options), torch.randn(4, 2, 5)
    with torch.no_grad():
        expected = layer(x)
    with steady(layer):
        assert not layer._steady
        same(layer(x), expected)


def test_training_gradients_and_other_calls_take_the_ordinary_way():
    layer, x = layer_of(next(variants()), num_layers=2, dropout=0.5), torch.randn(4, 2, 5)
    with steady(layer):
        with torch.enable_grad():
            assert layer(x)[0].requires_grad
        torch.testing.assert_close(torch.vmap(lambda row: layer(row)[0], in_dims=1, out_dims=1)(x), layer(x)[0])
        trajectory = layer.trajectory(x)[2]["hidden"]
        assert torch.equal(trajectory[1, -1], layer(x)[1]["hidden"][1])
        layer.train()
        assert not torch.equal(layer(x)[0], layer(x)[0])  # dropout
        layer.eval()
        assert layer(x[:0, :0].new_zeros(3, 0, 5))[0].shape == (3, 0, 21)
    assert not layer._steady


def test_a_copy_made_inside_does_not_keep_what_was_made_ready():
    layer, x = layer_of(next(variants())), torch.randn(4, 1, 5)
    with steady(layer):
        copied = copy.deepcopy(layer)
        assert torch.equal(copied(x)[0], layer(x)[0])
        copied.weight_hh_l0.mul_(2)
        assert not torch.equal(copied(x)[0], layer(x)[0])


@pytest.mark.parametrize("wrong", ["x", "hidden"])
def test_another_type_of_numbers_is_refused_before_the_engine_would_fill_a_copy(wrong):
    cell = find("gru")
    weights = {name: torch.ones(spec.shape) for name, spec in cell.parameters(3, 5).items()}
    given = {"x": torch.zeros(4, 3), "hidden": torch.zeros(1, 2, 5)}
    given[wrong] = given[wrong].double()
    with pytest.raises(ShapeError, match=rf"SteadyLayer: {wrong} is torch.float64, the weights torch.float32"):
        SteadyLayer(cell, [weights], 3, {"hidden": 5})(given["x"], (2, 1, 1), {"hidden": given["hidden"]})
