"""Which words of a text speak for a label.

Letters: T time, B batch, E width of a vector, L labels, n tokens of one text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from gatewise.errors import SettingError
from gatewise.layers.errors import InputError
from gatewise.text.text_batches import TextBatch

if TYPE_CHECKING:
    from gatewise.models.classifier import Classifier

Score = Callable[[Tensor, Tensor], Tensor]
"""From what stands for the tokens of texts, [T, B, ...], and lengths [B] to scores [B, L]."""
Method = Literal["gradient", "leave-one-out"]
_AT_ONCE = 1 << 14
"""Tokens, padding counted, of the texts with a word less that are read at once."""


def word_weights(model: Classifier, batch: TextBatch, label: int | Tensor, method: Method = "gradient") -> Tensor:
    """How much each token speaks for a label, [T, B]; see `Classifier.word_weights`."""
    model.check_evaluating()
    if method not in ("gradient", "leave-one-out"):
        raise SettingError(f"method must be one of: gradient, leave-one-out, but {method!r} was given")
    labels = _labels(model, batch, label)
    with torch.no_grad():
        vectors = model.encoder.embedder(batch)
    if method == "gradient":
        found = _by_gradient(model, vectors, batch, labels)
    else:
        found = _by_leaving_out(model.scores, vectors, batch, labels)
    if model.direct is None:
        return found
    return found + _by_leaving_out(model.direct, batch.tokens.to(model.device), batch, labels)


def _labels(model: Classifier, batch: TextBatch, label: int | Tensor) -> Tensor:
    rows = batch.tokens.size(1)
    found = torch.full((rows,), label) if isinstance(label, int) else label
    if found.shape != (rows,) or found.dtype != torch.int64:
        message = f"the labels are {found.dtype} {list(found.shape)}, expected torch.int64 [{rows}]"
        raise InputError(message, where="word_weights")
    model.check_targets(found, "label")
    return found.to(model.device)


def _by_gradient(model: Classifier, vectors: Tensor, batch: TextBatch, labels: Tensor) -> Tensor:
    with torch.enable_grad():
        given = vectors.detach().requires_grad_()
        scores = model.scores(given, batch.lengths).gather(1, labels[:, None])
        (gradient,) = torch.autograd.grad(scores.sum(), given)
    # Chosen, not multiplied by 0: what stands beyond a length may be no number.
    return (gradient * vectors).sum(-1).where(batch.valid.to(vectors.device), 0.0)


@torch.no_grad()
def _by_leaving_out(score: Score, texts: Tensor, batch: TextBatch, labels: Tensor) -> Tensor:
    """How much higher the scores of texts [T, B, ...] are than those without each of their tokens, [T, B]."""
    whole = score(texts, batch.lengths).gather(1, labels[:, None]).squeeze(1)
    found = whole.new_zeros(texts.shape[:2])
    for row, length in enumerate(batch.lengths.tolist()):
        at_once = max(1, _AT_ONCE // max(1, length - 1))
        for first in range(0, length, at_once):
            left_out = torch.arange(first, min(first + at_once, length), device=texts.device)
            without = _without(score, texts[:length, row], left_out)
            found[left_out, row] = whole[row] - without[:, labels[row]]
    return found


def _without(score: Score, text: Tensor, left_out: Tensor) -> Tensor:
    """The scores [m, L] of a text [n, ...] without each of m of its tokens."""
    steps = torch.arange(max(1, len(text) - 1), device=text.device)[:, None]
    places = (steps + (steps >= left_out)).clamp(max=len(text) - 1)  # a text of one token: a step that is not read
    return score(text[places], torch.full((len(left_out),), len(text) - 1))
