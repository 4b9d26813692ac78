"""The language model that knows nothing: every token is as probable as every other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class NoState:
    """The state of n texts under a model that remembers nothing.

    Example:
        >>> len(NoState(3).select(torch.tensor([0, 0])))
        2
    """

    n: int

    def __len__(self) -> int:
        return self.n

    def select(self, index: Tensor) -> NoState:
        """As many texts as ``index`` has entries."""
        return NoState(index.numel())


@dataclass(frozen=True)
class Uniform:
    """p(token) = 1 / V, whatever came before: the least a model has to beat, and the smallest that examples can use.

    Args:
        vocabulary_size: V, at least 1.
        eos_id: the token that ends a text.
        unit: "running" or "sentences".

    Example:
        >>> lm = Uniform(4)
        >>> lm.next(lm.start(1)).exp().tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    vocabulary_size: int
    eos_id: int = 0
    unit: Literal["running", "sentences"] = "running"

    def start(self, n: int) -> NoState:
        """The state of n texts before their first token."""
        return NoState(n)

    def advance(self, state: NoState, ids: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, NoState]:
        """-ln V for each token, 0 beyond the lengths; and the same state."""
        log_probs = torch.full(ids.shape, -math.log(self.vocabulary_size))
        if lengths is not None:
            log_probs[torch.arange(ids.size(1)) >= lengths[:, None]] = 0
        return log_probs, state

    def next(self, state: NoState) -> Tensor:
        """-ln V for each token of the vocabulary, [n, V]."""
        return torch.full((len(state), self.vocabulary_size), -math.log(self.vocabulary_size))
