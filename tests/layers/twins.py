"""A gatewise layer and the torch layer it stands for, run on the same numbers and compared."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from gatewise import nn
from tolerance import tolerance

B, T, X, H, P = 3, 5, 4, 6, 2
LENGTHS = [2, 5, 4]


@dataclass(frozen=True)
class Kind:
    """One of torch's layers with the options that make it another function."""

    name: str
    options: tuple[tuple[str, object], ...] = ()

    def make(self, library, **options):
        return getattr(library, self.name)(X, H, **dict(self.options), **options)

    def __str__(self):
        return "-".join([self.name, *(str(value) for _, value in self.options)])


KINDS = [
    Kind("RNN"),
    Kind("RNN", (("nonlinearity", "relu"),)),
    Kind("GRU"),
    Kind("LSTM"),
    Kind("LSTM", (("proj_size", P),)),
]


def twins(kind, *, dtype=torch.float32, runner="auto", **options):
    """Ours and torch's with the same weights."""
    theirs = kind.make(torch.nn, dtype=dtype, **options)
    ours = kind.make(nn, dtype=dtype, runner=runner, **options)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def inputs(form, *, batch_first=False, dtype=torch.float32):
    """The same input twice, each a leaf that wants its gradient, and what makes the layer's argument of a leaf."""
    shape = (T, X) if form == "single" else (B, T, X) if batch_first else (T, B, X)
    values = torch.randn(shape, dtype=dtype)

    def argument(leaf):
        if form in ("padded", "single"):
            return leaf
        lengths = sorted(LENGTHS, reverse=True) if form == "sorted" else LENGTHS
        return pack_padded_sequence(leaf, lengths, batch_first, enforce_sorted=form == "sorted")

    return values.clone().requires_grad_(), values.clone().requires_grad_(), argument


def start(layer, form, dtype=torch.float32):
    """A state before the first step, as the layer returns it: a tensor or a pair."""
    levels = layer.num_layers * (2 if layer.bidirectional else 1)
    batch = () if form == "single" else (B,)
    hidden = torch.randn(levels, *batch, getattr(layer, "proj_size", 0) or H, dtype=dtype)
    if not isinstance(layer, torch.nn.LSTM):
        return hidden
    return hidden, torch.randn(levels, *batch, H, dtype=dtype)


def flat(result):
    """All tensors of what a layer returned or was given, in order."""
    if result is None:
        return []
    if isinstance(result, PackedSequence):
        return [result.data]
    return [result] if isinstance(result, torch.Tensor) else [tensor for part in result for tensor in flat(part)]


def leaves(state):
    """A copy of a state that wants its gradient."""
    if state is None:
        return None
    copies = [tensor.clone().requires_grad_() for tensor in flat(state)]
    return copies[0] if isinstance(state, torch.Tensor) else tuple(copies)


def gradients(results, wanted):
    """The gradients of one fixed mixture of all results."""
    mixture = sum((torch.linspace(-1, 1, result.numel()).view(result.shape) * result).sum() for result in results)
    return torch.autograd.grad(mixture, wanted)


def assert_same(ours, theirs, form, *, batch_first=False, given=False, dtype=torch.float32):
    """Outputs, final states and all gradients agree."""
    our_leaf, their_leaf, argument = inputs(form, batch_first=batch_first, dtype=dtype)
    state = start(theirs, form, dtype) if given else None
    our_state, their_state = leaves(state), leaves(state)
    our_result, their_result = ours(argument(our_leaf), our_state), theirs(argument(their_leaf), their_state)
    bounds = tolerance(dtype, T * theirs.num_layers)
    for our, their in zip(flat(our_result), flat(their_result), strict=True):
        torch.testing.assert_close(our, their, **bounds)
    our_wanted = [our_leaf, *flat(our_state), *ours.parameters()]
    their_wanted = [their_leaf, *flat(their_state), *theirs.parameters()]
    our_gradients = gradients(flat(our_result), our_wanted)
    for our, their in zip(our_gradients, gradients(flat(their_result), their_wanted), strict=True):
        torch.testing.assert_close(our, their, **bounds)
    return our_result, their_result
