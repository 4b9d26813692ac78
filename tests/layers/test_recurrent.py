"""`Recurrent`: what depth, direction, residual connections, lengths and states mean, each against a plainer way."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from gatewise.cells.functions import tanh
from gatewise.cells.spec import Cell, Input, Matrix
from gatewise.errors import GatewiseError
from gatewise.layers.recurrent import Recurrent
from tolerance import tolerance

B, T, X, H = 4, 6, 3, 5
LENGTHS = [2, 0, 6, 1]
BOUNDS = tolerance(torch.float32, 2 * T)


class Leaky(Cell):
    """A user's cell: h' = (1 - rate) h + rate tanh(W x + R h)."""

    state = {"hidden": "H"}
    W = Input(("new",))
    R = Matrix("H", ("new",))
    rate: float = 0.3

    def step(self, x, s, p):
        return s.next(hidden=(1 - self.rate) * s.hidden + self.rate * tanh((x + p.R(s.hidden)).new))


CELLS = ["gru", "lstm", Leaky()]
every_cell = pytest.mark.parametrize("cell", CELLS, ids=str)


def single(layer, k, reverse=False, **options):
    """One layer and direction of a stack as a `Recurrent` of its own."""
    width = layer.output_size if k else layer.input_size
    alone = Recurrent(layer.cell, width, layer.hidden_size, **options)
    suffix = f"_l{k}{'_reverse' if reverse else ''}"
    state = layer.state_dict()
    alone.load_state_dict({name: state[name.removesuffix("_l0") + suffix] for name in alone.state_dict()})
    return alone


def assert_close(one, other):
    torch.testing.assert_close(one, other, **BOUNDS)


def assert_states_close(one, other):
    assert list(one) == list(other)
    for name in one:
        assert_close(one[name], other[name])


@every_cell
def test_layers_stand_over_each_other(cell):
    layer = Recurrent(cell, X, H, num_layers=2)
    input = torch.randn(T, B, X)
    output, state = layer(input)
    below, first = single(layer, 0)(input)
    above, second = single(layer, 1)(below)
    assert_close(output, above)
    assert_states_close(state, {name: torch.cat([first[name], second[name]]) for name in first})


@every_cell
def test_the_second_direction_reads_each_sequence_from_its_own_end(cell):
    layer = Recurrent(cell, X, H, bidirectional=True)
    input = torch.randn(T, B, X)
    output, state = layer(input, lengths=LENGTHS)
    back = single(layer, 0, reverse=True)
    for b, length in enumerate(LENGTHS):
        if length:
            turned, final = back(input[:length, b].flip(0))
            assert_close(output[:length, b, H:], turned.flip(0))
            for name in state:
                assert_close(state[name][1, b], final[name][0])


@every_cell
def test_a_residual_layer_adds_what_the_layer_below_returned(cell):
    layer = Recurrent(cell, X, H, num_layers=3, residual=True, bidirectional=True)
    input = torch.randn(T, B, X)
    hidden = input
    for k in range(3):
        sides = [single(layer, k)(hidden)[0], single(layer, k, True)(hidden.flip(0))[0].flip(0)]
        hidden = torch.cat(sides, -1) + (hidden if k else 0.0)
    assert_close(layer(input)[0], hidden)


@every_cell
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("kind", [list, torch.LongTensor, torch.IntTensor])
def test_each_sequence_of_a_ragged_batch_is_computed_as_if_alone(cell, both, kind):
    layer = Recurrent(cell, X, H, num_layers=2, bidirectional=both)
    input = torch.randn(T, B, X)
    given = {name: torch.randn_like(value) for name, value in layer.start(B).items()}
    output, state = layer(input, given, lengths=kind(LENGTHS))
    for b, length in enumerate(LENGTHS):
        own = {name: value[:, b] for name, value in given.items()}
        if length:
            alone, own = layer(input[:length, b], own)
            assert_close(output[:length, b], alone)
        assert torch.equal(output[length:, b], torch.zeros_like(output[length:, b]))
        assert_states_close({name: value[:, b] for name, value in state.items()}, own)


@every_cell
def test_a_packed_sequence_is_the_same_batch(cell):
    layer = Recurrent(cell, X, H, num_layers=2, bidirectional=True)
    input, lengths = torch.randn(T, B, X), [2, 4, 6, 1]
    given = {name: torch.randn_like(value) for name, value in layer.start(B).items()}
    packed = pack_padded_sequence(input, lengths, enforce_sorted=False)
    output, state = layer(packed, given)
    padded, expected = layer(input, given, lengths=lengths)
    assert_close(output.data, pack_padded_sequence(padded, lengths, enforce_sorted=False).data)
    assert_states_close(state, expected)


@every_cell
def test_batch_first_only_turns_the_tensors(cell):
    layer = Recurrent(cell, X, H, bidirectional=True)
    first = Recurrent(cell, X, H, bidirectional=True, batch_first=True)
    first.load_state_dict(layer.state_dict())
    input = torch.randn(T, B, X)
    output, state = layer(input, lengths=LENGTHS)
    turned, same = first(input.transpose(0, 1), lengths=LENGTHS)
    assert_close(turned.transpose(0, 1), output)
    assert_states_close(same, state)


@every_cell
def test_whatever_stands_in_the_padding_is_never_read(cell):
    layer = Recurrent(cell, X, H, num_layers=2, bidirectional=True)
    input = torch.randn(T, B, X)
    results = []
    for filler in (0.0, torch.nan):
        for b, length in enumerate(LENGTHS):
            input[length:, b] = filler
        leaf = input.clone().requires_grad_()
        output, state = layer(leaf, lengths=LENGTHS)
        total = output.sum() + sum(value.sum() for value in state.values())
        results.append([output, *state.values(), *torch.autograd.grad(total, [leaf, *layer.parameters()])])
    for clean, poisoned in zip(*results, strict=True):
        assert torch.equal(clean, poisoned)


@every_cell
def test_a_batch_of_empty_sequences_keeps_its_state(cell):
    layer = Recurrent(cell, X, H, num_layers=2, residual=True)
    given = {name: torch.randn_like(value) for name, value in layer.start(B).items()}
    for steps in (T, 0):
        output, state = layer(torch.randn(steps, B, X), given, lengths=[0] * B)
        assert torch.equal(output, torch.zeros(steps, B, H))
        assert_states_close(state, given)
    output.sum().backward()
    assert all(torch.equal(p.grad, torch.zeros_like(p)) for p in layer.parameters())


@every_cell
def test_a_learned_start_is_a_state_that_every_sequence_is_given(cell):
    layer = Recurrent(cell, X, H, num_layers=2, bidirectional=True, initial_state="learned")
    zero = Recurrent(cell, X, H, num_layers=2, bidirectional=True)
    weights = {name: value for name, value in layer.state_dict().items() if not name.startswith("initial_")}
    assert list(layer.state_dict()) == [*weights, *(f"initial_{name}" for name in layer.state_widths)]
    zero.load_state_dict(weights)
    input = torch.randn(T, B, X)
    assert_close(layer(input)[0], zero(input)[0])  # it starts at zero
    given = {}
    for name in layer.state_widths:
        value = torch.nn.init.normal_(getattr(layer, f"initial_{name}"))
        given[name] = value.detach()[:, None].expand(4, B, -1).clone().requires_grad_()
    output, state = layer(input, lengths=LENGTHS)
    expected, final = zero(input, given, lengths=LENGTHS)
    assert_close(output, expected)
    assert_states_close(state, final)
    output.square().sum().backward()
    expected.square().sum().backward()
    for name, value in given.items():
        assert_close(getattr(layer, f"initial_{name}").grad, value.grad.sum(1))


@every_cell
@pytest.mark.parametrize("cut", [1, 3, T])
def test_a_trajectory_holds_the_state_after_every_step(cell, cut):
    layer = Recurrent(cell, X, H, num_layers=2)
    input = torch.randn(T, B, X)
    given = {name: torch.randn_like(value) for name, value in layer.start(B).items()}
    output, state, states = layer.trajectory(input, given)
    expected, final = layer(input[:cut], given)
    assert_close(output[:cut], expected)
    assert_states_close({name: value[:, cut - 1] for name, value in states.items()}, final)
    assert_states_close({name: value[:, -1] for name, value in states.items()}, state)


@every_cell
def test_a_trajectory_of_both_directions_and_ragged_sequences(cell):
    layer = Recurrent(cell, X, H, bidirectional=True)
    input = torch.randn(T, B, X)
    output, state, states = layer.trajectory(input, lengths=LENGTHS)
    first = next(iter(states))
    assert_close(torch.cat([states[first][0], states[first][1]], -1), output)
    for name, value in states.items():
        assert value.shape == (2, T, B, H)
        for b, length in enumerate(LENGTHS):
            assert torch.equal(value[:, length:, b], torch.zeros(2, T - length, H))
            if length:
                assert_close(value[0, length - 1, b], state[name][0, b])
                assert_close(value[1, 0, b], state[name][1, b])


def test_trajectories_of_one_sequence_and_of_a_packed_one():
    layer = Recurrent("lstm", X, H, num_layers=2)
    input = torch.randn(T, 1, X)
    _, _, batch = layer.trajectory(input)
    _, _, alone = layer.trajectory(input[:, 0])
    _, _, packed = layer.trajectory(pack_padded_sequence(input, [T]))
    for name in batch:
        assert torch.equal(alone[name], batch[name][:, :, 0])
        assert torch.equal(packed[name], batch[name][:, :, 0])


@every_cell
@pytest.mark.parametrize("options", [{}, {"zoneout": 0.3}, {"batch_first": True}], ids=str)
def test_steps_one_by_one_are_the_sequence(cell, options):
    layer = Recurrent(cell, X, H, num_layers=2, residual=True, initial_state="learned", **options).eval()
    torch.nn.init.normal_(layer.initial_hidden)
    input = torch.randn(B, T, X) if layer.batch_first else torch.randn(T, B, X)
    expected, final = layer(input)
    state, outputs = None, []
    for x in input.unbind(1 if layer.batch_first else 0):
        output, state = layer.step(x, state)
        outputs.append(output)
    assert_close(torch.stack(outputs, 1 if layer.batch_first else 0), expected)
    assert_states_close(state, final)


def test_the_runner_is_shown_and_can_be_forced():
    lstm = Recurrent("lstm", X, H)
    assert lstm.runner_used is None
    lstm(torch.randn(T, B, X))
    assert lstm.runner_used == "fused"
    assert "runner=fused: the engine runs lstm" in repr(lstm)
    forced = Recurrent("lstm", X, H, runner="reference")
    forced(torch.randn(T, B, X))
    assert forced.runner_used == "reference"
    assert "runner=reference: asked for" in repr(forced)
    assert "runner=fused: " in repr(Recurrent("lstm", X, H, zoneout=0.1))
    lstm.trajectory(torch.randn(T, B, X))
    assert lstm.runner_used == "fused"


def test_one_step_of_generation_is_left_to_the_equation():
    layer, forced = Recurrent("lstm", X, H), Recurrent("lstm", X, H, runner="torch")
    x = torch.randn(B, X)
    layer.step(x)
    assert layer.runner_used == "fused"  # in training the runner does not change with the length
    with torch.no_grad():
        layer.step(x)
        assert layer.runner_used == "reference"
        layer(torch.randn(T, B, X))
        assert layer.runner_used == "fused"
        forced.step(x)
    assert forced.runner_used == "torch"


def test_repr_says_what_differs_from_the_defaults():
    assert repr(Recurrent("gru", 3, 4)).startswith("Recurrent(GRU(), 3, 4, runner=fused: ")
    options = {"bias": False, "locked_dropout": 0.2, "residual": True, "initial_state": "learned"}
    shown = repr(Recurrent(Leaky(rate=0.5), 3, 4, 2, **options))
    assert "Leaky(rate=0.5), 3, 4, num_layers=2, bias=False" in shown
    assert "residual=True, locked_dropout=0.2, initial_state='learned', runner=fused: " in shown


def test_a_copy_is_independent():
    layer = Recurrent(Leaky(), X, H)
    twin = copy.deepcopy(layer)
    torch.nn.init.zeros_(twin.weight_ih_l0)
    assert twin.cell == layer.cell
    assert layer.weight_ih_l0.abs().sum() > 0


def test_a_user_cell_trains_in_a_model_of_torch():
    model = torch.nn.ModuleDict({"body": Recurrent(Leaky(), X, H), "head": torch.nn.Linear(H, 1)})
    model["head"](model["body"](torch.randn(T, B, X))[0]).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


STATE = {"hidden": torch.zeros(1, B, H), "memory": torch.zeros(1, B, H)}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"hidden": STATE["hidden"]}, "Recurrent: the states given are hidden, but the cell has hidden, memory"),
        ({**STATE, "cell": STATE["hidden"]}, "Recurrent: the states given are hidden, memory, cell, but the cell has"),
        ((STATE["hidden"], STATE["memory"]), "Recurrent: the state came as tuple; give a dict of hidden, memory"),
        (STATE["hidden"], "Recurrent: the state came as Tensor"),
        ({**STATE, "memory": torch.zeros(1, H)}, "Recurrent: the state 'memory' has shape [1, 5], expected [1, 4,"),
        ({**STATE, "memory": torch.zeros(1, 3, H)}, "Recurrent: the state 'memory' has shape [1, 3, 5], expected [1,"),
        ({**STATE, "memory": None}, "Recurrent: the state 'memory' came as NoneType; give a tensor"),
        (
            {**STATE, "memory": torch.zeros(1, B, H, dtype=torch.float64)},
            "Recurrent: the state 'memory' is torch.float64, the input torch.float32; use .to(torch.float32)",
        ),
        (
            {**STATE, "memory": torch.zeros(1, B, H, device="meta")},
            "Recurrent: the state 'memory' is on meta, the input on cpu; move it: .to('cpu')",
        ),
    ],
    ids=["missing", "unknown", "tuple", "tensor", "axes", "batch", "none", "dtype", "device"],
)
def test_a_state_that_does_not_fit_is_refused_in_one_line(state, message):
    with pytest.raises(GatewiseError) as raised:
        Recurrent("lstm", X, H)(torch.zeros(T, B, X), state)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("lstn", X, H), {}, "unknown cell 'lstn'; did you mean "),
        ((Leaky, X, H), {}, "Recurrent: the cell came as the class Leaky; give a name, or a cell such as MyCell()"),
        ((None, X, H), {}, "Recurrent: the cell came as NoneType"),
        (("gru", 0, H), {}, "Recurrent: input_size must be a whole number of at least 1, but 0 was given"),
        (("gru", X, 0), {}, "Recurrent: hidden_size must be a whole number of at least 1, but 0 was given"),
        (("gru", X, 2.5), {}, "Recurrent: hidden_size must be a whole number of at least 1, but 2.5 was given"),
        (("gru", X, True), {}, "Recurrent: hidden_size must be a whole number of at least 1, but True was given"),
        (("gru", X, H, -1), {}, "Recurrent: num_layers must be a whole number of at least 1, but -1 was given"),
        (("gru", X, H), {"proj_size": 2}, "proj_size"),
        (("projected_lstm", X, H), {"proj_size": H}, "proj_size"),
        (("projected_lstm", X, H), {}, "proj_size"),
        (("gru", X, H), {"bias": 1}, "Recurrent: bias must be True or False, but 1 was given"),
        (("gru", X, H), {"batch_first": "no"}, "Recurrent: batch_first must be True or False, but 'no' was given"),
        (("gru", X, H), {"bidirectional": None}, "Recurrent: bidirectional must be True or False, but None was given"),
        (("gru", X, H), {"residual": True}, "Recurrent: residual=True needs a layer below to add; give num_layers=2"),
        (("gru", X, H), {"dropout": 1.5}, "Recurrent: dropout must be a number from 0 to 1, but 1.5 was given"),
        (("gru", X, H), {"dropout": float("nan")}, "Recurrent: dropout must be a number from 0 to 1, but nan"),
        (("gru", X, H), {"locked_dropout": "0.5"}, "Recurrent: locked_dropout must be a number from 0 to 1"),
        (("gru", X, H), {"weight_dropout": -0.1}, "Recurrent: weight_dropout must be a number from 0 to 1"),
        (("gru", X, H), {"zoneout": 2}, "Recurrent: zoneout must be a number from 0 to 1, but 2 was given"),
        (("gru", X, H), {"zoneout": {"memory": 0.1}}, "Recurrent: zoneout names the state 'memory', but the cell has"),
        (("gru", X, H), {"zoneout": {"hidden": 2}}, "Recurrent: zoneout['hidden'] must be a number from 0 to 1"),
        (("gru", X, H), {"initial_state": "ones"}, "Recurrent: initial_state must be 'zero' or 'learned'"),
        (("gru", X, H), {"runner": "fast"}, "runner: unknown runner 'fast'"),
        ((Leaky(), X, H), {"runner": "fused", "dtype": torch.float16}, "the engine has no float16"),
        ((Leaky(), X, H), {"runner": "torch"}, "the torch runner cannot run this: torch has no kernel for leaky"),
        (("gru", X, H), {"runner": "torch", "zoneout": 0.1}, "runner: the torch runner cannot run this"),
    ],
    ids=str,
)
def test_a_layer_that_cannot_be_is_refused_when_it_is_made(arguments, options, message):
    with pytest.raises(GatewiseError) as raised:
        Recurrent(*arguments, **options)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["dropout", "locked_dropout"])
def test_dropout_between_layers_that_are_not_there_is_said(name):
    with pytest.warns(UserWarning, match=f"{name} acts between layers, so {name}=0.5 does nothing"):
        Recurrent("gru", X, H, **{name: 0.5})


def test_one_step_refuses_what_one_step_cannot_be():
    x = torch.zeros(B, X)
    with pytest.raises(GatewiseError, match="needs the whole sequence"):
        Recurrent("gru", X, H, bidirectional=True).step(x)
    with pytest.raises(GatewiseError, match="keep their masks over a sequence"):
        Recurrent("gru", X, H, weight_dropout=0.5).step(x)
    with pytest.raises(GatewiseError, match=r"give \[batch, features\]"):
        Recurrent("gru", X, H).step(torch.zeros(T, B, X))


def test_the_input_must_be_of_the_weights_precision_and_place():
    layer = Recurrent("gru", X, H)
    with pytest.raises(GatewiseError, match=r"the input is torch.float64, the weights torch.float32; convert"):
        layer(torch.zeros(T, B, X, dtype=torch.float64))
    with pytest.raises(GatewiseError, match=r"the input is torch.int64, the weights torch.float32; convert"):
        layer(torch.zeros(T, B, X, dtype=torch.int64))
    with pytest.raises(GatewiseError, match="the input is on meta, the weights on cpu; move"):
        layer(torch.zeros(T, B, X, device="meta"))
