"""The back-off table: n-grams with their log probabilities and back-off weights, looked up many at a time.

Letters: V vocabulary, N_k n-grams of order k, n the highest order, R rows, T tokens of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.models.ngram.counts import Ids

Logs = NDArray[np.float32]


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
    """log p(w | h) = log_prob(h w) where h w is there, else back_off(h) + log p(w | h'), h' being h without its first word.

    Every word of the vocabulary is an n-gram of order 1. A context that is not there has a back-off weight of 0.

    Args:
        orders: those of order 1 first.
        vocabulary_size: V.
        eos_id: the token that ends a text, and stands before its first word.
        uniform: after a context that is there, a word without n-gram has back_off(h) - log V instead.

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

    def numbers(self, text: Ids) -> list[Ids]:
        """For each order the number of the n-gram that ends at each place, -1 where there is none; [R, T] each.

        Args:
            text: [R, T]; -1 where no token is known.
        """
        found = [text]
        for order in self.orders[1:]:
            before = np.full_like(text, -1)
            before[:, 1:] = found[-1][:, :-1]
            wanted = np.where((before < 0) | (text < 0), -1, before * self.vocabulary_size + text)
            found.append(find(order.keys, wanted))
        return found

    def log_probs(self, text: Ids, context: int) -> Logs:
        """The log probability of each token after those before it in its row.

        Args:
            text: [R, context + T], -1 where no token is known.
            context: how many tokens of each row are context only.

        Returns:
            [R, T], in nats; what stands for an unknown token means nothing.
        """
        numbers = self.numbers(text)
        found = self.orders[0].log_probs[text[:, context:]]
        for order in range(2, self.order + 1):
            here, before = numbers[order - 1][:, context:], numbers[order - 2][:, context - 1 : -1]
            if here.shape[1] != before.shape[1]:  # no context at all before the first token
                continue
            found = self._longer(order, here, before, found)
        return found

    def _longer(self, order: int, here: Ids, before: Ids, lower: Logs) -> Logs:
        """The log probabilities with contexts of one word more than those of ``lower``."""
        weights = self.orders[order - 2].back_offs
        assert weights is not None  # only the highest order has none
        missing = np.where(before < 0, np.float32(0), weights[before])
        if self.uniform:
            lower = np.where(missing < 0, np.float32(-math.log(self.vocabulary_size)), lower)
        return np.where(here < 0, missing + lower, self.orders[order - 1].log_probs[here])

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
        numbers = self.numbers(contexts)
        for order in range(2, self.order + 1):
            self._spread(order, numbers[order - 2][:, -1], found)
        return found

    def _spread(self, order: int, contexts: Ids, found: Logs) -> None:
        """Put the n-grams of one order over what the shorter contexts say, in place."""
        weights, longer = self.orders[order - 2].back_offs, self.orders[order - 1]
        assert weights is not None  # only the highest order has none
        rows = np.flatnonzero(contexts >= 0)
        missing = weights[contexts[rows]]
        if self.uniform:
            decided = missing < 0
            found[rows[decided]] = np.float32(-math.log(self.vocabulary_size))
        found[rows] += missing[:, None]
        first = np.searchsorted(longer.keys, contexts[rows] * self.vocabulary_size)
        last = np.searchsorted(longer.keys, (contexts[rows] + 1) * self.vocabulary_size)
        places = ranges(first, last)
        found[np.repeat(rows, last - first), longer.keys[places] % self.vocabulary_size] = longer.log_probs[places]


def find(keys: Ids, wanted: Ids) -> Ids:
    """The places of ``wanted`` among the rising ``keys``, -1 where there is none; of the shape of ``wanted``.

    Example:
        >>> find(np.array([2, 5, 9]), np.array([[9, 3], [2, -1]])).tolist()
        [[2, -1], [0, -1]]
    """
    if not len(keys):
        return np.full_like(wanted, -1)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, places, -1)


def ranges(first: Ids, last: Ids) -> Ids:
    """first[0], first[0] + 1, ..., last[0] - 1, first[1], ...

    Example:
        >>> ranges(np.array([3, 7, 9]), np.array([5, 7, 10])).tolist()
        [3, 4, 9]
    """
    lengths = last - first
    return np.repeat(last - np.cumsum(lengths), lengths) + np.arange(lengths.sum())
