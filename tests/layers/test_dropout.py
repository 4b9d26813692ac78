"""Dropout, locked dropout, weight dropout, zoneout: layers so plain that a rate can be read from one number."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from gatewise import nn
from gatewise.cells.spec import Cell, Input, Matrix
from gatewise.layers.recurrent import Recurrent
from tolerance import tolerance

UNITS = 1000
T, B = 5, 3
LENGTHS = [2, 0, 5]


class Echo(Cell):
    """h' = W x + R h: with weights of one and zero it shows what it was given."""

    state = {"hidden": "H"}
    W = Input(("new",), bias=False)
    R = Matrix("H", ("new",))

    def step(self, x, s, p):
        return s.next(hidden=(x + p.R(s.hidden)).new)


def plain(num_layers=2, units=UNITS, cell=None, **options):
    """Input weights of one, recurrent ones of zero: the first layer returns x, one above the sum of what it reads."""
    layer = Recurrent(cell or Echo(), 1, units, num_layers, **options)
    for name, weight in layer.named_parameters():
        torch.nn.init.constant_(weight, 1.0 if name.startswith("weight_ih") else 0.0)
    return layer


def assert_rate(zeros, trials, rate):
    """A count that is within six standard deviations of what the rate promises (one in 10^9 is not)."""
    assert abs(zeros - rate * trials) <= 6 * math.sqrt(trials * rate * (1 - rate))


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.7, 1.0])
def test_dropout_zeroes_units_at_its_rate_and_scales_the_rest(rate):
    sums = plain(dropout=rate)(torch.ones(T, B, 1))[0].detach()
    assert torch.equal(sums, sums[..., :1].expand_as(sums))  # every unit above reads the same rows
    kept = (sums[..., 0] * (1 - rate)).flatten()
    torch.testing.assert_close(kept, kept.round(), **tolerance(torch.float32, UNITS))
    assert_rate(float((UNITS - kept).sum()), kept.numel() * UNITS, rate)
    assert len(set(kept.tolist())) > 1 or rate in (0.0, 1.0)  # a mask for every row


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.7, 1.0])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["uniform", "ragged"])
def test_locked_dropout_keeps_its_mask_over_a_sequence(rate, lengths):
    sums = plain(locked_dropout=rate)(torch.ones(T, B, 1), lengths=lengths)[0][..., 0].detach()
    running = [b for b in range(B) if lengths is None or lengths[b]]
    for b in running:
        length = T if lengths is None else lengths[b]
        assert torch.equal(sums[:length, b], sums[:1, b].expand(length))
    kept = sums[0, running] * (1 - rate)
    torch.testing.assert_close(kept, kept.round(), **tolerance(torch.float32, UNITS))
    assert_rate(float((UNITS - kept).sum()), len(kept) * UNITS, rate)
    assert len(set(kept.tolist())) == len(kept) or rate in (0.0, 1.0)  # another one for every sequence


def test_a_sequence_has_the_same_locked_mask_however_the_batch_is_given():
    layer = plain(locked_dropout=0.5)
    input, lengths = torch.ones(T, B, 1), [2, 4, 5]

    def first_row(*arguments, **options):
        torch.manual_seed(4)
        output = layer(*arguments, **options)[0]
        return output.data[:B] if isinstance(output, PackedSequence) else output[0]

    packed = pack_padded_sequence(input, lengths, enforce_sorted=False)
    assert torch.equal(first_row(input), first_row(input, lengths=lengths))
    assert torch.equal(first_row(input)[packed.sorted_indices], first_row(packed))


@pytest.mark.parametrize("name", ["dropout", "locked_dropout"])
def test_dropout_acts_between_layers_and_nowhere_else(name):
    input = torch.ones(T, B, 1)
    with pytest.warns(UserWarning, match="does nothing"):
        alone = plain(num_layers=1, **{name: 0.5})
    assert torch.equal(alone(input)[0], torch.ones(T, B, UNITS))
    _, _, states = plain(num_layers=3, **{name: 0.5}).trajectory(input)
    assert torch.equal(states["hidden"][0], torch.ones(T, B, UNITS))  # what a layer returns is not masked itself
    assert states["hidden"].count_nonzero() == states["hidden"].numel()


def test_what_is_added_by_a_residual_connection_is_not_dropped():
    output, _ = plain(dropout=1.0, residual=True)(torch.ones(T, B, 1))
    assert torch.equal(output, torch.ones(T, B, UNITS))


def recurrent_weights(layer, suffix="_l0", steps=1):
    """What the recurrent matrix R was in a pass, read with the unit vectors as states; R R for two steps."""
    units = layer.hidden_size
    state = {"hidden": torch.eye(units).expand(layer.levels, -1, -1)}
    _, final = layer(torch.zeros(steps, units, 1), state)
    return final["hidden"][1 if "reverse" in suffix else 0].T


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.7, 1.0])
def test_weight_dropout_zeroes_single_recurrent_weights(rate):
    layer = plain(num_layers=1, units=100, weight_dropout=rate)
    torch.nn.init.ones_(layer.weight_hh_l0)
    weights = recurrent_weights(layer)
    kept = weights * (1 - rate)
    torch.testing.assert_close(kept, kept.round(), **tolerance(torch.float32, 100))
    assert_rate(int((weights == 0).sum()), weights.numel(), rate)
    assert torch.equal(layer.weight_hh_l0, torch.ones(100, 100))  # the parameter itself is whole


def test_weight_dropout_has_one_mask_for_all_steps_of_a_pass_and_another_for_the_next():
    layer = plain(num_layers=1, units=50, weight_dropout=0.5)
    torch.nn.init.ones_(layer.weight_hh_l0)
    torch.manual_seed(5)
    once = recurrent_weights(layer)
    torch.manual_seed(5)
    torch.testing.assert_close(recurrent_weights(layer, steps=2), once @ once)
    assert not torch.equal(recurrent_weights(layer), once)


def test_weight_dropout_draws_for_every_direction_and_leaves_the_input_weights():
    layer = plain(num_layers=1, units=50, weight_dropout=0.5, bidirectional=True)
    torch.nn.init.ones_(layer.weight_hh_l0)
    torch.nn.init.ones_(layer.weight_hh_l0_reverse)
    torch.manual_seed(6)
    one = recurrent_weights(layer)
    torch.manual_seed(6)
    other = recurrent_weights(layer, "_l0_reverse")
    assert not torch.equal(one, other)
    assert torch.equal(layer(torch.ones(1, 1, 1))[0], torch.ones(1, 1, 100))


@pytest.mark.parametrize("runner", ["torch", "fused"])
def test_weight_dropout_reaches_the_kernels_and_the_gradient(runner):
    layer = Recurrent("lstm", 2, 20, weight_dropout=0.5, runner=runner)
    layer(torch.randn(T, B, 2))[0].sum().backward()
    assert layer.runner_used == runner
    assert_rate(int((layer.weight_hh_l0.grad == 0).sum()), 80 * 20, 0.5)


def test_weight_dropout_without_a_recurrent_matrix_is_refused():
    class Memoryless(Cell):
        state = {"hidden": "H"}
        W = Input(("new",))

        def step(self, x, s, p):
            return s.next(hidden=x.new)

    with pytest.raises(ValueError, match="weight_dropout: memoryless has no recurrent matrix"):
        Recurrent(Memoryless(), 1, 2, weight_dropout=0.5)


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.7, 1.0])
def test_zoneout_keeps_units_at_its_rate_in_training_and_the_expectation_otherwise(rate):
    layer = plain(num_layers=1, zoneout=rate)
    start = {"hidden": torch.full((1, B, UNITS), -1.0)}
    output, _ = layer(torch.ones(1, B, 1), start)
    assert set(output.unique().tolist()) <= {-1.0, 1.0}
    assert_rate(int((output == -1).sum()), B * UNITS, rate)
    expectation, _ = layer.eval()(torch.ones(1, B, 1), start)
    torch.testing.assert_close(expectation, torch.full((1, B, UNITS), 1 - 2 * rate), **tolerance(torch.float32))


def test_zoneout_of_one_state_leaves_the_others():
    _, _, states = Recurrent("lstm", 1, UNITS, zoneout={"memory": 0.4}).trajectory(torch.ones(1, 1, 1))
    assert_rate(int((states["memory"] == 0).sum()), UNITS, 0.4)
    assert (states["hidden"] != 0).all()


def test_zoneout_is_another_one_in_every_layer_direction_and_pass():
    layer = plain(num_layers=2, zoneout=0.5, bidirectional=True)
    first = layer.trajectory(torch.ones(1, 1, 1))[2]["hidden"] != 0
    second = layer.trajectory(torch.ones(1, 1, 1))[2]["hidden"] != 0
    masks = torch.cat([first, second]).flatten(1)
    assert len({tuple(mask.tolist()) for mask in masks}) == 8


def test_a_sequence_has_the_same_zoneout_however_the_batch_is_given():
    layer = plain(num_layers=2, zoneout=0.5)
    input, lengths = torch.ones(T, B, 1), [2, 5, 4]

    def first_row(*arguments, **options):
        torch.manual_seed(7)
        output = layer(*arguments, **options)[0]
        return output.data[:B] if isinstance(output, PackedSequence) else output[0]

    packed = pack_padded_sequence(input, lengths, enforce_sorted=False)
    assert torch.equal(first_row(input), first_row(input, lengths=lengths))
    assert torch.equal(first_row(input)[packed.sorted_indices], first_row(packed))


NOISES = {"dropout": 0.5, "locked_dropout": 0.5, "weight_dropout": 0.5, "zoneout": 0.5}


@pytest.mark.parametrize("cell", ["lstm", "gru", Echo()], ids=str)
def test_evaluation_draws_nothing(cell):
    layer = Recurrent(cell, 2, 4, 2, **NOISES).eval()
    input = torch.randn(T, B, 2)
    before = torch.get_rng_state()
    once, again = layer(input)[0], layer(input)[0]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(once, again)


@pytest.mark.parametrize("name", NOISES)
def test_the_same_seed_gives_the_same_noise_and_another_seed_another(name):
    layer = Recurrent("gru", 2, 8, 2, **{name: 0.5})
    input = torch.randn(T, B, 2)
    outputs = []
    for seed in (8, 8, 9):
        torch.manual_seed(seed)
        outputs.append(layer(input)[0])
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_rate_of_zero_draws_nothing(kind):
    layer = kind(2, 4, 2)
    before = torch.get_rng_state()
    layer(torch.randn(T, B, 2, generator=torch.Generator()))
    assert torch.equal(torch.get_rng_state(), before)
