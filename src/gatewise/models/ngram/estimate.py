"""From counts to a back-off table: the probability of every n-gram that is kept, the back-off weight of every context.

Letters: V vocabulary, N_k n-grams of order k, C contexts of a part, G its n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import SettingError
from gatewise.models.ngram.counts import Counts, Ids
from gatewise.models.ngram.discounts import Discount, told
from gatewise.models.ngram.parts import Floats, Part, parts
from gatewise.models.ngram.room import Room
from gatewise.models.ngram.smoothing import METHODS, Asked, Method, Options, Shares
from gatewise.models.ngram.table import SEEN, BackoffTable, Logs, Order
from gatewise.settings.nearest import did_you_mean

STUPID = 0.4
_LEAST = 1e-9  # of probability: less than this is what rounding leaves of nothing


@dataclass(frozen=True)
class Estimate:
    """A table and what there is to say about how it was made.

    Attributes:
        table: the probabilities.
        note: a line that the user should see, or "".
    """

    table: BackoffTable
    note: str


def estimate(
    counts: Counts, method: str, options: Options | None = None, prune: Sequence[int] = (), room: Room | None = None
) -> Estimate:
    """The back-off table of a method.

    Args:
        counts: of order 1 to n.
        method: a name of :data:`METHODS`.
        options: what some methods need; None: their defaults.
        prune: for each order, n-grams that occur at most so often are left out of the table, and their share goes to
            the shorter contexts; the last number stands for the orders beyond, words are never left out.
        room: where the table lies; None: in memory. The numbers are the same, bit for bit, in every room.

    Raises:
        SettingError: an unknown method, or numbers of ``prune`` that fall.
        GatewiseError: the room has no place left.

    Example:
        >>> from gatewise.models.ngram.counts import count
        >>> counts = count(np.array([1, 2, 1, 2, 0]), None, 2, vocabulary_size=3, eos_id=0)
        >>> table = estimate(counts, "witten-bell").table
        >>> np.exp(table.orders[0].log_probs).round(4).tolist()                  # (c + 3 / 3) / (5 + 3)
        [0.25, 0.375, 0.375]
    """
    if method not in METHODS:
        raise SettingError(f"there is no smoothing {method}", where="smoothing", fix=did_you_mean(method, METHODS))
    work = _Work(counts, METHODS[method], options or Options(), _thresholds(prune, len(counts.orders)), room or Room())
    discounts: list[Discount] = []
    orders: list[Order] = []
    lower = _Lower(np.empty(0), np.empty(0))
    for order in range(1, len(counts.orders) + 1):
        used = counts.adjusted(order, work.room) if work.method.adjusted else counts.orders[order - 1].counts
        discounts.append(work.method.discount(used))
        own, lower, back_offs = _order(work, order, used, discounts[-1], lower)
        if orders:
            orders[-1] = replace(orders[-1], back_offs=back_offs)
        orders.append(own)
    uniform = work.method.rule == "uniform"
    return Estimate(BackoffTable(tuple(orders), counts.vocabulary_size, counts.eos_id, uniform), told(discounts))


@dataclass(frozen=True)
class _Work:
    """What is the same for all orders.

    Attributes:
        counts: of the text.
        method: of estimating.
        options: of the method.
        thresholds: for each order, up to which count its n-grams are left out.
        room: where arrays lie.
    """

    counts: Counts
    method: Method
    options: Options
    thresholds: list[int]
    room: Room

    def kept(self, order: int, grams: slice) -> NDArray[np.bool_] | None:
        """What stays in the table; None where all does.

        With what stays, all its prefixes and suffixes do, since they occur as often.
        """
        threshold = self.thresholds[order - 1] if order > 1 else 0
        return self.counts.orders[order - 1].counts[grams] > threshold if threshold else None

    def size(self, order: int) -> int:
        """How many n-grams of an order stay in the table."""
        counts = self.counts.orders[order - 1].counts
        kept = (self.kept(order, slice(*ends)) for ends in self.room.steps(len(counts)))
        left_out = sum(int(np.count_nonzero(~some)) for some in kept if some is not None)
        return len(counts) - left_out


@dataclass(frozen=True)
class _Lower:
    """What an order leaves for the next, n-grams that are left out of the table among it.

    Attributes:
        probs: [N_k].
        sums: [contexts], sum_w S(w | h) of the stupid rule; else empty.
    """

    probs: Floats
    sums: Floats


def _thresholds(prune: Sequence[int], orders: int) -> list[int]:
    given = list(prune) or [0]
    found = [*given, *[given[-1]] * orders][:orders]
    if any(low > high for low, high in pairwise(found)):
        told = " ".join(map(str, given))
        raise SettingError(
            f"what is pruned must not fall from an order to the next, but {told} was given",
            where="prune",
            fix="give the same or a larger number for each longer n-gram",
        )
    return found


@dataclass(frozen=True)
class _Made:
    """The n-grams of a part.

    Attributes:
        probs: [G].
        back_offs: [C], what p(w | h') is multiplied by after context h.
        sums: [C], as :class:`_Lower` has them, or None.
    """

    probs: Floats
    back_offs: Floats
    sums: Floats | None = None


def _order(work: _Work, order: int, used: Ids, discount: Discount, lower: _Lower) -> tuple[Order, _Lower, Logs]:
    """The n-grams of an order in the table, what the next needs, and the back-off weights of the order below."""
    counts, room = work.counts, work.room
    own, last, contexts = counts.orders[order - 1], order == len(counts.orders), counts.contexts(order)
    whole = work.kept(order, slice(0, 0)) is None
    size = len(own.keys) if whole else work.size(order)
    keys = own.keys if whole else room.empty(size, np.int64)
    log_probs = room.empty(size, np.float32)
    back_offs = room.empty(work.size(order - 1) if order > 1 else 1, np.float32)
    stupid = work.method.rule == "stupid"
    found = _Lower(room.empty(0 if last else len(own.keys), np.float64), room.empty(contexts * stupid, np.float64))
    gram = context = 0  # of the table
    for part in parts(counts, order, used, room):
        shares = work.method.shares(Asked(part, order, counts.vocabulary_size, discount, work.options))
        kept = work.kept(order, part.grams)
        made = _combine(work, order, part, shares, kept, lower)
        if not last:
            found.probs[part.grams] = made.probs
        if made.sums is not None:
            found.sums[part.contexts] = made.sums
        above = work.kept(order - 1, part.contexts) if order > 1 else None
        weights = _weights(work, part, made.back_offs, above)
        back_offs[context : context + len(weights)] = weights
        probs = made.probs if kept is None else made.probs[kept]
        log_probs[gram : gram + len(probs)] = _log(probs)
        if kept is not None:
            number = part.prefixes if above is None else np.cumsum(above)[part.prefixes] - 1
            words = own.keys[part.grams][kept] % counts.vocabulary_size
            keys[gram : gram + len(probs)] = (number[kept] + context) * counts.vocabulary_size + words
        gram, context = gram + len(probs), context + len(weights)
    return Order(keys, log_probs, None), found, back_offs


def _combine(
    work: _Work, order: int, part: Part, shares: Shares, kept: NDArray[np.bool_] | None, lower: _Lower
) -> _Made:
    """The probabilities of a part from its shares and those of the order below."""
    own, rule = work.counts.orders[order - 1], work.method.rule
    left = shares.left if kept is None else shares.left + part.sums(shares.own, ~kept)
    below: Floats = np.broadcast_to(np.float64(1.0 / work.counts.vocabulary_size), shares.own.shape)
    if order > 1 and rule != "uniform":
        below = lower.probs[own.suffixes[part.grams]]
    if rule in ("interpolated", "uniform"):
        return _Made(shares.own + left[part.prefixes] * below, left)
    seen = own.counts[part.grams] > 0 if kept is None else kept & (own.counts[part.grams] > 0)
    unseen = 1.0 - part.sums(below, seen)
    if rule == "stupid":
        before = np.ones(1) if order == 1 else lower.sums[_shorter(work.counts, order, part.contexts)]
        sums = 1.0 - left + STUPID * before * np.maximum(unseen, 0.0)
        back_offs = np.divide(STUPID * before, sums)
        probs = np.where(seen, shares.own / sums[part.prefixes], back_offs[part.prefixes] * below)
        return _Made(probs, back_offs, sums)
    whole = unseen > _LEAST
    back_offs = np.divide(left, unseen, out=np.zeros(len(left)), where=whole)
    # Where every word was seen nobody is there to give to, and they share all.
    share = np.where(whole, 1.0, 1.0 / np.maximum(1.0 - left, _LEAST))
    return _Made(np.where(seen, shares.own * share[part.prefixes], back_offs[part.prefixes] * below), back_offs)


def _weights(work: _Work, part: Part, back_offs: Floats, above: NDArray[np.bool_] | None) -> Logs:
    """The logarithms of the weights of those contexts that stay in the table."""
    logs = _log(back_offs)
    if work.method.rule == "uniform":  # what is left may round to 1, or a little more, after a context that was seen
        logs = np.where(part.totals > 0, np.minimum(logs, SEEN), np.float32(0))
    return logs if above is None else logs[above]


def _shorter(counts: Counts, order: int, contexts: slice) -> Ids:
    """For some contexts of ``order`` the number of the next shorter context, among those of the order below."""
    return np.zeros(1, np.int64) if order == 2 else counts.orders[order - 2].suffixes[contexts]


def _log(probs: Floats) -> Logs:
    with np.errstate(divide="ignore"):  # nothing is -inf
        return np.log(probs).astype(np.float32)
