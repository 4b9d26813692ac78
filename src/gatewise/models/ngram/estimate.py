"""From counts to a back-off table: the probability of every n-gram that is kept, the back-off weight of every context.

Letters: V vocabulary, N_k n-grams of order k.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import SettingError
from gatewise.models.ngram.counts import Counts, Ids
from gatewise.models.ngram.smoothing import METHODS, Floats, Options, Rule, Shares
from gatewise.models.ngram.table import BackoffTable, Order
from gatewise.settings.nearest import did_you_mean

STUPID = 0.4
_LEAST = 1e-9  # of probability: less than this is what rounding leaves of nothing


@dataclass(frozen=True)
class Estimate:
    """A table and what there is to say about how it was made.

    Attributes:
        table: the probabilities.
        notes: lines that the user should see.
    """

    table: BackoffTable
    notes: tuple[str, ...]


def estimate(counts: Counts, method: str, options: Options | None = None, prune: Sequence[int] = ()) -> Estimate:
    """The back-off table of a method.

    Args:
        counts: of order 1 to n.
        method: a name of :data:`METHODS`.
        options: what some methods need; None: their defaults.
        prune: for each order, n-grams that occur at most so often are left out of the table, and their share goes to
            the shorter contexts; the last number stands for the orders beyond, words are never left out.

    Raises:
        SettingError: an unknown method, or numbers of ``prune`` that fall.

    Example:
        >>> from gatewise.models.ngram.counts import count
        >>> counts = count(np.array([1, 2, 1, 2, 0]), None, 2, vocabulary_size=3, eos_id=0)
        >>> table = estimate(counts, "witten-bell").table
        >>> np.exp(table.orders[0].log_probs).round(4).tolist()                  # (c + 3 / 3) / (5 + 3)
        [0.25, 0.375, 0.375]
    """
    if method not in METHODS:
        raise SettingError(f"there is no smoothing {method}", where="smoothing", fix=did_you_mean(method, METHODS))
    thresholds = _thresholds(prune, len(counts.orders))
    asked, rule = options or Options(), METHODS[method].rule
    notes: list[str] = []
    lower: _Made | None = None
    made: list[_Made] = []
    for order, threshold in enumerate(thresholds, start=1):
        shares = METHODS[method].shares(counts, order, asked)
        notes += [shares.note] if shares.note else []
        kept = _kept(counts, order, threshold)
        lower = _combine(counts, order, shares, kept, rule, lower)
        made.append(lower)
    return Estimate(_table(counts, made, rule), tuple(notes))


@dataclass(frozen=True)
class _Made:
    """The n-grams of one order, those left out among them.

    Attributes:
        kept: [N_k], bool.
        probs: [N_k].
        back_offs: [contexts], what p(w | h') is multiplied by after context h.
        sums: [contexts], sum_w S(w | h) of the stupid rule; else empty.
    """

    kept: NDArray[np.bool_]
    probs: Floats
    back_offs: Floats
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


def _kept(counts: Counts, order: int, threshold: int) -> NDArray[np.bool_]:
    """What stays in the table; with what stays, all its prefixes and suffixes do, since they occur as often."""
    found = counts.orders[order - 1].counts
    return np.ones(len(found), np.bool_) if order == 1 else found > threshold


def _combine(
    counts: Counts, order: int, shares: Shares, kept: NDArray[np.bool_], rule: Rule, lower: _Made | None
) -> _Made:
    """The probabilities of one order from its shares and those of the order below."""
    own, prefixes = counts.orders[order - 1], counts.prefixes(order)
    size = counts.contexts(order)
    left = shares.left + np.bincount(prefixes[~kept], weights=shares.own[~kept], minlength=size)
    below = 1.0 / counts.vocabulary_size if lower is None or rule == "uniform" else lower.probs[own.suffixes]
    if rule in ("interpolated", "uniform"):
        return _Made(kept, shares.own + left[prefixes] * below, left, np.empty(0))
    seen = kept & (own.counts > 0)
    unseen = 1.0 - np.bincount(prefixes[seen], weights=np.broadcast_to(below, seen.shape)[seen], minlength=size)
    if rule == "stupid":
        before = np.ones(1) if lower is None else lower.sums[_shorter(counts, order)]
        fallen = STUPID * before * np.maximum(unseen, 0.0)
        sums = 1.0 - left + fallen
        back_offs = np.divide(STUPID * before, sums)
        return _Made(kept, np.where(seen, shares.own / sums[prefixes], back_offs[prefixes] * below), back_offs, sums)
    whole = unseen > _LEAST
    back_offs = np.divide(left, unseen, out=np.zeros(size), where=whole)
    # Where every word was seen nobody is there to give to, and they share all.
    share = np.where(whole, 1.0, 1.0 / np.maximum(1.0 - left, _LEAST))
    probs = np.where(seen, shares.own * share[prefixes], back_offs[prefixes] * below)
    return _Made(kept, probs, back_offs, np.empty(0))


def _shorter(counts: Counts, order: int) -> Ids:
    """For each context of ``order`` the number of the next shorter context, among those of the order below."""
    return np.zeros(1, np.int64) if order <= 2 else counts.orders[order - 2].suffixes


def _table(counts: Counts, made: list[_Made], rule: Rule) -> BackoffTable:
    """Only what is kept, numbered anew, in logarithms."""
    orders: list[Order] = []
    new = np.zeros(1, np.int64)  # the new number of each prefix
    for order, here in enumerate(made, start=1):
        kept = here.kept
        keys = new[counts.prefixes(order)[kept]] * counts.vocabulary_size + counts.words(order)[kept]
        above = made[order].back_offs[kept] if order < len(made) else None
        orders.append(Order(keys, _log(here.probs[kept]), None if above is None else _log(above)))
        new = np.cumsum(kept) - 1
    return BackoffTable(tuple(orders), counts.vocabulary_size, counts.eos_id, uniform=rule == "uniform")


def _log(probs: Floats) -> NDArray[np.float32]:
    with np.errstate(divide="ignore"):  # nothing is -inf
        return np.log(probs).astype(np.float32)
