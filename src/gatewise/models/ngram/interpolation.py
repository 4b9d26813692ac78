"""The weights of Jelinek and Mercer's method, found by expectation maximisation on held-out text.

Letters: n the highest order, T held-out tokens, P those of a piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import DataError
from gatewise.models.ngram.counts import Counts, Ids
from gatewise.models.ngram.parts import Floats, parts
from gatewise.models.ngram.places import Piece, Text
from gatewise.models.ngram.room import Room
from gatewise.models.ngram.smoothing import size_of
from gatewise.models.ngram.table import find

SIZES = 16
_MOST_ROUNDS, _ENOUGH = 200, 1e-7
_STEP = 1 << 17


def interpolation_weights(
    counts: Counts, ids: NDArray[Any], boundaries: Ids | None, room: Room | None = None
) -> tuple[tuple[float, ...], ...]:
    """The weights under which held-out text is most probable.

    p_k(w | h) = l c(h w) / c(h) + (1 - l) p_(k-1)(w | h'), l = l[k][size of c(h)], p_0 = 1 / V. Each round takes for
    l the share of the tokens, among those whose order is at most k, that are put down to order k.

    Args:
        counts: of the training text.
        ids: the held-out text, [T].
        boundaries: [sequences + 1], where its sequences begin, and the end; None: one sequence.
        room: where what is known of each token lies, 9 n bytes; None: in memory.

    Returns:
        for each order and each of the 16 sizes of a context's count a weight from 0 to 1.

    Raises:
        DataError: no held-out tokens.
        GatewiseError: the room has no place left.

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
    held_out = Text(ids, boundaries, counts.vocabulary_size, counts.eos_id)
    seen = _seen(counts, held_out, room or Room())
    weights = np.full((len(seen), SIZES), 0.5)
    before = -np.inf
    for _ in range(_MOST_ROUNDS):
        weights, found = _round(seen, weights, counts.vocabulary_size)
        if found - before < _ENOUGH:
            break
        before = found
    return tuple(tuple(row) for row in weights.tolist())


@dataclass(frozen=True)
class _Seen:
    """What an order knows of each held-out token.

    Attributes:
        shares: [T], c(h w) / c(h).
        sizes: [T], int8, the size of its context's count, -1 where h was never seen.
    """

    shares: Floats
    sizes: NDArray[np.int8]


def _seen(counts: Counts, text: Text, room: Room) -> list[_Seen]:
    """For each order what it knows."""
    found: list[_Seen] = []
    numbers: NDArray[Any] = text.ids  # of the n-gram of the order before that ends at each place, or -1
    for order, own in enumerate(counts.orders, start=1):
        totals = _context_counts(counts, order, room)
        here = _Seen(room.empty(len(text.ids), np.float64), room.empty(len(text.ids), np.int8))
        ends = room.empty(len(text.ids), np.int64)
        for piece in text.pieces(room):
            place = slice(piece.start, piece.stop)
            ends[place], total = _found(text, piece, order, own.keys, numbers, totals)
            here.sizes[place] = np.where(total > 0, size_of(total), -1)
            seen = (total > 0) & (ends[place] >= 0)
            here.shares[place] = np.divide(own.counts[ends[place]], total, out=np.zeros(len(total)), where=seen)
        found.append(here)
        numbers = ends
    return found


def _found(
    text: Text, piece: Piece, order: int, keys: Ids, numbers: NDArray[Any], totals: Floats
) -> tuple[Ids, Floats]:
    """[P] each: the n-gram of ``order`` that ends at a place, or -1, and the count of its context, or 0."""
    if order == 1:
        return piece.words, np.full(len(piece.words), totals[0])
    there, wanted = text.keys(piece, order, numbers)
    there[there] = known = wanted >= 0
    wanted = wanted[known]
    ends, total = np.full(len(there), -1), np.zeros(len(there))
    ends[there], total[there] = find(keys, wanted), totals[wanted // text.vocabulary_size]
    return ends, total


def _context_counts(counts: Counts, order: int, room: Room) -> Floats:
    found: Floats = room.empty(counts.contexts(order), np.float64)
    for part in parts(counts, order, counts.orders[order - 1].counts, room):
        found[part.contexts] = part.totals
    return found


def _round(seen: list[_Seen], weights: Floats, vocabulary_size: int) -> tuple[Floats, float]:
    """The weights of the next round, those of sizes that no token has stay; and the log likelihood under the last."""
    above, below = np.zeros_like(weights), np.zeros_like(weights)
    likelihood, tokens = 0.0, len(seen[0].sizes)
    for start in range(0, tokens, _STEP):
        shares = np.stack([order.shares[start : start + _STEP] for order in seen])
        sizes = np.stack([order.sizes[start : start + _STEP] for order in seen]).astype(np.int64)
        own = np.where(sizes < 0, 0.0, np.take_along_axis(weights, sizes, 1))
        owed, total = _owed(own, shares, vocabulary_size)
        likelihood += float(np.log(total).sum())
        reached = owed[-1].copy()  # what order k and those below it have
        for index, size in enumerate(sizes):
            reached += owed[index]
            known = size >= 0
            above[index] = _summed(above[index], size[known], owed[index, known])
            below[index] = _summed(below[index], size[known], reached[known])
    return np.divide(above, below, out=weights.copy(), where=below > 0), likelihood / tokens


def _summed(sums: Floats, sizes: Ids, values: Floats) -> Floats:
    """``sums`` with ``values`` added one after the other, so that no sum depends on how they come in pieces."""
    found = np.bincount(np.append(np.arange(SIZES), sizes), np.append(sums, values), minlength=SIZES)
    return found.astype(np.float64, copy=False)


def _owed(own: Floats, shares: Floats, vocabulary_size: int) -> tuple[Floats, Floats]:
    """[n + 1, T]: the part of each token's probability that each order has, order 0 last; and their sum [T]."""
    rest = np.ones(shares.shape[1])
    owed = np.empty((len(shares) + 1, shares.shape[1]))
    for index in reversed(range(len(shares))):
        owed[index] = rest * own[index] * shares[index]
        rest = rest * (1.0 - own[index])
    owed[-1] = rest / vocabulary_size
    total = owed.sum(0)
    return owed / total, total
