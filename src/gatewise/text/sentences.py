"""Independent sentences in batches of nearly equal length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np

from gatewise.errors import DataError
from gatewise.text.batch import Batch, gather, same_stream
from gatewise.text.encoders import Ids
from gatewise.text.store import TokenStore

_POOL = 64
"""Batches whose sentences are sorted by length together."""


class Sentences:
    """Batches of whole sentences, each from the initial state, in an order drawn for each epoch from seed and epoch.

    The sentences are shuffled, sorted by length within pools of 64 batches, cut into batches, and the batches
    shuffled: little padding, and still another mixture each epoch. The last batch of an epoch may be smaller.

    Args:
        store: the text, with division "sentence".
        batch_size: sentences in a batch, B.
        seed: of the orders.
        longest: tokens of the longest sentence that training takes.

    Raises:
        DataError: the store is divided otherwise; or, when the first batch is asked for, there are fewer sentences
            than one batch, or one is longer than ``longest``.

    Example:
        >>> from gatewise.text.settings import TextSettings
        >>> from gatewise.text.tokenizer import Tokenizer
        >>> tokenizer = Tokenizer.train(["any"], TextSettings(level="byte"))
        >>> store = TokenStore.build(["ab\\nc\\n"], tokenizer, division="sentence")
        >>> batch = next(Sentences(store, batch_size=2))
        >>> batch.targets.T.tolist(), batch.lengths.tolist()
        ([[100, 0, 0], [98, 99, 0]], [2, 3])
    """

    def __init__(self, store: TokenStore, batch_size: int, seed: int = 0, longest: int = 1000) -> None:
        if store.division != "sentence":
            raise DataError(
                f"the token ids must be divided into sentences, but they are divided at every {store.division}",
                fix='build the store with division="sentence"',
            )
        self.store, self.batch_size, self.seed, self.longest = store, batch_size, seed, longest
        self.done = 0
        self._drawn: tuple[int, Ids, Ids] | None = None

    @cached_property
    def _lengths(self) -> Ids:
        return np.diff(self.store.boundaries)

    @cached_property
    def _checked(self) -> int:
        """The number of sentences, where training can use them."""
        number, longest = len(self._lengths), int(self._lengths.max())
        if number < self.batch_size:
            raise DataError(
                f"one batch needs {self.batch_size} sentences, but the training text has {number}",
                fix=f"give more text, or lower --batch-size (to {number})",
            )
        if longest > self.longest:
            count = int(np.count_nonzero(self._lengths > self.longest))
            raise DataError(
                f"sentences may have {self.longest} tokens, but {count} of {number} have more, the longest {longest}",
                fix="shorten them, raise --longest-sentence, or train on running text",
            )
        return number

    @property
    def epoch(self) -> float:
        """Epochs given out so far, with the fraction of the one that goes on."""
        return self.done / self.batches_per_epoch

    @property
    def batches_per_epoch(self) -> int:
        """Batches in which every sentence is given out once."""
        return -(-self._checked // self.batch_size)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        """The next batch."""
        epoch, index = divmod(self.done, self.batches_per_epoch)
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = (epoch, *self._draw(epoch))
        _, order, batches = self._drawn
        self.done += 1
        first = batches[index] * self.batch_size
        return self._batch(order[first : first + self.batch_size])

    def _draw(self, epoch: int) -> tuple[Ids, Ids]:
        """The order of the sentences of an epoch, and of its batches."""
        generator = np.random.default_rng([self.seed, epoch])
        shuffled = generator.permutation(self._checked)
        pool = np.arange(self._checked) // (self.batch_size * _POOL)
        order = shuffled[np.lexsort((self._lengths[shuffled], pool))]
        return order, generator.permutation(self.batches_per_epoch)

    def _batch(self, chosen: Ids) -> Batch:
        fresh = np.ones(len(chosen), dtype=np.bool_)
        return gather(self.store, self.store.boundaries[chosen], self._lengths[chosen], fresh)

    def state(self) -> dict[str, Any]:
        """Where the stream stands, in a form that JSON can hold."""
        return self._identity() | {"place": {"done": self.done}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go to where a stream over the same text and with the same settings stood.

        Raises:
            DataError: the state belongs to another text or to other settings.
        """
        same_stream(state, self._identity())
        self.done = int(state["place"]["done"])

    def _identity(self) -> dict[str, Any]:
        return {
            "stream": "sentences",
            "tokens": len(self.store),
            "sentences": len(self._lengths),
            "tokenizer": self.store.fingerprint,
            "batch_size": self.batch_size,
            "seed": self.seed,
        }

    def one_pass(self) -> Iterator[Batch]:
        """Every sentence once, for evaluation, from the shortest to the longest; a text of any length.

        A batch has at most B sentences and at most B x longest tokens with its padding (or one sentence).
        """
        order = np.argsort(self._lengths, kind="stable")
        first = 0
        while first < len(order):
            rows = order[first : first + self.batch_size]
            padded = self._lengths[rows] * np.arange(1, len(rows) + 1)
            rows = rows[: max(1, int(np.count_nonzero(padded <= self.batch_size * self.longest)))]
            yield self._batch(rows)
            first += len(rows)
