"""The back-off table: n-grams with their log probabilities and back-off weights, looked up many at a time.

Letters: V vocabulary, N_k n-grams of order k, n the highest order, R rows, T tokens of each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gatewise.models.ngram.counts import Ids, sorting

Logs = NDArray[np.float32]
SEEN = np.float32(-np.finfo(np.float32).tiny)
"""The largest logarithm of a weight that says of a context, in a uniform table, that it was seen: of a weight of 1."""
_AT_ONCE = 1 << 16  # tokens


@dataclass(frozen=True, eq=False)
class Order:
    """The n-grams of one order.

    Attributes:
        keys: [N_k], rising: number of the prefix among the n-grams of order k - 1, times V, plus the last word.
        log_probs: [N_k], of the last word after the others, in nats.
        back_offs: [N_k], the log of what the shorter context's probability is multiplied by where this n-gram is the
            context and the word after it has no n-gram; None for the highest order.
    """

    keys: Ids
    log_probs: Logs
    back_offs: Logs | None


@dataclass(frozen=True, eq=False)
class BackoffTable:
    """log p(w | h) = log_prob(h w) where h w is there, else back_off(h) + log p(w | h'), h' = h less a word.

    Every word of the vocabulary is an n-gram of order 1. A context that is not there has a back-off weight of 1.
    With an n-gram its prefix is there, and what is left without its first word (`gatewise.models.ngram.closure`).

    Args:
        orders: those of order 1 first.
        vocabulary_size: V.
        eos_id: the token that ends a text, and stands before its first word.
        uniform: after a context that was seen, one whose back_off(h) is not 0, a word without n-gram has
            back_off(h) - log V instead.

    Example:
        >>> words = Order(np.arange(2), np.log([0.5, 0.5]).astype("f4"), np.log([1.0, 0.5]).astype("f4"))
        >>> pairs = Order(np.array([3]), np.log([0.75]).astype("f4"), None)          # 1 1
        >>> table = BackoffTable((words, pairs), vocabulary_size=2, eos_id=0)
        >>> np.exp(table.log_probs(np.array([[1, 1, 0]]), context=1)).round(4).tolist()
        [[0.75, 0.25]]
    """

    orders: tuple[Order, ...]
    vocabulary_size: int
    eos_id: int
    uniform: bool = False

    @property
    def order(self) -> int:
        """n."""
        return len(self.orders)

    def log_probs(self, text: Ids, context: int) -> Logs:
        """The log probability of each token after those before it in its row.

        Args:
            text: [R, context + T], -1 where no token is known.
            context: how many tokens of each row are context only; at least 1 where n is above 1.

        Returns:
            [R, T], in nats; 0 where no token is known.
        """
        inside = np.ones(text.shape, np.bool_)
        inside[:, :1] = False
        return self.text_log_probs(text.reshape(-1), inside.reshape(-1)).reshape(text.shape)[:, context:]

    def text_log_probs(self, words: Ids, inside: NDArray[np.bool_]) -> Logs:
        """The log probability of each token of a text after those before it.

        Args:
            words: [M], -1 where no token is known.
            inside: [M], whether the token before belongs to the same sequence.

        Returns:
            [M], in nats; 0 where no token is known.
        """
        starts = range(0, len(words), _AT_ONCE)
        workers = min(torch.get_num_threads(), len(starts))
        if workers < 2:
            return np.concatenate([np.empty(0, np.float32), *(self._piece(words, inside, start) for start in starts)])
        with ThreadPoolExecutor(workers) as pool:  # sorting and searching release the interpreter
            return np.concatenate(list(pool.map(lambda start: self._piece(words, inside, start), starts)))

    def _piece(self, words: Ids, inside: NDArray[np.bool_], start: int) -> Logs:
        """The log probabilities of some neighbouring tokens."""
        first = max(0, start - self.order + 1)
        words, inside = words[first : start + _AT_ONCE], inside[first : start + _AT_ONCE].copy()
        inside[0] = False  # what stands before decides nothing that is asked for
        found = np.where(words < 0, np.float32(0), self.orders[0].log_probs[words])
        keys = [order.keys for order in self.orders]
        for order, places, before, here in walk(keys, self.vocabulary_size, words, inside):
            found[places] = self._longer(order, before, here, found[places])
        return found[start - first :]

    def _longer(self, order: int, before: Ids, here: Ids, lower: Logs) -> Logs:
        """The log probabilities after contexts that are there, from those after contexts of one word less."""
        weights = self.orders[order - 2].back_offs
        assert weights is not None  # only the highest order has none
        missing = weights[before]
        if self.uniform:
            lower = np.where(missing != 0, np.float32(-math.log(self.vocabulary_size)), lower)
        missing += lower
        seen = here >= 0
        missing[seen] = self.orders[order - 1].log_probs[here[seen]]
        return missing

    def distribution(self, contexts: Ids) -> Logs:
        """The log probability of every word after each context.

        Args:
            contexts: [R, n - 1], the last tokens, -1 where there are fewer.

        Returns:
            [R, V], in nats.
        """
        found = np.repeat(self.orders[0].log_probs[None], len(contexts), axis=0)
        if self.order == 1:
            return found
        rows = np.arange(len(contexts))
        for order in range(2, self.order + 1):
            numbers = self._numbers(contexts[rows], order - 1)
            # Without the last words of a context it is not there either: the others are done.
            rows, numbers = rows[numbers >= 0], numbers[numbers >= 0]
            self._spread(order, rows, numbers, found)
        return found

    def _numbers(self, contexts: Ids, length: int) -> Ids:
        """The number of the n-gram that the last ``length`` tokens of each context are, -1 where there is none."""
        numbers = contexts[:, -length]
        for order in range(2, length + 1):
            there = np.flatnonzero((numbers >= 0) & (contexts[:, order - length - 1] >= 0))
            wanted = numbers[there] * self.vocabulary_size + contexts[there, order - length - 1]
            numbers = np.full(len(contexts), -1)
            numbers[there] = find(self.orders[order - 1].keys, wanted)
        return numbers

    def _spread(self, order: int, rows: Ids, contexts: Ids, found: Logs) -> None:
        """Put the n-grams of one order over what the shorter contexts say, in place."""
        weights, longer = self.orders[order - 2].back_offs, self.orders[order - 1]
        assert weights is not None  # only the highest order has none
        missing = weights[contexts]
        if self.uniform:
            decided = missing != 0
            found[rows[decided]] = np.float32(-math.log(self.vocabulary_size))
        found[rows] += missing[:, None]
        first = np.searchsorted(longer.keys, contexts * self.vocabulary_size)
        last = np.searchsorted(longer.keys, (contexts + 1) * self.vocabulary_size)
        places = ranges(first, last)
        found[np.repeat(rows, last - first), longer.keys[places] % self.vocabulary_size] = longer.log_probs[places]


def walk(
    keys: Sequence[Ids], vocabulary_size: int, words: Ids, inside: NDArray[np.bool_]
) -> Iterator[tuple[int, Ids, Ids, Ids]]:
    """For each order from 2: places whose context is there, the number of the context, that of the n-gram or -1.

    Args:
        keys: of each order, those of order 1 first.
        vocabulary_size: V.
        words: [M], a text, -1 where no token is known.
        inside: [M], whether the token before belongs to the same text.

    Example:
        >>> words, inside = np.array([1, 1, 0]), np.array([False, True, True])
        >>> [(order, places.tolist(), here.tolist()) for order, places, _, here in walk(
        ...     [np.arange(2), np.array([3])], 2, words, inside)]                            # 1 1 is there, 1 0 is not
        [(2, [1, 2], [0, -1])]
    """
    numbers = words  # of the n-gram of the order before that ends at each place
    places = np.flatnonzero((words >= 0) & inside)
    for order, known in enumerate(keys[1:], start=2):
        before = numbers[places - 1]
        places, before = places[before >= 0], before[before >= 0]  # ever fewer, as the table is closed
        here = find(known, before * vocabulary_size + words[places])
        yield order, places, before, here
        numbers = np.full(len(words), -1)
        numbers[places] = here


def find(keys: Ids, wanted: Ids) -> Ids:
    """The places of ``wanted``, none below 0, among the rising ``keys``; -1 where there is none.

    Example:
        >>> find(np.array([2, 5, 9]), np.array([9, 3, 2])).tolist()
        [2, -1, 0]
    """
    if not len(keys):
        return np.full_like(wanted, -1)
    order = sorting(wanted)  # neighbours in turn: each search finds what the one before it brought near
    there = wanted[order]
    places = np.minimum(np.searchsorted(keys, there), len(keys) - 1)
    found = np.empty_like(wanted)
    found[order] = np.where(keys[places] == there, places, -1)
    return found


def ranges(first: Ids, last: Ids) -> Ids:
    """first[0], first[0] + 1, ..., last[0] - 1, first[1], ...

    Example:
        >>> ranges(np.array([3, 7, 9]), np.array([5, 7, 10])).tolist()
        [3, 4, 9]
    """
    lengths = last - first
    return np.repeat(last - np.cumsum(lengths), lengths) + np.arange(lengths.sum())
