"""The weights of Jelinek and Mercer's method, found by expectation maximisation on held-out text.

Letters: n the highest order, T held-out tokens.
"""

from __future__ import annotations

import numpy as np

from gatewise.errors import DataError
from gatewise.models.ngram.counts import Counts, Ids, places_of
from gatewise.models.ngram.smoothing import Floats, size_of
from gatewise.models.ngram.table import find

SIZES = 16
_MOST_ROUNDS, _ENOUGH = 200, 1e-7


def interpolation_weights(counts: Counts, ids: Ids, boundaries: Ids | None) -> tuple[tuple[float, ...], ...]:
    """The weights under which held-out text is most probable.

    p_k(w | h) = l c(h w) / c(h) + (1 - l) p_(k-1)(w | h'), l = l[k][size of c(h)], p_0 = 1 / V. Each round takes for
    l the share of the tokens, among those whose order is at most k, that are put down to order k.

    Args:
        counts: of the training text.
        ids: the held-out text, [T].
        boundaries: [sequences + 1], where its sequences begin, and the end; None: one sequence.

    Returns:
        for each order and each of the 16 sizes of a context's count a weight from 0 to 1.

    Raises:
        DataError: no held-out tokens.

    Source: Jelinek and Mercer 1980; sizes in powers of two as Chen and Goodman 1998 group them.

    Example:
        >>> from gatewise.models.ngram.counts import count
        >>> counts = count(np.array([1, 1, 1, 2, 0]), None, 1, vocabulary_size=4, eos_id=0)
        >>> weights = interpolation_weights(counts, np.array([1, 1, 3]), None)      # 3 was never seen
        >>> round(weights[0][2], 3)                                                 # of the empty context, seen 5 times
        0.429
    """
    if not len(ids):
        raise DataError("the weights are found on held-out text, but there is none", fix="hold out some text")
    shares, sizes = _seen(counts, ids, boundaries)
    order = len(shares)
    weights = np.full((order, SIZES), 0.5)
    before = -np.inf
    for _ in range(_MOST_ROUNDS):
        own = np.stack([np.where(sizes[k] < 0, 0.0, weights[k][sizes[k]]) for k in range(order)])
        parts, total = _parts(own, shares, counts.vocabulary_size)
        weights = _renewed(parts, sizes, weights)
        if (found := float(np.log(total).mean())) - before < _ENOUGH:
            break
        before = found
    return tuple(tuple(row) for row in weights.tolist())


def _seen(counts: Counts, ids: Ids, boundaries: Ids | None) -> tuple[Floats, Ids]:
    """[n, T] each: c(h w) / c(h) of each token, and the size of its context's count, -1 where h was never seen."""
    text, age = places_of(ids, boundaries, counts.eos_id)
    places = np.flatnonzero(age > 0)
    shares, sizes = np.zeros((len(counts.orders), len(places))), np.full((len(counts.orders), len(places)), -1)
    numbers, contexts = text, np.zeros(len(text), np.int64)
    for index, order in enumerate(counts.orders):
        totals = _context_counts(counts, index + 1)
        if index:
            contexts = np.full(len(text), -1)
            contexts[1:] = np.where(age[1:] >= index, numbers[:-1], -1)
            there = np.flatnonzero(contexts >= 0)
            numbers = np.full(len(text), -1)
            numbers[there] = find(order.keys, contexts[there] * counts.vocabulary_size + text[there])
        context, number = contexts[places], numbers[places]
        known = (context >= 0) & (totals[context] > 0)
        sizes[index, known] = size_of(totals[context[known]])
        seen = known & (number >= 0)
        shares[index, seen] = order.counts[number[seen]] / totals[context[seen]]
    return shares, sizes


def _context_counts(counts: Counts, order: int) -> Floats:
    used = counts.orders[order - 1].counts
    return np.bincount(counts.prefixes(order), weights=used, minlength=counts.contexts(order)).astype(np.float64)


def _parts(own: Floats, shares: Floats, vocabulary_size: int) -> tuple[Floats, Floats]:
    """[n + 1, T]: the part of each token's probability that each order has, order 0 last; and their sum [T]."""
    rest = np.ones(shares.shape[1])
    parts = np.empty((len(shares) + 1, shares.shape[1]))
    for index in reversed(range(len(shares))):
        parts[index] = rest * own[index] * shares[index]
        rest = rest * (1.0 - own[index])
    parts[-1] = rest / vocabulary_size
    total = parts.sum(0)
    return parts / total, total


def _renewed(parts: Floats, sizes: Ids, weights: Floats) -> Floats:
    """The weights of the next round; those of sizes that no token has stay."""
    reached = parts[-1].copy()  # what order k and those below it have
    found = weights.copy()
    for index in range(len(sizes)):
        reached += parts[index]
        known = sizes[index] >= 0
        above = np.bincount(sizes[index, known], weights=parts[index, known], minlength=SIZES)
        below = np.bincount(sizes[index, known], weights=reached[known], minlength=SIZES)
        np.divide(above, below, out=found[index], where=below > 0)
    return found
