"""The log probability of texts under any language model, in batches of texts of nearly equal length."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gatewise.lm.protocol import LanguageModel, S

LARGEST_BATCH = 2**18  # tokens of a batch with its padding, so that one long text does not widen many short ones


@dataclass(frozen=True)
class Score:
    """How probable a text is.

    Attributes:
        tokens: the log probability of each token after those before it, in nats.

    Example:
        >>> score = Score((-1.0, -3.0))
        >>> score.log_prob, score.per_token, round(score.perplexity, 2)
        (-4.0, -2.0, 7.39)
    """

    tokens: tuple[float, ...]

    @property
    def log_prob(self) -> float:
        """The log probability of the whole text, in nats."""
        return math.fsum(self.tokens)

    @property
    def per_token(self) -> float:
        """The mean log probability of a token, in nats; 0 for a text without tokens."""
        return self.log_prob / max(1, len(self.tokens))

    @property
    def perplexity(self) -> float:
        """exp(-mean log probability), per token; infinite where that is beyond any number."""
        return perplexity(-self.per_token / math.log(2))


def perplexity(bits: float) -> float:
    """2^bits; infinite where that is beyond any number.

    Args:
        bits: J / ln 2, the loss per token.

    Example:
        >>> perplexity(3.0), perplexity(5000.0)
        (8.0, inf)
    """
    return 2.0**bits if bits < 1024 else math.inf


def score(
    lm: LanguageModel[S], sequences: Sequence[Sequence[int]], *, batch_size: int = 64, window: int = 256
) -> list[Score]:
    """The score of each text, in the order given.

    The ids are scored as they stand: whoever wants the end of a sentence to count puts ``lm.eos_id`` there. A score
    does not depend on the other texts or on the batches, up to rounding.

    Args:
        lm: any language model.
        sequences: the token ids of each text; a text may be empty.
        batch_size: texts at once, at least 1.
        window: tokens of each text at once, at least 1; the state is carried, so it changes the memory needed only.

    Example:
        >>> from gatewise.lm.uniform import Uniform
        >>> [round(text.log_prob, 3) for text in score(Uniform(4), [[1, 2], [], [3]])]    # 2 ln 4, 0, ln 4
        [-2.773, 0.0, -1.386]
    """
    found: dict[int, Score] = {}
    for group in _groups(sequences, batch_size):
        table = _score_group(lm, [sequences[index] for index in group], window).numpy()
        for row, index in enumerate(group):
            found[index] = Score(tuple(table[row, : len(sequences[index])].tolist()))
    return [found[index] for index in range(len(sequences))]


def rank(
    lm: LanguageModel[S],
    sequences: Sequence[Sequence[int]],
    *,
    per: Literal["text", "token"] = "text",
    batch_size: int = 64,
) -> list[tuple[int, Score]]:
    """The texts from the most probable to the least, each as its index and its score; equal ones in the order given.

    Args:
        lm: any language model.
        sequences: the token ids of each text.
        per: what is compared: the log probability of the text, or the mean of its tokens, which favours no short texts.
        batch_size: texts at once, at least 1.

    Example:
        >>> from gatewise.lm.uniform import Uniform
        >>> [index for index, _ in rank(Uniform(4), [[1, 2, 3], [1], [2, 3]])]
        [1, 2, 0]
    """
    scores = enumerate(score(lm, sequences, batch_size=batch_size))
    return sorted(scores, key=lambda item: -(item[1].log_prob if per == "text" else item[1].per_token))


def _groups(sequences: Sequence[Sequence[int]], batch_size: int) -> Iterator[list[int]]:
    """Indices of texts of nearly equal length, the longest first."""
    order = sorted(range(len(sequences)), key=lambda index: -len(sequences[index]))
    first = 0
    while first < len(order):
        longest = max(1, len(sequences[order[first]]))
        size = max(1, min(batch_size, LARGEST_BATCH // longest))
        yield order[first : first + size]
        first += size


def _score_group(lm: LanguageModel[S], sequences: list[Sequence[int]], window: int) -> Tensor:
    """The log probabilities [n, T] of texts given the longest first."""
    lengths = torch.tensor([len(ids) for ids in sequences])
    longest = len(sequences[0])
    padded = torch.full((len(sequences), longest), lm.eos_id)
    ids = np.fromiter(chain.from_iterable(sequences), np.int64, int(lengths.sum()))
    padded[torch.arange(longest) < lengths[:, None]] = torch.from_numpy(ids)
    table = torch.zeros(padded.shape, dtype=torch.float64)
    state = lm.start(len(sequences))
    for first in range(0, longest, window):
        going = int((lengths > first).sum())
        if going < len(state):
            state = state.select(torch.arange(going))
        here = slice(first, first + window)
        part, state = lm.advance(state, padded[:going, here], (lengths[:going] - first).clamp(max=window))
        table[:going, here] = part.to(table)
    return table
