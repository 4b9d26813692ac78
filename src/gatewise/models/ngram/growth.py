"""How an n-gram model grows with its text, and how much of another text it has never seen.

Letters: M places of a text, N_k n-grams of order k, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gatewise.models.ngram.counts import Counts, count, places_of
from gatewise.models.ngram.places import Text
from gatewise.models.ngram.table import walk

KEY, LOG = 8, 4
"""Bytes of a key, and of a log probability or back-off weight, as a model folder holds them."""


@dataclass(frozen=True)
class Growth:
    """What the beginning of a text gives.

    Attributes:
        tokens: how many tokens were counted.
        ngrams: N_k for k = 1, 2, ...; of order 1 the words that occur.
        bytes: of the n-grams of each order as a model holds them: a key, a log probability and, below the highest
            order, a back-off weight for each.
        unseen: for k = 1, 2, ...: the share, 0 to 1, of the other text's n-grams of order k that do not occur in it;
            None where it has none so long.
    """

    tokens: int
    ngrams: tuple[int, ...]
    bytes: tuple[int, ...]
    unseen: tuple[float | None, ...]


def growths(text: Text, other: Text, sizes: Sequence[int], order: int) -> Iterator[Growth]:
    """What each of the beginnings of a text gives.

    Args:
        text: what is counted.
        other: another text, of which the share of unseen n-grams is taken.
        sizes: tokens of each beginning.
        order: the longest n-grams, 1 to 7.

    Raises:
        DataError, SettingError: as :func:`gatewise.models.ngram.counts.count`.

    Example:
        >>> text, other = (Text(np.array(ids), None, 3, 0) for ids in ([1, 2, 1, 2, 0], [2, 1, 0]))
        >>> found = list(growths(text, other, [2, 5], 2))
        >>> [(growth.tokens, growth.ngrams) for growth in found]
        [(2, (2, 2)), (5, (3, 4))]
        >>> [[round(share, 3) for share in growth.unseen] for growth in found]       # 1 0 was not seen in 1 2 1 2 0
        [[0.333, 1.0], [0.0, 0.667]]
    """
    for size in sizes:
        beginning = text.first(size)
        ids = beginning.ids.astype(np.int64)
        counts = count(ids, beginning.boundaries, order, text.vocabulary_size, text.eos_id)
        ngrams = [int(np.count_nonzero(counts.orders[0].counts)), *(len(found.keys) for found in counts.orders[1:])]
        room = [ngrams[k] * (KEY + LOG * (2 if k + 1 < order else 1)) for k in range(order)]
        yield Growth(counts.tokens, tuple(ngrams), tuple(room), unseen(counts, other))


def unseen(counts: Counts, other: Text) -> tuple[float | None, ...]:
    """For each order the share of another text's n-grams that were never counted; None where it has none so long."""
    words, age = places_of(other.ids.astype(np.int64), other.boundaries, counts.eos_id)
    known = counts.orders[0].counts[words] > 0
    known[age == 0] = True  # stands before a sequence, and is no word of it
    found = [_share(int(np.count_nonzero(known & (age > 0))), len(other.ids))]
    keys = [order.keys for order in counts.orders]
    for order, _, _, here in walk(keys, counts.vocabulary_size, words, age > 0):
        found.append(_share(int(np.count_nonzero(here >= 0)), int(np.count_nonzero(age >= order - 1))))
    return tuple(found)


def _share(seen: int, all_of_them: int) -> float | None:
    return 1 - seen / all_of_them if all_of_them else None
