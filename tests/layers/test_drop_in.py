"""`gatewise.nn.RNN`, `GRU` and `LSTM` against `torch.nn`: values, gradients, names, first weights."""

from __future__ import annotations

import copy
import inspect
import itertools

import pytest
import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from gatewise import nn
from layers.twins import KINDS, LENGTHS, B, H, T, X, assert_same, flat, inputs, twins

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # torch's own

FLAGS = [False, True]
FORMS = ["padded", "unsorted", "sorted", "single"]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
OPTIONS = [
    {"num_layers": layers, "bidirectional": both, "batch_first": first, "bias": bias}
    for layers, both, first, bias in itertools.product([1, 2], FLAGS, FLAGS, FLAGS)
]


def named(options):
    return "-".join(f"{name}{int(value)}" for name, value in options.items())


@every_kind
@pytest.mark.parametrize("options", OPTIONS, ids=named)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("given", FLAGS, ids=["zeros", "given"])
def test_values_and_gradients_are_torchs(kind, options, form, given):
    ours, theirs = twins(kind, **options)
    assert_same(ours, theirs, form, batch_first=options["batch_first"], given=given)


@every_kind
@pytest.mark.parametrize("runner", ["reference", "torch"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_values_and_gradients_are_torchs_with_each_runner(kind, runner, form, dtype):
    ours, theirs = twins(kind, runner=runner, dtype=dtype, num_layers=2, bidirectional=True)
    assert_same(ours, theirs, form, given=True, dtype=dtype)
    assert ours.runner_used == runner


@every_kind
@pytest.mark.parametrize("options", OPTIONS, ids=named)
def test_the_same_seed_draws_torchs_weights_bit_for_bit(kind, options):
    torch.manual_seed(1)
    theirs = kind.make(torch.nn, **options).state_dict()
    torch.manual_seed(1)
    ours = kind.make(nn, **options).state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@every_kind
def test_checkpoints_go_both_ways(kind):
    ours, theirs = kind.make(nn, num_layers=2), kind.make(torch.nn, num_layers=2)
    theirs.load_state_dict(ours.state_dict())
    assert_same(ours, theirs, "padded")
    again = kind.make(nn, num_layers=2)
    again.load_state_dict(theirs.state_dict())
    assert_same(again, theirs, "padded")


@every_kind
def test_dropout_between_layers_drops_what_torch_drops(kind):
    ours, theirs = twins(kind, num_layers=3, dropout=0.4)
    for form in FORMS:
        argument = inputs(form)[2](inputs(form)[0])
        torch.manual_seed(2)
        theirs_out = flat(theirs(argument))
        torch.manual_seed(2)
        for our, their in zip(flat(ours(argument)), theirs_out, strict=True):
            torch.testing.assert_close(our, their)


@every_kind
def test_a_packed_sequence_comes_back_with_its_own_order(kind):
    ours, _ = twins(kind)
    packed = pack_padded_sequence(torch.randn(T, B, X), LENGTHS, enforce_sorted=False)
    output, _ = ours(packed)
    assert isinstance(output, PackedSequence)
    assert output.sorted_indices is packed.sorted_indices
    assert output.unsorted_indices is packed.unsorted_indices
    assert output.batch_sizes is packed.batch_sizes


@every_kind
@pytest.mark.parametrize("both", FLAGS)
def test_lengths_are_torchs_packing_in_one_word(kind, both):
    ours, theirs = twins(kind, num_layers=2, bidirectional=both)
    input = torch.randn(T, B, X)
    output, state = ours(input, lengths=LENGTHS)
    packed, their_state = theirs(pack_padded_sequence(input, LENGTHS, enforce_sorted=False))
    torch.testing.assert_close(output, pad_packed_sequence(packed, total_length=T)[0])
    for our, their in zip(flat(state), flat(their_state), strict=True):
        torch.testing.assert_close(our, their)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
def test_the_constructor_takes_torchs_arguments_in_torchs_order(name):
    ours = [p for p in inspect.signature(getattr(nn, name)).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    written = (getattr(torch.nn, name).__doc__ or "").split(")")[0]  # torch states its signature in the docstring only
    theirs = [word.split("=") for word in written.removeprefix("__init__(").split(",")]
    assert [p.name for p in ours] == [word[0].strip() for word in theirs]
    defaults = [str(p.default) for p in ours if p.default is not p.empty]
    assert defaults == [word[1].strip("'\"") for word in theirs if word[1:]]


@every_kind
def test_a_batch_without_sequences_returns_empty_tensors(kind):
    ours, theirs = twins(kind, num_layers=2, bidirectional=True)
    empty = torch.zeros(T, 0, X)
    output, state = ours(empty)
    their_output, their_state = theirs(empty)
    assert output.shape == their_output.shape
    assert [s.shape for s in flat(state)] == [s.shape for s in flat(their_state)]
    output.sum().backward()
    assert all(torch.count_nonzero(p.grad) == 0 for p in ours.parameters())


@every_kind
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_other_precisions(kind, dtype):
    ours, theirs = twins(kind, num_layers=2)
    ours, theirs = ours.to(dtype), theirs.to(dtype)
    our_result, their_result = assert_same(ours, theirs, "padded", dtype=dtype)
    assert [t.dtype for t in flat(our_result)] == [t.dtype for t in flat(their_result)]


@every_kind
def test_copies_are_independent_and_equal(kind):
    ours, _ = twins(kind, num_layers=2)
    input = torch.randn(T, B, X)
    twin = copy.deepcopy(ours)
    assert torch.equal(twin(input)[0], ours(input)[0])
    torch.nn.init.zeros_(twin.weight_hh_l0)
    assert not torch.equal(twin(input)[0], ours(input)[0])


@every_kind
def test_weights_can_be_replaced_from_outside(kind):
    # functional_call and weight_norm put other tensors in the parameters' places
    ours, theirs = twins(kind)
    input = torch.randn(T, B, X)
    doubled = {name: 2 * value for name, value in ours.state_dict().items()}
    called = torch.func.functional_call(ours, doubled, (input,))[0]
    ours.load_state_dict(doubled)
    torch.testing.assert_close(called, ours(input)[0])
    ours.load_state_dict(theirs.state_dict())
    torch.nn.utils.parametrizations.weight_norm(ours, "weight_hh_l0")
    torch.testing.assert_close(ours(input)[0], theirs(input)[0])
    ours(input)[0].sum().backward()
    assert ours.parametrizations.weight_hh_l0.original0.grad is not None


@every_kind
@pytest.mark.parametrize("form", FORMS)
def test_inputs_may_lie_in_memory_as_they_like(kind, form):
    ours, _ = twins(kind, batch_first=form != "sorted")
    plain = inputs(form, batch_first=form != "sorted")[0].detach()
    wide = torch.full((*plain.shape[:-1], 3 * X + 1), torch.nan)
    strided = wide[..., 1 : 1 + 2 * X : 2]
    strided.copy_(plain)
    argument = inputs(form, batch_first=form != "sorted")[2]
    assert not strided.is_contiguous()
    for one, other in zip(flat(ours(argument(strided))), flat(ours(argument(plain))), strict=True):
        torch.testing.assert_close(one, other)


def test_what_torch_code_calls_is_there():
    lstm = nn.LSTM(X, H, num_layers=2, bidirectional=True)
    lstm.flatten_parameters()
    assert [[tuple(w.shape) for w in level] for level in lstm.all_weights] == [
        [tuple(w.shape) for w in level] for level in torch.nn.LSTM(X, H, num_layers=2, bidirectional=True).all_weights
    ]
    assert lstm.mode == "LSTM"
    assert nn.RNN(X, H, nonlinearity="relu").mode == torch.nn.RNN(X, H, nonlinearity="relu").mode
    assert nn.GRU(X, H).mode == torch.nn.GRU(X, H).mode
    assert (lstm.input_size, lstm.hidden_size, lstm.num_layers, lstm.proj_size) == (X, H, 2, 0)
    torch.manual_seed(3)
    lstm.reset_parameters()
    torch.manual_seed(3)
    theirs = torch.nn.LSTM(X, H, num_layers=2, bidirectional=True)
    assert all(torch.equal(a, b) for a, b in zip(lstm.parameters(), theirs.parameters(), strict=True))
