"""The n-grams of an order in parts, each with all that follow some contexts: what is summed over those stays whole.

Letters: C contexts of a part, G its n-grams.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewise.models.ngram.counts import Counts, Ids
from gatewise.models.ngram.room import Room

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Some neighbouring contexts with all n-grams that follow them.

    Attributes:
        contexts: which of the contexts of the order.
        grams: which of its n-grams.
        prefixes: [G], the context of each, counted from the first of the part.
        used: [G], the counts that the method takes.
        totals: [C], their sum for each context.
    """

    contexts: slice
    grams: slice
    prefixes: Ids
    used: Ids
    totals: Floats

    def sums(self, values: Floats | Ids, chosen: NDArray[np.bool_] | None = None) -> Floats:
        """[C], the sum over the n-grams of each context, or over the ``chosen`` ones; ``values`` are [G]."""
        prefixes = self.prefixes if chosen is None else self.prefixes[chosen]
        weights = values if chosen is None else values[chosen]
        return np.bincount(prefixes, weights, minlength=len(self.totals)).astype(np.float64, copy=False)


def parts(counts: Counts, order: int, used: Ids, room: Room) -> Iterator[Part]:
    """All n-grams of an order, part by part.

    Args:
        counts: of the text.
        order: which.
        used: [N_k], the counts that the method takes.
        room: says how many at a time; a context with more n-grams is a part by itself.

    Example:
        >>> from gatewise.models.ngram.counts import count
        >>> counts = count(np.array([1, 2, 1, 2, 0]), None, 2, vocabulary_size=3, eos_id=0)
        >>> room = Room()
        >>> room.step = 2
        >>> [(part.contexts, part.grams.stop) for part in parts(counts, 2, counts.orders[1].counts, room)]
        [(slice(0, 2, None), 2), (slice(2, 3, None), 4)]
    """
    keys, size = counts.orders[order - 1].keys, counts.vocabulary_size
    contexts = counts.contexts(order)
    context = gram = 0
    while context < contexts:
        last = min(context + room.step, contexts)
        if gram + room.step < len(keys):
            last = min(last, int(keys[gram + room.step - 1]) // size + 1)
        end = len(keys) if last == contexts else int(np.searchsorted(keys, np.int64(last * size)))
        prefixes = keys[gram:end] // size - context
        own = np.asarray(used[gram:end])
        totals = np.bincount(prefixes, own, minlength=last - context).astype(np.float64, copy=False)
        yield Part(slice(context, last), slice(gram, end), prefixes, own, totals)
        context, gram = last, end
