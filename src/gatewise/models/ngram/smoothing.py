"""The methods of estimating n-gram probabilities: each says what share of a context's probability its n-grams get.

A method gives each n-gram h w that was seen a share a(w | h) of the probability after its context h. What the shares
leave, left(h) = 1 - sum_w a(w | h), goes to other words; ``rule`` says to which, h' being the next shorter context:

    interpolated   p(w | h) = a(w | h) + left(h) p(w | h')
    back-off       p(w | h) = a(w | h) where h w was seen, else b(h) p(w | h'),
                   b(h) = left(h) / sum over the w not seen after h of p(w | h')
    stupid         S(w | h) = a(w | h) where h w was seen, else 0.4 S(w | h');   p(w | h) = S(w | h) / sum_w S(w | h)
    uniform        p(w | h) = a(w | h) + left(h) / V

Below the shortest context stands p(w) = 1 / V. After a context that was never seen the next shorter one decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gatewise.models.ngram.counts import Counts, Ids
from gatewise.models.ngram.discounts import Discount, katz, kneser_ney, modified_kneser_ney

Floats = NDArray[np.float64]
Rule = Literal["interpolated", "back-off", "stupid", "uniform"]


@dataclass(frozen=True)
class Options:
    """What some methods need beside the counts.

    Attributes:
        delta: what add-delta adds to every count, above 0.
        weights: of Jelinek and Mercer, for each order a weight for each size of the context's count.
    """

    delta: float = 1.0
    weights: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Shares:
    """What a method gives the n-grams of one order.

    Attributes:
        own: [N_k], a(w | h).
        left: [contexts], left(h); 1 where nothing was seen after h.
        note: what the user should know, or "".
    """

    own: Floats
    left: Floats
    note: str = ""


@dataclass(frozen=True)
class Method:
    """A way to estimate.

    Attributes:
        title: as printed.
        shares: (counts, order, options) -> the shares of the order's n-grams.
        rule: where it goes what the shares leave.
        source: where the method comes from.
    """

    title: str
    shares: Callable[[Counts, int, Options], Shares]
    rule: Rule
    source: str


def size_of(context_counts: Floats) -> Ids:
    """The class of a context under Jelinek and Mercer's method: 0 for a count of 1, 1 for 2 and 3, 2 for 4 to 7, ...

    Example:
        >>> size_of(np.array([1.0, 2.0, 3.0, 4.0, 1e9])).tolist()
        [0, 1, 1, 2, 15]
    """
    return np.minimum(np.log2(np.maximum(context_counts, 1.0)).astype(np.int64), 15)


def _maximum_likelihood(counts: Counts, order: int, _: Options) -> Shares:
    return _discounted(counts, order, counts.orders[order - 1].counts, Discount((0.0,)))


def _add_delta(counts: Counts, order: int, options: Options) -> Shares:
    used = counts.orders[order - 1].counts
    prefixes, totals = _totals(counts, order, used)
    added = options.delta * counts.vocabulary_size
    left = np.where(totals > 0, added / (totals + added), 1.0)
    return Shares(used / (totals + added)[prefixes], left)


def _jelinek_mercer(counts: Counts, order: int, options: Options) -> Shares:
    used = counts.orders[order - 1].counts
    prefixes, totals = _totals(counts, order, used)
    weights = np.where(totals > 0, np.asarray(options.weights[order - 1])[size_of(totals)], 0.0)
    return Shares(weights[prefixes] * _divide(used, totals[prefixes]), 1.0 - weights)


def _witten_bell(counts: Counts, order: int, _: Options) -> Shares:
    used = counts.orders[order - 1].counts
    prefixes, totals = _totals(counts, order, used)
    kinds = np.bincount(prefixes[used > 0], minlength=len(totals))
    whole = totals + kinds
    return Shares(_divide(used, whole[prefixes]), np.where(whole > 0, _divide(kinds, whole), 1.0))


def _katz(counts: Counts, order: int, _: Options) -> Shares:
    used = counts.orders[order - 1].counts
    found = _discounted(counts, order, used, katz(used, order))
    # After a context whose words all occur often nothing would be left for others: one occurrence more is made up.
    prefixes, totals = _totals(counts, order, used)
    bare = (found.left <= 0) & (totals > 0)
    whole = totals + bare
    own = np.where(bare[prefixes], _divide(used, whole[prefixes]), found.own)
    return Shares(own, np.where(bare, _divide(bare, whole), found.left), found.note)


def _kneser_ney(counts: Counts, order: int, _: Options) -> Shares:
    used = counts.adjusted(order)
    return _discounted(counts, order, used, kneser_ney(used, order))


def _modified_kneser_ney(counts: Counts, order: int, _: Options) -> Shares:
    used = counts.adjusted(order)
    return _discounted(counts, order, used, modified_kneser_ney(used, order))


def _discounted(counts: Counts, order: int, used: Ids, discount: Discount) -> Shares:
    """a = (c - D(c)) / c(h); what is left is what was taken."""
    prefixes, totals = _totals(counts, order, used)
    taken = np.minimum(discount.of(used), used)
    left = _divide(np.bincount(prefixes, weights=taken, minlength=len(totals)), totals)
    return Shares(_divide(used - taken, totals[prefixes]), np.where(totals > 0, left, 1.0), discount.note)


def _totals(counts: Counts, order: int, used: Ids) -> tuple[Ids, Floats]:
    """For each n-gram its context, and for each context the sum of what its n-grams count."""
    prefixes = counts.prefixes(order)
    return prefixes, np.bincount(prefixes, weights=used, minlength=counts.contexts(order)).astype(np.float64)


def _divide(above: NDArray[np.generic], below: Floats) -> Floats:
    """above / below, and 0 where below is 0."""
    found: Floats = np.divide(above, below, out=np.zeros(len(below)), where=below > 0)
    return found


METHODS: dict[str, Method] = {
    "maximum-likelihood": Method(
        "maximum likelihood", _maximum_likelihood, "back-off", "the share of c(h w) in c(h); 0 for what was not seen"
    ),
    "add-delta": Method("add-delta", _add_delta, "uniform", "Lidstone 1920; Laplace's where delta is 1"),
    "jelinek-mercer": Method("Jelinek-Mercer", _jelinek_mercer, "interpolated", "Jelinek and Mercer 1980"),
    "katz": Method("Katz back-off", _katz, "back-off", "Katz 1987"),
    "stupid-back-off": Method("stupid back-off", _maximum_likelihood, "stupid", "Brants et al. 2007"),
    "witten-bell": Method("Witten-Bell", _witten_bell, "interpolated", "Witten and Bell 1991, method C"),
    "kneser-ney": Method("interpolated Kneser-Ney", _kneser_ney, "interpolated", "Kneser and Ney 1995"),
    "modified-kneser-ney": Method(
        "modified Kneser-Ney", _modified_kneser_ney, "interpolated", "Chen and Goodman 1998, interpolated"
    ),
}
"""Every method by its name."""
