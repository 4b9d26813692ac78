"""What every registered cell promises in a layer, with every runner that can run it: one table, no cell is named."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gatewise.cells.registry import variants
from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.layers.recurrent import Recurrent
from tolerance import tolerance

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # torch's own

B, T, X, H, P = 4, 6, 3, 5, 2
LENGTHS = [1, 0, 6, 3]
DEPTHS = [{}, {"num_layers": 2, "bidirectional": True}]


@dataclass(frozen=True)
class Case:
    """A cell and the runner that must run it."""

    cell: Cell
    runner: str

    def layer(self, *, input_size=X, hidden_size=H, proj_size=P, **options):
        proj_size = proj_size if self.cell.has_projection else 0
        return Recurrent(self.cell, input_size, hidden_size, proj_size=proj_size, runner=self.runner, **options)

    def __str__(self):
        return "-".join([self.cell.name, *map(str, self.cell.constants().values()), self.runner])


def cases():
    """Every variant with the reference, with the engine, and with torch where torch has the cell."""
    for cell in variants():
        yield Case(cell, "reference")
        yield Case(cell, "fused")
        if cell.torch_twin() is not None:
            yield Case(cell, "torch")


CASES = list(cases())
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_depth = pytest.mark.parametrize("depth", DEPTHS, ids=["one layer", "two layers, both ways"])


def random_state(layer, batch=B):
    return {name: torch.randn_like(value) for name, value in layer.start(batch).items()}


def torch_twin(layer):
    """The layer of torch.nn that computes the same, with the same weights."""
    name = layer.cell.torch_twin()
    kind, options = {
        "lstm": (torch.nn.LSTM, {"proj_size": layer.proj_size}),
        "gru": (torch.nn.GRU, {}),
        "rnn_tanh": (torch.nn.RNN, {"nonlinearity": "tanh"}),
        "rnn_relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
    }[name]
    weight = next(layer.parameters())
    sizes = (layer.input_size, layer.hidden_size, layer.num_layers)
    twin = kind(*sizes, bias=layer.bias, bidirectional=layer.bidirectional, dtype=weight.dtype, **options)
    twin.load_state_dict(layer.state_dict())
    return twin


def gradients(outputs, wanted):
    mixture = sum((torch.linspace(-1, 1, o.numel(), dtype=o.dtype).view(o.shape) * o).sum() for o in outputs)
    return torch.autograd.grad(mixture, wanted)


def assert_all_close(ours, theirs, dtype=torch.float32):
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, **tolerance(dtype, 2 * T))


def test_every_cell_of_the_registry_is_in_the_table():
    assert len(CASES) > len({case.cell.name for case in CASES}) > 5
    assert {case.runner for case in CASES} == {"reference", "torch", "fused"}


@pytest.mark.parametrize("case", [case for case in CASES if case.cell.torch_twin()], ids=str)
@every_depth
@pytest.mark.parametrize("ragged", [False, True], ids=["padded", "packed"])
@pytest.mark.parametrize(("bias", "dtype"), [(True, torch.float32), (False, torch.float64)], ids=str)
def test_values_and_all_gradients_are_those_of_the_twin_in_torch(case, depth, ragged, bias, dtype):
    layer = case.layer(dtype=dtype, bias=bias, **depth)
    twin = torch_twin(layer)
    state = random_state(layer)
    results = []
    for module in (layer, twin):
        input = torch.linspace(-2, 2, T * B * X, dtype=dtype).view(T, B, X).requires_grad_()
        given = [value.clone().requires_grad_() for value in state.values()]
        argument = pack_padded_sequence(input, [1, 2, 6, 3], enforce_sorted=False) if ragged else input
        if module is layer:
            output, final = layer(argument, dict(zip(state, given, strict=True)))
        else:
            output, last = twin(argument, tuple(given) if len(given) > 1 else given[0])
            final = dict(zip(state, last if len(given) > 1 else [last], strict=True))
        output = pad_packed_sequence(output)[0] if ragged else output
        values = [output, *final.values()]
        results.append([*values, *gradients(values, [input, *given, *module.parameters()])])
    assert layer.runner_used == case.runner
    assert_all_close(*results, dtype)


@every_case
def test_gradients_are_those_of_finite_differences(case):
    layer = case.layer(dtype=torch.float64, input_size=1, hidden_size=2, proj_size=1, bidirectional=True)
    input = torch.randn(3, 2, 1, dtype=torch.float64, requires_grad=True)
    state = {name: value.requires_grad_() for name, value in random_state(layer, 2).items()}
    names = [name for name, _ in layer.named_parameters()]

    def run(input, *tensors):
        given = dict(zip(state, tensors, strict=False))
        weights = dict(zip(names, tensors[len(given) :], strict=True))
        output, final = torch.func.functional_call(layer, weights, (input, given), {"lengths": [2, 3]})
        return output, *final.values()

    arguments = (input, *state.values(), *layer.parameters())
    assert torch.autograd.gradcheck(run, arguments, atol=1e-6, rtol=1e-4)


@every_case
@every_depth
def test_no_state_is_a_state_of_zeros(case, depth):
    layer = case.layer(**depth)
    input = torch.randn(T, B, X)
    zeros = {name: torch.zeros_like(value) for name, value in layer.start(B).items()}
    for lengths in (None, LENGTHS):
        output, state = layer(input, lengths=lengths)
        expected, final = layer(input, zeros, lengths=lengths)
        assert torch.equal(output, expected)
        assert all(torch.equal(state[name], final[name]) for name in zeros)


@every_case
@pytest.mark.parametrize("cut", [1, 4])
def test_a_sequence_in_two_parts_with_carried_state_is_the_whole_one(case, cut):
    layer = case.layer(num_layers=2)
    input = torch.randn(T, B, X)
    results = []
    for pieces in ((input,), (input[:cut], input[cut:])):
        state, outputs = {name: value + 0.5 for name, value in layer.start(B).items()}, []
        for piece in pieces:
            output, state = layer(piece, state)
            outputs.append(output)
        values = [torch.cat(outputs), *state.values()]
        results.append([*values, *gradients(values, list(layer.parameters()))])
    assert_all_close(*results)


@every_case
def test_ragged_sequences_in_two_parts_with_carried_state_are_the_whole_ones(case):
    layer = case.layer(num_layers=2)
    input, cut = torch.randn(T, B, X), 2
    whole, final = layer(input, lengths=LENGTHS)
    first, state = layer(input[:cut], lengths=[min(length, cut) for length in LENGTHS])
    second, state = layer(input[cut:], state, lengths=[max(length - cut, 0) for length in LENGTHS])
    assert_all_close([torch.cat([first, second]), *state.values()], [whole, *final.values()])


@every_case
def test_steps_one_by_one_are_the_sequence(case):
    layer = case.layer(num_layers=2).eval()
    input = torch.randn(T, B, X)
    whole, final = layer(input)
    state, outputs = None, []
    for x in input:
        output, state = layer.step(x, state)
        outputs.append(output)
    assert_all_close([torch.stack(outputs), *state.values()], [whole, *final.values()])


@every_case
@every_depth
def test_every_sequence_is_computed_as_if_it_were_alone(case, depth):
    layer = case.layer(**depth)
    input, given = torch.randn(T, B, X), random_state(layer)
    output, state = layer(input, given, lengths=LENGTHS)
    for b, length in enumerate(LENGTHS):
        own = {name: value[:, b] for name, value in given.items()}
        if length:
            alone, own = layer(input[:length, b], own)
            assert_all_close([output[:length, b]], [alone])
        assert_all_close([value[:, b] for value in state.values()], list(own.values()))
        assert output[length:, b].count_nonzero() == 0


@every_case
def test_the_order_of_the_batch_does_not_matter(case):
    layer = case.layer(bidirectional=True)
    input, order = torch.randn(T, B, X), [2, 0, 3, 1]
    output, state = layer(input, lengths=LENGTHS)
    permuted, other = layer(input[:, order], lengths=[LENGTHS[b] for b in order])
    assert_all_close([permuted, *other.values()], [output[:, order], *(value[:, order] for value in state.values())])


@every_case
@every_depth
def test_padding_is_never_read(case, depth):
    layer = case.layer(**depth)
    input = torch.randn(T, B, X)
    results = []
    for filler in (0.0, torch.nan, torch.inf):
        for b, length in enumerate(LENGTHS):
            input[length:, b] = filler
        leaf = input.clone().requires_grad_()
        output, state = layer(leaf, lengths=LENGTHS)
        values = [output, *state.values()]
        results.append([*values, *gradients(values, [leaf, *layer.parameters()])])
    for clean, *poisoned in zip(*results, strict=True):
        assert clean.isfinite().all()
        assert all(torch.equal(clean, other) for other in poisoned)


@every_case
def test_the_backward_direction_is_the_forward_one_on_the_reversed_sequence(case):
    both, one = case.layer(bidirectional=True), case.layer()
    weights = both.state_dict()
    one.load_state_dict({name: weights[f"{name}_reverse"] for name in one.state_dict()})
    input, state = torch.randn(T, B, X), random_state(both)
    output, final = both(input, state)
    turned, last = one(input.flip(0), {name: value[1:] for name, value in state.items()})
    width = one.output_size
    assert_all_close([output[..., width:], *(v[1:] for v in final.values())], [turned.flip(0), *last.values()])


@every_case
@pytest.mark.parametrize("length", [0, 1])
def test_the_shortest_lengths(case, length):
    layer = case.layer(num_layers=2, bidirectional=True)
    input, given = torch.randn(T, B, X), random_state(layer)
    output, state = layer(input, given, lengths=[length] * B)
    if length == 0:
        assert output.count_nonzero() == 0
        assert all(torch.equal(state[name], given[name]) for name in given)
    else:
        expected, final = layer(input[:1], given)
        assert_all_close([output[:1], *state.values()], [expected, *final.values()])
        assert output[1:].count_nonzero() == 0


@every_case
def test_the_trajectory_ends_in_the_final_state_and_shows_the_output(case):
    if case.runner == "torch" and len(case.cell.state) > 1:
        with pytest.raises(SettingError, match="last step only"):
            case.layer().trajectory(torch.randn(T, B, X))
        return
    layer = case.layer(num_layers=2)
    input, given = torch.randn(T, B, X), random_state(layer)
    output, state, states = layer.trajectory(input, given)
    expected, final = layer(input, given)
    assert_all_close([output, *state.values()], [expected, *final.values()])
    assert_all_close([value[:, -1] for value in states.values()], list(state.values()))
    assert_all_close([states[case.cell.output_state][-1]], [output])


@every_case
def test_a_learned_start_learns(case):
    layer = case.layer(initial_state="learned")
    layer(torch.randn(T, B, X), lengths=[1, 1, 1, 0])[0].square().sum().backward()
    assert all(getattr(layer, f"initial_{name}").grad.abs().sum() > 0 for name in layer.state_widths)


@every_case
def test_weights_and_copies_carry_the_layer(case):
    layer, other = case.layer(num_layers=2, bidirectional=True), case.layer(num_layers=2, bidirectional=True)
    other.load_state_dict(layer.state_dict())
    input = torch.randn(T, B, X)
    for twin in (other, copy.deepcopy(layer)):
        assert twin.cell == layer.cell
        assert torch.equal(twin(input)[0], layer(input)[0])


@every_case
def test_the_same_seed_draws_the_same_weights(case):
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(case.layer(num_layers=2).state_dict())
    assert all(torch.equal(drawn[0][name], drawn[1][name]) for name in drawn[0])
    assert any(not torch.equal(drawn[0][name], drawn[2][name]) for name in drawn[0])
    assert not torch.equal(drawn[0]["weight_ih_l0"][:, :1], drawn[0]["weight_ih_l1"][:, :1])


@every_case
def test_a_layer_without_bias_has_none(case):
    layer = case.layer(bias=False, num_layers=2)
    assert not [name for name in layer.state_dict() if name.startswith(("bias_", "shift_"))]
    assert layer(torch.zeros(T, B, X))[0].isfinite().all()


@pytest.mark.parametrize("case", [case for case in CASES if case.runner == "reference"], ids=str)
@pytest.mark.parametrize("noise", ["dropout", "locked_dropout", "weight_dropout", "zoneout"])
def test_every_noise_works_in_training_and_is_gone_in_evaluation(case, noise):
    layer = case.layer(num_layers=2, **{noise: 0.5})
    input = torch.randn(T, B, X)
    one, other = layer(input, lengths=LENGTHS)[0], layer(input, lengths=LENGTHS)[0]
    assert not torch.equal(one, other)
    one.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())
    layer.eval()
    assert torch.equal(layer(input)[0], layer(input)[0])


@every_case
def test_autocast_stays_near(case):
    layer = case.layer(num_layers=2, bidirectional=True)
    input = torch.randn(T, B, X)
    expected = layer(input, lengths=LENGTHS)[0]
    with torch.autocast("cpu", torch.bfloat16):
        output = layer(input, lengths=LENGTHS)[0]
    torch.testing.assert_close(output.float(), expected, atol=2**-4, rtol=2**-4)
    output.float().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in layer.parameters())


def test_sizes_that_divide_nothing_evenly():
    for case, (size, batch, steps) in itertools.product(CASES, [(3, 1, 1), (7, 2, 5)]):
        layer = case.layer(hidden_size=size)
        assert layer(torch.randn(steps, batch, X))[0].shape == (steps, batch, layer.output_size)
