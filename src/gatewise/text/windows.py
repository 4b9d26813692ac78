"""Which part of running text each row of a batch reads next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewise.text.encoders import Ids


class Window(NamedTuple):
    """What the rows of one batch read.

    Attributes:
        starts: [B], the place of each row's first target.
        lengths: [B], how many targets.
        fresh: [B], rows that start from the initial state.
    """

    starts: Ids
    lengths: Ids
    fresh: NDArray[np.bool_]


class Walk(Protocol):
    """An endless series of windows, ``per_epoch`` of which are called an epoch."""

    per_epoch: int
    done: int

    def next(self) -> Window:
        """The next window."""

    def place(self) -> dict[str, Any]:
        """Where the walk stands."""

    def go_to(self, place: Mapping[str, Any]) -> None:
        """Stand where :meth:`place` said."""


class Ring:
    """B rows that start at equal distances and go round the text, so that every window of every epoch is full.

    At the beginning of an epoch each row starts from the initial state. Row b of the next epoch goes on where row b
    stood, so the windows of one epoch end elsewhere than those of the one before.

    Args:
        tokens: length of the text.
        rows: B.
        steps: length of a window.
    """

    def __init__(self, tokens: int, rows: int, steps: int) -> None:
        self.tokens, self.steps = tokens, steps
        self.first = np.arange(rows) * tokens // rows
        self.per_epoch = -(-tokens // (rows * steps))
        self.done = 0

    def next(self) -> Window:
        """The next window."""
        rows = len(self.first)
        starts = (self.first + self.done * self.steps) % self.tokens
        fresh = np.full(rows, self.done % self.per_epoch == 0)
        self.done += 1
        return Window(starts, np.full(rows, self.steps), fresh)

    def place(self) -> dict[str, Any]:
        """Where the walk stands."""
        return {"done": self.done}

    def go_to(self, place: Mapping[str, Any]) -> None:
        """Stand where :meth:`place` said."""
        self.done = int(place["done"])


class Queue:
    """B rows, each of which reads one sequence to its end and then takes the next, in an order drawn for each epoch.

    Every sequence is taken once before any is taken again, but rows do not wait for each other: one that is done takes
    from the next order while others still read from this one. So ``per_epoch`` windows, as many as hold all sequences,
    are not every token exactly once, as they are in a :class:`Ring`: after them every sequence is begun, fewer than B
    are still being read, and of the next order about as much is read already as is missing of them.

    Args:
        starts: [S], where the sequences begin.
        ends: [S], where they end.
        rows: B.
        steps: the longest window.
        seed: of the orders.
    """

    def __init__(self, starts: Ids, ends: Ids, rows: int, steps: int, seed: int) -> None:
        self.starts, self.ends, self.steps, self.seed = starts, ends, steps, seed
        self.at, self.until = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
        self.taken = self.done = 0
        windows = int((-(-(ends - starts) // steps)).sum())
        self.per_epoch = -(-windows // rows)
        self._orders: dict[int, Ids] = {}

    def next(self) -> Window:
        """The next window."""
        fresh = self.at >= self.until
        chosen = self._take(int(np.count_nonzero(fresh)))
        self.at[fresh], self.until[fresh] = self.starts[chosen], self.ends[chosen]
        starts = self.at.copy()
        lengths = np.minimum(self.until - starts, self.steps)
        self.at += lengths
        self.done += 1
        return Window(starts, lengths, fresh)

    def _take(self, number: int) -> Ids:
        numbers = np.arange(self.taken, self.taken + number)
        self.taken += number
        epochs, indices = np.divmod(numbers, len(self.starts))
        chosen = np.empty(number, dtype=np.int64)
        for epoch in np.unique(epochs).tolist():
            here = epochs == epoch
            chosen[here] = self._order(epoch)[indices[here]]
        return chosen

    def _order(self, epoch: int) -> Ids:
        if epoch not in self._orders:
            self._orders = {epoch: np.random.default_rng([self.seed, epoch]).permutation(len(self.starts))}
        return self._orders[epoch]

    def place(self) -> dict[str, Any]:
        """Where the walk stands."""
        return {"done": self.done, "taken": self.taken, "at": self.at.tolist(), "until": self.until.tolist()}

    def go_to(self, place: Mapping[str, Any]) -> None:
        """Stand where :meth:`place` said."""
        self.done, self.taken = int(place["done"]), int(place["taken"])
        self.at, self.until = np.array(place["at"], dtype=np.int64), np.array(place["until"], dtype=np.int64)


def once(starts: Ids, ends: Ids, rows: int, steps: int) -> Iterator[Window]:
    """Every sequence once and in order: a row that is done takes the next one, or has length 0 when there is none.

    Args:
        starts: [S], where the sequences begin.
        ends: [S], where they end.
        rows: B.
        steps: the longest window.

    Example:
        >>> [window.lengths.tolist() for window in once(np.array([0, 5, 6]), np.array([5, 6, 7]), rows=2, steps=3)]
        [[3, 1], [2, 1]]
    """
    at = until = np.zeros(min(rows, len(starts)), dtype=np.int64)
    taken = 0
    while True:
        free = np.flatnonzero(at >= until)[: len(starts) - taken]
        chosen = slice(taken, taken + len(free))
        at, until, taken = at.copy(), until.copy(), chosen.stop
        at[free], until[free] = starts[chosen], ends[chosen]
        lengths = np.minimum(until - at, steps)
        if not lengths.any():
            return
        fresh = np.zeros(len(at), dtype=np.bool_)
        fresh[free] = True
        yield Window(at, lengths, fresh)
        at = at + lengths


def stretches(boundaries: Ids, longest: int) -> tuple[Ids, Ids]:
    """Where sequences begin and end when those longer than ``longest`` are divided into equal parts.

    Args:
        boundaries: [S + 1], where the sequences begin, and the end of the last.
        longest: tokens.

    Example:
        >>> [array.tolist() for array in stretches(np.array([0, 3, 10]), longest=4)]
        [[0, 3, 7], [3, 7, 10]]
    """
    starts, ends = boundaries[:-1], boundaries[1:]
    if not len(starts) or int((ends - starts).max()) <= longest:
        return starts, ends
    parts = -(-(ends - starts) // longest)
    sizes = np.repeat(-(-(ends - starts) // parts), parts)
    number = np.arange(len(sizes)) - np.repeat(np.cumsum(parts) - parts, parts)
    begins = np.repeat(starts, parts) + number * sizes
    return begins, np.minimum(begins + sizes, np.repeat(ends, parts))
