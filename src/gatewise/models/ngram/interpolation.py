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
_STEP = 1 << 17
_LEAST = 1e-12  # of a weight that a leap would make 0 for good


def interpolation_weights(
    counts: Counts,
    ids: NDArray[Any],
    boundaries: Ids | None,
    room: Room | None = None,
    *,
    rounds: int = 1000,
    enough: float = 1e-7,
) -> tuple[tuple[float, ...], ...]:
    """The weights under which held-out text is most probable.

    p_k(w | h) = l c(h w) / c(h) + (1 - l) p_(k-1)(w | h'), l = l[k][size of c(h)], p_0 = 1 / V. Each round takes for
    l the share of the tokens, among those whose order is at most k, that are put down to order k; every third begins
    from where the two before it lead. The text is no less probable after any round than after the one before.

    A weight is at most 1 - 1 / (t + 1), where t held-out tokens stand after contexts of its size: were it 1, as it
    would be where all of them were seen after theirs, a word that was not would have probability 0.

    Args:
        counts: of the training text.
        ids: the held-out text, [T].
        boundaries: [sequences + 1], where its sequences begin, and the end; None: one sequence.
        room: where what is known of each token lies, 9 n bytes; None: in memory.
        rounds: at most so many.
        enough: the last round is the one before which the weights, each moved alone as far as it may be, could not
            gain more than this together, in nats per token (their slopes times how far they may go).

    Returns:
        for each order and each of the 16 sizes of a context's count a weight from 0 to below 1; 0.5 where t is 0.

    Raises:
        DataError: no held-out tokens.
        GatewiseError: the room has no place left.

    Source: Jelinek and Mercer 1980; sizes in powers of two as Chen and Goodman 1998 group them; every third round is
    that of Varadhan and Roland 2008 (SQUAREM).

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
    return tuple(tuple(row) for row in _best(seen, counts.vocabulary_size, rounds, enough).tolist())


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
            seen = ends[place] >= 0  # of an order that has no n-gram nothing can be looked up
            here.shares[place] = 0.0
            here.shares[place][seen] = own.counts[ends[place][seen]] / total[seen]
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


@dataclass(frozen=True)
class _Found:
    """What a round finds under some weights.

    Attributes:
        weights: [n, 16], of the next round; those of sizes that no token has stay.
        likelihood: in nats per token, under the weights it began with.
        gain: what these could gain, see :func:`interpolation_weights`.
    """

    weights: Floats
    likelihood: float
    gain: float


def _best(seen: list[_Seen], vocabulary_size: int, rounds: int, enough: float) -> Floats:
    weights, most = np.full((len(seen), SIZES), 0.5), _most(seen)
    steps, leapt = [weights], False  # what rounds found since the last leap
    before = _Found(weights, -np.inf, np.inf)
    for _ in range(rounds):
        found = _round(seen, weights, most, vocabulary_size)
        if leapt and found.likelihood < before.likelihood:  # too far: on from where the leap began
            weights, steps, leapt = before.weights, [before.weights], False
            continue
        if found.gain <= enough:
            return weights
        weights, before, leapt = found.weights, found, len(steps) == 2
        steps = [*steps, weights]
        if leapt:
            weights = np.where(most > 0, np.clip(_leap(*steps), np.minimum(weights, _LEAST), most), weights)
            steps = [weights]
    return before.weights


def _leap(first: Floats, second: Floats, third: Floats) -> Floats:
    """Where the rounds lead that went from the first weights to the third."""
    step, bend = second - first, third - 2 * second + first
    size = float(np.linalg.norm(bend))
    far = max(1.0, float(np.linalg.norm(step)) / size) if size else 1.0
    return first + 2 * far * step + far**2 * bend


def _most(seen: list[_Seen]) -> Floats:
    """[n, 16], what each weight may be at most; 0 where no token has its size."""
    tokens = np.zeros((len(seen), SIZES))
    for own, order in zip(tokens, seen, strict=True):
        for start in range(0, len(order.sizes), _STEP):
            sizes = order.sizes[start : start + _STEP]
            own += np.bincount(sizes[sizes >= 0], minlength=SIZES)
    return tokens / (tokens + 1)


def _round(seen: list[_Seen], weights: Floats, most: Floats, vocabulary_size: int) -> _Found:
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
    new = np.minimum(np.divide(above, below, out=weights.copy(), where=below > 0), np.where(most > 0, most, weights))
    slope = np.divide(above, weights, out=np.zeros_like(above), where=weights > 0) - (below - above) / (1 - weights)
    gain = np.maximum(slope * (most - weights), -slope * weights)[most > 0].sum()
    return _Found(new, likelihood / tokens, float(gain) / tokens)


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
