"""The precisions in which torch's layers answer under bfloat16 autocast, and ours with them."""

from __future__ import annotations

import pytest
import torch

from gatewise import nn
from layers.twins import KINDS, T, X, flat, inputs, twins

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # torch's own

LOW, FULL = torch.bfloat16, torch.float32
FORMS = ["padded", "unsorted", "single"]


def expected(kind, form):
    """What torch 2.13 returns on a CPU for a float32 input and no state; where it raises, ours answers as elsewhere."""
    if kind.name == "RNN":
        return [LOW, LOW]
    if kind.name == "GRU":
        return [FULL, FULL]
    if kind.options:
        return [LOW, LOW, FULL]
    return [FULL] * 3 if form == "unsorted" else [LOW] * 3  # oneDNN has no packed call


def torch_can(kind, form):
    """torch's padded LSTM raises where oneDNN has no bfloat16 on this processor (torch-xpu-ops #4066)."""
    needs_onednn = kind.name == "LSTM" and not kind.options and form != "unsorted"
    return not needs_onednn or torch.ops.mkldnn._is_mkldnn_bf16_supported()


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_the_precision_under_autocast_is_torchs(kind, form):
    ours, theirs = twins(kind)
    leaf, _, argument = inputs(form)
    with torch.autocast("cpu", torch.bfloat16):
        result = flat(ours(argument(leaf)))
        assert [tensor.dtype for tensor in result] == expected(kind, form)
        if torch_can(kind, form):
            assert [tensor.dtype for tensor in flat(theirs(argument(leaf)))] == expected(kind, form)
    plain = flat(ours(argument(leaf)))
    for low, full in zip(result, plain, strict=True):
        torch.testing.assert_close(low.float(), full, atol=2**-6, rtol=0.0)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("form", FORMS)
def test_training_under_autocast_gives_gradients_in_the_weights_precision(kind, form):
    ours, _ = twins(kind, num_layers=2, bidirectional=True)
    leaf, _, argument = inputs(form)
    with torch.autocast("cpu", torch.bfloat16):
        output = flat(ours(argument(leaf)))[0]
    output.float().sum().backward()
    assert all(p.grad is not None and p.grad.dtype == FULL and p.grad.isfinite().all() for p in ours.parameters())


def test_a_state_of_autocast_goes_back_in():
    layer = nn.LSTM(X, 6)
    input = torch.randn(T, 3, X)
    with torch.autocast("cpu", torch.bfloat16):
        _, state = layer(input[:2], lengths=[1, 2, 0])
        output, _ = layer(input[2:], state)
    assert output.isfinite().all()
