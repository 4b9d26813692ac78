"""Mistakes at the door of the drop-ins: what torch refuses is refused, as an error that torch's callers catch."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from gatewise import nn
from gatewise.errors import GatewiseError
from layers.twins import KINDS, LENGTHS, B, H, P, T, X

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # torch's own

every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


def hidden(kind, *shape):
    """A state as the kind takes it, of one shape for all of it."""
    return (torch.zeros(shape), torch.zeros(shape)) if kind.name == "LSTM" else torch.zeros(shape)


def packed():
    return pack_padded_sequence(torch.zeros(T, B, X), LENGTHS, enforce_sorted=False)


@every_kind
@pytest.mark.parametrize(
    ("input", "shape"),
    [
        (torch.zeros(T, B, X), (1, B, H + 1)),
        (torch.zeros(T, B, X), (1, B + 1, H)),  # pytorch #6176
        (torch.zeros(T, B, X), (B, 1, H)),  # pytorch #6178: another order of the axes was taken in silence
        (torch.zeros(T, B, X), (2, B, H)),
        (torch.zeros(T, B, X), (B, H)),
        (torch.zeros(T, B, X), (1, 1, 1, B, H)),  # pytorch #106769: five axes, a heap overflow
        (torch.zeros(T, X), (1, 1, H)),
        (torch.zeros(T, X), (1, H - 1)),
        (packed(), (1, B - 1, H)),
        (packed(), (1, B, 0)),  # pytorch #143484
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else type(value).__name__,
)
def test_a_state_of_another_shape(kind, input, shape):
    ours, theirs = kind.make(nn), kind.make(torch.nn)
    with pytest.raises((RuntimeError, IndexError)):
        theirs(input, hidden(kind, *shape))
    with pytest.raises(RuntimeError) as raised:
        ours(input, hidden(kind, *shape))
    assert isinstance(raised.value, GatewiseError)
    name = "h_0" if kind.name == "LSTM" else "hx"
    assert str(raised.value).startswith(f"{kind.name}: {name} has shape {list(shape)}, expected [1, ")
    assert "\n" not in str(raised.value)


@every_kind
@pytest.mark.parametrize("shape", [(T,), (1, T, B, X), (T, B, X + 1), (T, X - 1), (0, B, X), (0, X)], ids=str)
def test_an_input_of_another_shape(kind, shape):
    with pytest.raises((RuntimeError, ValueError)):
        kind.make(torch.nn)(torch.zeros(shape))
    with pytest.raises(RuntimeError) as raised:
        kind.make(nn)(torch.zeros(shape))
    assert isinstance(raised.value, GatewiseError)
    assert isinstance(raised.value, ValueError)
    assert str(raised.value).startswith(f"{kind.name}: the input has ")


@every_kind
def test_an_input_of_another_precision(kind):
    with pytest.raises(ValueError, match="dtype"):
        kind.make(torch.nn)(torch.zeros(T, B, X, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"the input is torch.float64, the weights torch.float32"):
        kind.make(nn)(torch.zeros(T, B, X, dtype=torch.float64))


@pytest.mark.parametrize(
    "hx",
    [torch.zeros(2, B, H), (torch.zeros(1, B, H),), [torch.zeros(1, B, H)] * 3, "h"],
    ids=["tensor", "one", "three", "text"],
)
def test_an_lstm_wants_a_pair(hx):
    with pytest.raises(RuntimeError, match=r"LSTM: hx came as .*; give the pair \(h_0, c_0\), or None"):
        nn.LSTM(X, H)(torch.zeros(T, B, X), hx)


def test_the_memory_has_its_own_name_and_width():
    layer = nn.LSTM(X, H, proj_size=P)
    with pytest.raises(RuntimeError, match=rf"LSTM: c_0 has shape \[1, 3, {P}\], expected \[1, 3, {H}\]"):
        layer(torch.zeros(T, B, X), (torch.zeros(1, B, P), torch.zeros(1, B, P)))
    with pytest.raises(RuntimeError, match="GRU: hx came as tuple; give a tensor"):
        nn.GRU(X, H)(torch.zeros(T, B, X), (torch.zeros(1, B, H),))


@every_kind
@pytest.mark.parametrize("lengths", [[1, 2], [1, 2, T + 1], [1, 2, -1], [1.0, 2.0, 3.0], torch.ones(B)], ids=str)
def test_lengths_that_do_not_fit(kind, lengths):
    with pytest.raises(GatewiseError, match=rf"^{kind.name}: .*length"):
        kind.make(nn)(torch.zeros(T, B, X), lengths=lengths)


@pytest.mark.parametrize("name", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((0, H), {}),
        ((X, 0), {}),
        ((X, -3), {}),
        ((X, 2.0), {}),
        (("4", H), {}),
        ((X, H, 0), {}),
        ((X, H), {"dropout": 2}),
        ((X, H), {"dropout": -0.1}),
        ((X, H), {"dropout": True}),
        ((X, H), {"bias": "yes"}),
        ((X, H), {"batch_first": 1}),
    ],
    ids=str,
)
def test_a_layer_that_torch_refuses_is_refused_with_the_same_kind_of_error(name, arguments, options):
    with pytest.raises((ValueError, TypeError)) as theirs:
        getattr(torch.nn, name)(*arguments, **options)
    with pytest.raises(type(theirs.value)) as ours:
        getattr(nn, name)(*arguments, **options)
    assert isinstance(ours.value, GatewiseError)
    assert str(ours.value).startswith(f"{name}: ")


@pytest.mark.parametrize("proj_size", [H, H + 1, -1])
def test_a_projection_must_make_smaller(proj_size):
    with pytest.raises(ValueError, match="proj_size"):
        torch.nn.LSTM(X, H, proj_size=proj_size)
    with pytest.raises(ValueError, match="proj_size"):
        nn.LSTM(X, H, proj_size=proj_size)


def test_only_the_lstm_has_a_projection():
    with pytest.raises(ValueError, match="proj_size"):
        nn.GRU(X, H, proj_size=2)


def test_an_unknown_nonlinearity_is_refused():
    with pytest.raises(ValueError, match=r"'tanh', 'relu'.*'gelu'"):
        nn.RNN(X, H, nonlinearity="gelu")
    sigmoid = nn.RNN(X, H, nonlinearity="sigmoid")  # torch has none
    sigmoid(torch.zeros(T, B, X))
    assert sigmoid.runner_used == "fused"


def test_dropout_in_a_single_layer_warns_as_torchs_does():
    with pytest.warns(UserWarning, match="num_layers"):
        torch.nn.LSTM(X, H, dropout=0.5)
    with pytest.warns(UserWarning, match="num_layers=1"):
        nn.LSTM(X, H, dropout=0.5)
