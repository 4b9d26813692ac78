"""Direct connections from the n-grams of a text to its labels.

Letters: T tokens of the longest text, B texts, V vocabulary, L labels, G n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.layers.arguments import check_size
from gatewise.layers.errors import ArgumentError, InputError
from gatewise.text.ngram_ratios import NgramRatios


class DirectConnections(nn.Module):
    """s_y = sum over the distinct n-grams g of a text of r_gy w_gy.

    r are the log-count ratios of the training texts; w starts at 0 and is learnt: at any rate of learning, what is
    said by counts is learnt sooner than what is not.

    Args:
        vocabulary_size: V, at least 1.
        sizes: how many n-grams of 2, 3 ... tokens are known; of one token all are.
        labels: L, at least 1.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        weight: [G, L], w; a row for each token, one for the sign around a text, one for each longer n-gram.
        ratios: [G, L], r; a buffer, as ``keys`` are.
        keys: [sum of sizes], int64; see `gatewise.text.ngram_ratios.NgramRatios`.

    Raises:
        ArgumentError: a size out of its range.

    Source: the linear model of Wang & Manning 2012, https://aclanthology.org/P12-2018.

    Example:
        >>> import numpy as np
        >>> from gatewise.text.ngram_ratios import ngram_ratios
        >>> ids, good = np.array([0, 1, 1]), np.array([[True], [False]])
        >>> counted = ngram_ratios(ids, np.array([0, 2, 3]), good, vocabulary_size=2, order=2, minimum=1)
        >>> direct = DirectConnections(2, counted.sizes, labels=1)
        >>> direct.set_ratios(counted)
        >>> _ = nn.init.ones_(direct.weight)
        >>> (direct(torch.tensor([[0, 1], [1, 0]]), torch.tensor([2, 1])) > 0).tolist()
        [[True], [False]]
    """

    keys: Tensor
    ratios: Tensor

    def __init__(
        self,
        vocabulary_size: int,
        sizes: Sequence[int],
        labels: int,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        where = type(self).__name__
        self.vocabulary_size = check_size("vocabulary_size", vocabulary_size, where)
        if any(size < 0 for size in sizes):
            raise ArgumentError(f"sizes must be at least 0, but {list(sizes)} was given", where=where)
        self.sizes = tuple(sizes)
        shape = vocabulary_size + 1 + sum(self.sizes), check_size("labels", labels, where)
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.zeros(shape, **kind))
        self.register_buffer("ratios", torch.zeros(shape, **kind))
        self.register_buffer("keys", torch.zeros(sum(self.sizes), dtype=torch.int64, device=device))

    @torch.no_grad()
    def set_ratios(self, counted: NgramRatios) -> None:
        """Take n-grams and their ratios, and set w to 0.

        Raises:
            InputError: they are of other sizes.
        """
        if counted.sizes != self.sizes or counted.ratios.shape != self.ratios.shape:
            message = f"n-grams of sizes {counted.sizes} came, expected {self.sizes}, for {self.ratios.size(1)} labels"
            raise InputError(message, where=type(self).__name__)
        self.ratios.copy_(torch.from_numpy(counted.ratios))
        self.keys.copy_(torch.cat([torch.from_numpy(keys) for keys in counted.keys] or [self.keys]))
        nn.init.zeros_(self.weight)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The scores of texts, [B, L].

        Args:
            tokens: [T, B], from 0 to V - 1; what stands beyond a length is never read.
            lengths: [B], 0 allowed.
        """
        rows = self.rows(tokens, lengths).T
        there = (rows >= 0).unsqueeze(-1)
        rows = rows.clamp(min=0)
        weighed = functional.embedding(rows, self.weight) * functional.embedding(rows, self.ratios)
        return torch.where(there, weighed, 0.0).sum(1)

    def rows(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The distinct n-grams of each text as rows of w, [M, B]; -1 where there is none."""
        signed = self._with_signs(tokens, lengths.to(tokens.device))
        found = [signed]
        first = self.vocabulary_size + 1
        for length, keys in enumerate(torch.split(self.keys, list(self.sizes)), start=2):
            found.append(self._longer(found[-1][:-1], signed[length - 1 :], keys, first))
            first += len(keys)
        whole = torch.cat(found).sort(0).values
        again = whole[1:] == whole[:-1]
        whole[1:][again] = -1
        return whole

    def _with_signs(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """The texts between signs, [T + 2, B]; -1 beyond them."""
        steps = torch.arange(len(tokens) + 2, device=tokens.device)[:, None]
        signed = functional.pad(tokens, (0, 0, 1, 1))
        signed = signed.masked_fill((steps == 0) | (steps == lengths + 1), self.vocabulary_size)
        return signed.masked_fill(steps > lengths + 1, -1)

    def _longer(self, rows: Tensor, last: Tensor, keys: Tensor, first: int) -> Tensor:
        """The rows of the n-grams that are a known one and a token behind it."""
        if not len(keys):
            return torch.full_like(last, -1)
        wanted = rows * (self.vocabulary_size + 1) + last
        place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
        return torch.where((keys[place] == wanted) & (rows >= 0) & (last >= 0), first + place, -1)

    def extra_repr(self) -> str:
        """V, how many n-grams of each length, and L."""
        return f"{self.vocabulary_size}, {list(self.sizes)}, {self.weight.size(1)}"
