"""Every n-gram of a text with how often it occurs, as sorted arrays; no Python for each token.

An n-gram is known by its prefix, an n-gram of the order before, and its last word: the key ``prefix * V + word``. The
n-grams of an order are numbered by their sorted keys, so all that follow one prefix stand together.

Letters: V vocabulary, M places of a text, N_k n-grams of order k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import DataError, SettingError
from gatewise.models.ngram.room import Room

Ids = NDArray[np.int64]
LARGEST_ORDER = 7


@dataclass(frozen=True)
class OrderCounts:
    """The n-grams of one order.

    Attributes:
        keys: [N_k], rising: number of the prefix among the n-grams of order k - 1, times V, plus the last word.
        counts: [N_k], how often each occurs.
        begins: [N_k], how many of these occurrences begin a sequence: no word stands before them.
        suffixes: [N_k], the number, among the n-grams of order k - 1, of what is left without the first word.
    """

    keys: Ids
    counts: Ids
    begins: Ids
    suffixes: Ids


@dataclass(frozen=True)
class Counts:
    """The n-grams of order 1 to n. Of order 1 there is every word of the vocabulary, also one that never occurs.

    Attributes:
        orders: those of order 1 first.
        vocabulary_size: V.
        eos_id: the token that ends a sequence, and that stands before its first word.
        tokens: how many tokens were counted.
    """

    orders: tuple[OrderCounts, ...]
    vocabulary_size: int
    eos_id: int
    tokens: int

    def prefixes(self, order: int) -> Ids:
        """For each n-gram of ``order`` the number of its prefix; 0, the empty one, for order 1."""
        return self.orders[order - 1].keys // self.vocabulary_size

    def words(self, order: int) -> Ids:
        """For each n-gram of ``order`` its last word."""
        return self.orders[order - 1].keys % self.vocabulary_size

    def contexts(self, order: int) -> int:
        """How many contexts n-grams of ``order`` may stand after: 1 for order 1, else the n-grams of order - 1."""
        return len(self.orders[order - 2].keys) if order > 1 else 1

    def adjusted(self, order: int, room: Room) -> Ids:
        """Kneser and Ney's counts: for the highest order how often, below it after how many different words.

        a(g) = |{v : c(v g) > 0}| + how often g begins a sequence, where no word stands before it.
        """
        own = self.orders[order - 1]
        if order == len(self.orders):
            return own.counts
        longer = self.orders[order].suffixes
        found: Ids = room.empty(len(own.keys), np.int64)
        for start, stop in room.steps(len(found)):
            found[start:stop] = own.begins[start:stop]
        for start, stop in room.steps(len(longer)):
            np.add.at(found, longer[start:stop], 1)
        return found


def count(ids: Ids, boundaries: Ids | None, order: int, vocabulary_size: int, eos_id: int) -> Counts:
    """Count the n-grams of order 1 to ``order``.

    Before each sequence stands ``eos_id``, as it does when a model scores: it is part of contexts, and is not counted
    as a word there. N-grams do not reach from one sequence into another.

    Args:
        ids: [tokens], each from 0 to V - 1.
        boundaries: [sequences + 1], where each sequence begins, and the end; None: one sequence.
        order: n, 1 to 7.
        vocabulary_size: V.
        eos_id: the token that ends a sequence.

    Raises:
        SettingError: an order that is not from 1 to 7, or keys that no 64-bit number holds.
        DataError: no tokens, or one outside the vocabulary.

    Example:
        >>> counts = count(np.array([1, 2, 1, 2, 0]), None, 2, vocabulary_size=3, eos_id=0)
        >>> counts.orders[0].counts.tolist()
        [1, 2, 2]
        >>> bigrams = counts.orders[1]                                       # 0 1, 1 2 (twice), 2 0, 2 1
        >>> list(zip(counts.prefixes(2).tolist(), counts.words(2).tolist(), bigrams.counts.tolist()))
        [(0, 1, 1), (1, 2, 2), (2, 0, 1), (2, 1, 1)]
    """
    check_text(ids, order, vocabulary_size)
    text, age = places_of(ids, boundaries, eos_id)
    unigrams = np.bincount(ids, minlength=vocabulary_size)
    nothing = np.zeros(vocabulary_size, np.int64)
    orders = [OrderCounts(np.arange(vocabulary_size), unigrams, nothing, nothing)]
    numbers = text  # of the n-gram of the order before that ends at each place
    for length in range(2, order + 1):
        places = np.flatnonzero(age >= length - 1)
        found, numbers = _count_order(text, age, numbers, places, length, vocabulary_size)
        orders.append(found)
    return Counts(tuple(orders), vocabulary_size, eos_id, len(ids))


def check_text(ids: NDArray[Any], order: int, vocabulary_size: int) -> None:
    """Refuse what cannot be counted.

    Raises:
        SettingError: an order that is not from 1 to 7, or keys that no 64-bit number holds.
        DataError: no tokens, or one outside the vocabulary.
    """
    if not 1 <= order <= LARGEST_ORDER:
        raise SettingError(f"the order of an n-gram model is from 1 to {LARGEST_ORDER}, but {order} was given")
    if not len(ids):
        raise DataError("there is no token to count", fix="give a text that is not empty")
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= vocabulary_size:
        wrong = low if low < 0 else high
        raise DataError(f"the token {wrong} is not one of the vocabulary, 0 to {vocabulary_size - 1}")
    if len(ids) * vocabulary_size >= 2**63:
        raise SettingError(f"{len(ids)} tokens of a vocabulary of {vocabulary_size} are more than keys can tell apart")


def places_of(ids: Ids, boundaries: Ids | None, eos_id: int) -> tuple[Ids, Ids]:
    """The text with ``eos_id`` before each sequence, and for each place how far it is from there; both [M].

    Example:
        >>> [array.tolist() for array in places_of(np.array([5, 6, 7]), np.array([0, 2, 3]), eos_id=0)]
        [[0, 5, 6, 0, 7], [0, 1, 2, 0, 1]]
    """
    starts = np.zeros(1, np.int64) if boundaries is None else boundaries[:-1]
    places = starts + np.arange(len(starts))
    text = np.empty(len(ids) + len(starts), np.int64)
    given = np.ones(len(text), np.bool_)
    given[places] = False
    text[given], text[places] = ids, eos_id
    lengths = np.diff(np.append(places, len(text)))
    return text, np.arange(len(text)) - np.repeat(places, lengths)


def _count_order(
    text: Ids, age: Ids, numbers: Ids, places: Ids, length: int, vocabulary_size: int
) -> tuple[OrderCounts, Ids]:
    """The n-grams of one order, and the number of the one that ends at each place (what stands elsewhere is not read).

    Args:
        text: [M].
        age: [M], distance from the start of the sequence.
        numbers: [M], of the n-gram of the order before that ends at each place.
        places: where n-grams of this order end.
        length: the order.
        vocabulary_size: V.
    """
    found = numbers[places - 1] * vocabulary_size + text[places]
    order = sorting(found)
    found = found[order]
    first = np.empty(len(found), np.bool_)
    first[:1] = True
    np.not_equal(found[1:], found[:-1], out=first[1:])
    heads = np.flatnonzero(first)
    sorted_places = places[order]
    here = np.empty(len(text), np.int64)
    here[sorted_places] = np.cumsum(first) - 1
    counts = np.diff(np.append(heads, len(found)))
    begins = np.bincount(here[places[age[places] == length - 1]], minlength=len(heads))
    return OrderCounts(found[heads], counts, begins, numbers[sorted_places[heads]]), here


def sorting(keys: Ids) -> Ids:
    """The places of ``keys`` in rising order; numbers that leave room for their place are sorted with it, 4 x faster.

    Example:
        >>> sorting(np.array([30, 10, 20])).tolist()
        [1, 2, 0]
    """
    bits = max(1, len(keys) - 1).bit_length()
    if not len(keys) or int(keys.max()).bit_length() + bits > 63:
        return np.argsort(keys)
    return np.sort((keys << bits) | np.arange(len(keys))) & ((1 << bits) - 1)
