"""The same language models written with torch.nn and nothing else: what RecurrentLM is compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.text.batch import Batch


def lstm_of(model: RecurrentLM) -> nn.LSTM:
    """torch's LSTM with the weights of a model's recurrent layers."""
    settings = model.settings
    dtype = model.embedding.weight.dtype
    layer = nn.LSTM(settings.embedding_size, settings.hidden_size, settings.num_layers, dtype=dtype)
    layer.load_state_dict(model.recurrent.state_dict())
    return layer


def plain_losses(model: RecurrentLM, inputs: Tensor, targets: Tensor, state=None) -> tuple[Tensor, tuple]:
    """-log p of every target, [T, B], and the state, of an LSTM model without dropout."""
    hidden, state = lstm_of(model)(functional.embedding(inputs, model.embedding.weight), state)
    if model.projection is not None:
        hidden = hidden @ model.projection.weight.t()
    weight = model.embedding.weight if model.settings.tie_weights else model.output.weight
    scores = functional.linear(hidden, weight, model.output.bias)
    losses = functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none")
    return losses.view_as(targets), state


def batch_of(inputs, targets, lengths=None, fresh=None):
    """A batch from nested lists or tensors [T, B]."""
    inputs, targets = torch.as_tensor(inputs), torch.as_tensor(targets)
    lengths = None if lengths is None else torch.as_tensor(lengths)
    tokens = targets.numel() if lengths is None else int(lengths.sum())
    return Batch(inputs, targets, lengths, None if fresh is None else torch.as_tensor(fresh), tokens)
