"""Both runners against torch's own layers, and what each of them promises by itself."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence
from torch.testing import assert_close

from gatewise.cells import find, variants
from gatewise.scan import Packed, run, step
from gatewise.scan.torch_runner import side_by_side
from scan.problem import DEVICES, RAGGED, UNIFORM, problem
from tolerance import tolerance

MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn_tanh": torch.nn.RNN, "rnn_relu": torch.nn.RNN}
TWINS = [cell for cell in variants() if cell.torch_twin() and cell.constants().get("start") != "identity"]


def bidirectional_twin(cell, same, device):
    """torch's layer, whose two directions both have the parameters of the problem."""
    sizes = {"proj_size": 2} if cell.has_projection else {}
    sizes |= {"nonlinearity": cell.nonlinearity} if cell.name == "rnn" else {}
    twin = MODULES[cell.torch_twin()](3, 5, bidirectional=True, dtype=torch.float64, device=device, **sizes)
    with torch.no_grad():
        for name, value in twin.named_parameters():
            value.copy_(same.parameters[name.removesuffix("_reverse").removesuffix("_l0")])
    return twin


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # said by torch's own layer
@pytest.mark.parametrize("cell", TWINS, ids=repr)
@pytest.mark.parametrize("batch_sizes", [UNIFORM, RAGGED], ids=["uniform", "ragged"])
@pytest.mark.parametrize("runner", ["reference", "torch"])
@pytest.mark.parametrize("device", DEVICES)
def test_both_directions_are_those_of_torch(cell, batch_sizes, runner, device):
    same = problem(cell, batch_sizes, device=device)
    twin = bidirectional_twin(cell, same, device)
    states = tuple(torch.stack([value, value]) for value in same.initial.values())
    sequence = PackedSequence(same.x.data, torch.tensor(batch_sizes))
    outputs, final = twin(sequence, states if len(states) > 1 else states[0])
    final = final if isinstance(final, tuple) else (final,)
    for direction, part in enumerate(outputs.data.chunk(2, 1)):
        scan = same.run(runner=runner, reverse=direction == 1)
        assert scan.runner == runner
        assert_close(scan.outputs, part, **tolerance(torch.float64, 5))
        for actual, expected in zip(scan.final.values(), final, strict=True):
            assert_close(actual, expected[direction], **tolerance(torch.float64, 5))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("cell", TWINS, ids=repr)
def test_torch_has_nothing_to_warn_of(cell, device):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = problem(cell, UNIFORM, dtype=torch.float32, device=device)
        same.gradients(runner="torch")
        with torch.no_grad():
            same.run(runner="torch")


def test_parameters_side_by_side_are_one_piece_of_memory_and_pass_gradients_on():
    same = problem(find("projected_lstm"), UNIFORM)
    names = list(same.parameters)
    views = dict(zip(names, side_by_side(names, same.parameters), strict=True))
    places = [views[name].storage_offset() for name in ("weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh")]
    assert places == [0, 60, 100, 110, 130]
    assert len({view.untyped_storage().data_ptr() for view in views.values()}) == 1
    for name, view in views.items():
        assert torch.equal(view, same.parameters[name])
        (gradient,) = torch.autograd.grad(view.sum(), same.parameters[name], retain_graph=True)
        assert torch.equal(gradient, torch.ones_like(gradient))


@pytest.mark.parametrize("runner", ["reference", "torch"])
def test_without_gradients_the_values_are_the_same(runner):
    same = problem(find("lstm"), RAGGED, dtype=torch.float32)
    expected = same.run(runner=runner)
    with torch.no_grad():
        actual = same.run(runner=runner)
    assert torch.equal(actual.outputs, expected.outputs)
    assert not actual.outputs.requires_grad


@pytest.mark.parametrize("runner", ["reference", "torch"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_results_have_the_dtype_of_the_parameters(runner, dtype):
    scan = problem(find("lstm"), RAGGED, dtype=dtype).run(runner=runner)
    assert {value.dtype for value in (scan.outputs, *scan.final.values())} == {dtype}


@pytest.mark.parametrize("runner", ["reference", "torch"])
def test_strided_inputs_and_states_give_the_same_bits(runner):
    plain = problem(find("lstm"), UNIFORM, dtype=torch.float32)

    def strided(value):
        wide = torch.full((2 * value.size(0), 3 * value.size(1)), torch.nan)
        wide[::2, ::3] = value.detach()
        return wide[::2, ::3]

    weights = {name: value if value.dim() == 1 else strided(value) for name, value in plain.parameters.items()}
    states = {name: strided(value) for name, value in plain.initial.items()}
    scan = run(plain.cell, weights, Packed(strided(plain.x.data), UNIFORM), states, runner=runner)
    assert_close(scan.outputs, plain.run(runner=runner).outputs, **tolerance(torch.float32, 5))


def test_the_reference_can_be_differentiated_twice():
    whole = problem(find("peephole_lstm"), (2, 1), hidden_size=3)

    def outputs(data, hidden, memory):
        return whole.with_input(data, (2, 1), hidden=hidden, memory=memory).run(runner="reference").outputs

    assert torch.autograd.gradgradcheck(outputs, (whole.x.data, *whole.initial.values()))


def test_saturated_and_infinite_values_behave_as_in_torch():
    same = problem(find("lstm"), UNIFORM)
    with torch.no_grad():
        same.x.data.mul_(1e4)
        same.x.data[0] = torch.inf
    ours, theirs = (same.run(runner=runner).outputs for runner in ("reference", "torch"))
    assert torch.equal(ours.isnan(), theirs.isnan())
    assert_close(ours, theirs, equal_nan=True, **tolerance(torch.float64, 5))


def test_a_step_needs_no_gradient_to_stream():
    whole = problem(find("gru"), (2,))
    with torch.inference_mode():
        after = step(whole.cell, whole.parameters, whole.x.data, whole.initial)
    assert list(after) == ["hidden"]
