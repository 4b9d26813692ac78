"""Pooling against the same taken from each sequence by itself, cut to its length."""

from __future__ import annotations

import pytest
import torch

from gatewise.errors import SettingError, ShapeError
from gatewise.layers.pooling import KINDS, Pooling
from gatewise.layers.recurrent import Recurrent
from tolerance import tolerance

T, B, F = 6, 5, 4
LENGTHS = [3, 0, 6, 1, 2]
BOUNDS = tolerance(torch.float64, T)
BEYOND = torch.tensor([[t >= length for length in LENGTHS] for t in range(T)])
every_kind = pytest.mark.parametrize("kind", KINDS)
directions = pytest.mark.parametrize("bidirectional", [False, True])


def made(kind, **options):
    return Pooling(kind, F, dtype=torch.float64, **options)


def drawn():
    return torch.randn(T, B, F, dtype=torch.float64)


def of_one(pooling, h):
    """What a sequence [n, F] is pooled to, written down step by step."""
    if pooling.kind == "last":
        half = F // 2 if pooling.bidirectional else F
        return torch.cat([h[-1, :half], h[0, half:]])
    if pooling.kind == "mean":
        return sum(h) / len(h)
    if pooling.kind == "max":
        return torch.stack([max(h[:, f]) for f in range(F)])
    if pooling.kind == "attention":
        return sum(a * step for a, step in zip(attention_of_one(pooling, h), h, strict=True))
    parts = [Pooling(kind, F, bidirectional=pooling.bidirectional) for kind in ("last", "max", "mean")]
    return torch.cat([of_one(part, h) for part in parts])


def attention_of_one(pooling, h):
    scores = torch.stack([pooling.vector @ torch.tanh(pooling.weight @ step) for step in h])
    return scores.exp() / scores.exp().sum()


@every_kind
@directions
def test_each_sequence_is_pooled_by_itself(kind, bidirectional):
    pooling, outputs = made(kind, bidirectional=bidirectional), drawn()
    pooled = pooling(outputs, lengths=LENGTHS)
    assert pooled.shape == (B, pooling.output_size)
    for b, length in enumerate(LENGTHS):
        if length:
            torch.testing.assert_close(pooled[b], of_one(pooling, outputs[:length, b]), **BOUNDS)
        else:
            assert pooled[b].tolist() == [0] * pooling.output_size
    whole = pooling(outputs)
    torch.testing.assert_close(whole, torch.stack([of_one(pooling, outputs[:, b]) for b in range(B)]), **BOUNDS)
    turned = made(kind, bidirectional=bidirectional, batch_first=True)
    turned.load_state_dict(pooling.state_dict())
    torch.testing.assert_close(turned(outputs.transpose(0, 1), lengths=torch.tensor(LENGTHS)), pooled, **BOUNDS)


@every_kind
@directions
def test_gradients_do_not_depend_on_what_is_beyond_the_lengths(kind, bidirectional):
    pooling, outputs = made(kind, bidirectional=bidirectional), drawn()
    found = []
    for rubbish in (0.0, 1e6, float("nan"), float("inf")):
        filled = outputs.masked_fill(BEYOND[:, :, None], rubbish).requires_grad_()
        pooled = pooling(filled, lengths=LENGTHS)
        weights = torch.arange(1.0, 1 + pooled.numel(), dtype=torch.float64).view_as(pooled)
        found.append([pooled, *torch.autograd.grad((pooled * weights).sum(), [filled, *pooling.parameters()])])
    assert not found[0][1][BEYOND].any()
    assert all(part.isfinite().all() for part in found[0])
    for other in found[1:]:
        for ours, expected in zip(other, found[0], strict=True):
            torch.testing.assert_close(ours, expected, rtol=0, atol=0)


@every_kind
@directions
def test_gradients(kind, bidirectional):
    pooling = made(kind, bidirectional=bidirectional)
    leaves = (drawn().requires_grad_(), *pooling.parameters())
    assert torch.autograd.gradcheck(lambda outputs, *_: pooling(outputs, lengths=LENGTHS), leaves)


def test_attention_weights_explain_what_was_pooled():
    pooling, outputs = made("attention", attention_size=7), drawn()
    weights = pooling.attention(outputs.masked_fill(BEYOND[:, :, None], float("nan")), lengths=LENGTHS)
    for b, length in enumerate(LENGTHS):
        if length:
            torch.testing.assert_close(weights[:length, b], attention_of_one(pooling, outputs[:length, b]), **BOUNDS)
        assert not weights[length:, b].any()
    pooled = (weights[:, :, None] * outputs).sum(0)
    torch.testing.assert_close(pooling(outputs, lengths=LENGTHS), pooled, **BOUNDS)
    pooling.batch_first = True
    turned = pooling.attention(outputs.transpose(0, 1), lengths=LENGTHS)
    torch.testing.assert_close(turned.T, weights, **BOUNDS)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@directions
def test_last_is_the_final_state_of_the_layer(cell, bidirectional):
    layer = Recurrent(cell, 3, 2, num_layers=2, bidirectional=bidirectional, dtype=torch.float64)
    output, state = layer(torch.randn(T, B, 3, dtype=torch.float64), lengths=LENGTHS)
    pooled = Pooling("last", layer.output_size, bidirectional=bidirectional)(output, lengths=LENGTHS)
    final = state["hidden"][-layer.num_directions :]
    torch.testing.assert_close(pooled, torch.cat(list(final), dim=1), rtol=0, atol=0)


@every_kind
@pytest.mark.parametrize(("steps", "batch"), [(0, 3), (4, 0), (0, 0)])
def test_nothing_to_pool(kind, steps, batch):
    pooling = made(kind)
    outputs = torch.zeros(steps, batch, F, dtype=torch.float64, requires_grad=True)
    for lengths in (None, [0] * batch):
        pooled = pooling(outputs, lengths=lengths)
        assert pooled.shape == (batch, pooling.output_size)
        assert not pooled.any()
        pooled.sum().backward()
    if kind == "attention":
        assert pooling.attention(outputs).shape == (steps, batch)


def test_repr():
    assert repr(Pooling("all", 4, bidirectional=True)) == "Pooling('all', 4, bidirectional=True)"
    assert (
        repr(Pooling("attention", 4, batch_first=True)) == "Pooling('attention', 4, attention_size=4, batch_first=True)"
    )


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("first", F), {}, "kind must be one of last, mean, max, all, attention, but 'first' was given"),
        (("last", 0), {}, "features must be a whole number of at least 1, but 0 was given"),
        (("last", 3), {"bidirectional": True}, "the features of two directions are an even number, but 3 was given"),
        (("mean", F), {"attention_size": 3}, "attention_size does nothing with kind='mean'; leave it out"),
        (("attention", F), {"attention_size": 0}, "attention_size must be a whole number of at least 1, but 0"),
        (("mean", F), {"batch_first": None}, "batch_first must be True or False, but None was given"),
    ],
)
def test_arguments_that_cannot_be(arguments, options, message):
    with pytest.raises(SettingError, match=message):
        Pooling(*arguments, **options)


@pytest.mark.parametrize(
    ("outputs", "lengths", "message"),
    [
        (torch.zeros(T, F), None, r"the outputs came as \[6, 4\], expected \[time, batch, features\] with 4 features"),
        (torch.zeros(T, B, 3), None, r"the outputs came as \[6, 5, 3\]"),
        (None, None, "the outputs came as NoneType"),
        (torch.zeros(T, B, F), [7] * B, r"lengths\[0\] is 7, but the input has 6 time steps"),
    ],
)
def test_inputs_that_do_not_fit(outputs, lengths, message):
    with pytest.raises(ShapeError, match=message):
        Pooling("mean", F)(outputs, lengths=lengths)
    with pytest.raises(ShapeError, match="pooling by mean has no attention weights"):
        Pooling("mean", F).attention(outputs)
