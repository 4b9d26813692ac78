"""Back-off tables closed under suffixes: with an n-gram there is what is left of it without its first word.

Tables are looked up so (:mod:`gatewise.models.ngram.table`). Counted text is always closed, and stays so where it is
pruned by counts. ARPA files need not be: pruning by entropy leaves a b c and takes b c away.

Letters: V vocabulary, N_k n-grams of order k.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gatewise.models.ngram.counts import Ids
from gatewise.models.ngram.table import Order, find


def closed(orders: Sequence[Order], vocabulary_size: int) -> tuple[Order, ...]:
    """The same probabilities with every suffix in the table; the orders themselves where nothing is missing.

    A suffix that is added has the probability that backing off gives it, and the back-off weight 1.

    Args:
        orders: those of order 1 first; every word is there, and every prefix.
        vocabulary_size: V.

    Example:
        >>> words = Order(np.arange(2), np.log([0.5, 0.5]).astype("f4"), np.log([1.0, 0.5]).astype("f4"))
        >>> pairs = Order(np.array([1]), np.log([0.75]).astype("f4"), np.log([0.8]).astype("f4"))    # 0 1
        >>> triples = Order(np.array([1]), np.log([0.9]).astype("f4"), None)                       # 0 1 1, without 1 1
        >>> words, pairs, triples = closed([words, pairs, triples], 2)
        >>> pairs.keys.tolist(), np.exp(pairs.log_probs).round(4).tolist()
        ([1, 3], [0.75, 0.25])
        >>> triples.keys.tolist()
        [1]
    """
    if _is_closed(orders, vocabulary_size):
        return tuple(orders)
    tails = [order.keys % vocabulary_size for order in orders]
    found = [orders[0]]
    for length in range(2, len(orders) + 1):
        grams = [order.keys for order in orders[length - 1 :]]
        made, tails = _with_tails(found[-1], orders[length - 1], grams, tails, vocabulary_size)
        found.append(made)
    return tuple(found)


def _is_closed(orders: Sequence[Order], vocabulary_size: int) -> bool:
    """Whether nothing is missing; quicker than to add nothing."""
    suffixes = orders[1].keys % vocabulary_size if len(orders) > 1 else np.zeros(0, np.int64)
    for below, own in pairwise(orders[1:]):
        suffixes = find(below.keys, _keys(own.keys, suffixes, vocabulary_size))
        if (suffixes < 0).any():
            return False
    return True


def _with_tails(
    below: Order, own: Order, grams: list[Ids], tails: list[Ids], vocabulary_size: int
) -> tuple[Order, list[Ids]]:
    """An order with the last words of all longer n-grams.

    Args:
        below: the order below, with them.
        own: the order as it was.
        grams: the keys of this order and of each longer one, as they were.
        tails: for the order below and each longer one the number in ``below`` of the last words of each n-gram.
        vocabulary_size: V.

    Returns:
        the order; and for it and each longer one the number in it of the last words of each n-gram.
    """
    wanted = [_keys(keys, before, vocabulary_size) for keys, before in zip(grams, tails, strict=False)]
    keys = np.unique(np.concatenate(wanted))
    places = [np.searchsorted(keys, some) for some in wanted]
    suffixes = np.empty(len(keys), np.int64)
    for place, tail in zip(places, tails[1:], strict=True):
        suffixes[place] = tail
    assert below.back_offs is not None  # only the highest order has none
    log_probs = np.minimum(below.back_offs[keys // vocabulary_size] + below.log_probs[suffixes], np.float32(0))
    log_probs[places[0]] = own.log_probs
    if own.back_offs is None:
        return Order(keys, log_probs, None), places
    back_offs = np.zeros(len(keys), np.float32)
    back_offs[places[0]] = own.back_offs
    return Order(keys, log_probs, back_offs), places


def _keys(keys: Ids, before: Ids, vocabulary_size: int) -> Ids:
    """The keys of n-grams with what ``before`` has for each prefix in its place."""
    prefixes, words = np.divmod(keys, vocabulary_size)
    found: Ids = before[prefixes] * vocabulary_size + words
    return found
