"""A language model that can be computed by hand: p(next | last), read from a table, one token at a time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class LastToken:
    ids: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, index: Tensor) -> LastToken:
        return LastToken(self.ids[index])


class TableLM:
    """``table[i, j]`` is the probability of j after i; rows sum to one."""

    def __init__(self, table: Tensor, unit: Literal["running", "sentences"] = "sentences", eos_id: int = 0) -> None:
        self.table, self.unit, self.eos_id = table.double().log(), unit, eos_id
        self.vocabulary_size = len(table)
        self.calls: list[tuple[int, int]] = []  # the shape of every batch that was advanced

    @classmethod
    def random(cls, vocabulary: int, seed: int, unit: Literal["running", "sentences"] = "sentences") -> TableLM:
        generator = torch.Generator().manual_seed(seed)
        return cls(torch.randn(vocabulary, vocabulary, generator=generator).mul(2).softmax(1), unit)

    def start(self, n: int) -> LastToken:
        return LastToken(torch.full((n,), self.eos_id))

    def next(self, state: LastToken) -> Tensor:
        return self.table[state.ids]

    def advance(self, state: LastToken, ids: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, LastToken]:
        self.calls.append(tuple(ids.shape))
        found, last = torch.zeros(ids.shape, dtype=torch.float64), state.ids.clone()
        for row in range(len(ids)):
            for step in range(ids.size(1) if lengths is None else int(lengths[row])):
                found[row, step] = self.table[last[row], ids[row, step]]
                last[row] = ids[row, step]
        return found, LastToken(last)

    def log_prob(self, ids: tuple[int, ...]) -> float:
        """By the chain rule, from the definition."""
        return sum(self.table[before, token].item() for before, token in zip((self.eos_id, *ids), ids, strict=False))

    def all_texts(self, length: int) -> list[tuple[int, ...]]:
        """Every text of at most ``length`` tokens that ends with eos, and every one of ``length`` without it."""
        texts = []
        for size in range(1, length + 1):
            for ids in product(range(self.vocabulary_size), repeat=size):
                inner = self.unit == "running" or self.eos_id not in ids[:-1]
                ended = self.unit == "sentences" and ids[-1] == self.eos_id
                if inner and (ended or size == length):
                    texts.append(ids)
        return texts
