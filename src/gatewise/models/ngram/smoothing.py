"""The methods of estimating n-gram probabilities: each says what share of a context's probability its n-grams get.

A method gives each n-gram h w that was seen a share a(w | h) of the probability after its context h. What the shares
leave, left(h) = 1 - sum_w a(w | h), goes to other words; ``rule`` says to which, h' being the next shorter context:

    interpolated   p(w | h) = a(w | h) + left(h) p(w | h')
    back-off       p(w | h) = a(w | h) where h w was seen, else b(h) p(w | h'),
                   b(h) = left(h) / sum over the w not seen after h of p(w | h')
    stupid         S(w | h) = a(w | h) where h w was seen, else 0.4 S(w | h');   p(w | h) = S(w | h) / sum_w S(w | h)
    uniform        p(w | h) = a(w | h) + left(h) / V

Below the shortest context stands p(w) = 1 / V. After a context that was never seen, or is itself left out of the
table, the next shorter one decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gatewise.models.ngram.counts import Ids
from gatewise.models.ngram.discounts import Discount, katz, kneser_ney, modified_kneser_ney, nothing
from gatewise.models.ngram.parts import Floats, Part

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
class Asked:
    """What a method is asked for.

    Attributes:
        part: the n-grams.
        order: theirs.
        vocabulary_size: V.
        discount: what the method takes from each count of this order.
        options: what some methods need.
    """

    part: Part
    order: int
    vocabulary_size: int
    discount: Discount
    options: Options


@dataclass(frozen=True)
class Shares:
    """What a method gives the n-grams of a part.

    Attributes:
        own: [G], a(w | h).
        left: [C], left(h); 1 where nothing was seen after h.
    """

    own: Floats
    left: Floats


@dataclass(frozen=True)
class Method:
    """A way to estimate.

    Attributes:
        title: as printed.
        shares: the shares of some n-grams of an order.
        rule: where it goes what the shares leave.
        source: where the method comes from.
        discount: counts of an order -> what is taken from them.
        adjusted: whether it takes Kneser and Ney's counts, :meth:`Counts.adjusted`.
    """

    title: str
    shares: Callable[[Asked], Shares]
    rule: Rule
    source: str
    discount: Callable[[Ids], Discount] = nothing
    adjusted: bool = False


def size_of(context_counts: Floats) -> Ids:
    """The class of a context under Jelinek and Mercer's method: 0 for a count of 1, 1 for 2 and 3, 2 for 4 to 7, ...

    Example:
        >>> size_of(np.array([1.0, 2.0, 3.0, 4.0, 1e9])).tolist()
        [0, 1, 1, 2, 15]
    """
    return np.minimum(np.log2(np.maximum(context_counts, 1.0)).astype(np.int64), 15)


def _add_delta(asked: Asked) -> Shares:
    part = asked.part
    added = asked.options.delta * asked.vocabulary_size
    left = np.where(part.totals > 0, added / (part.totals + added), 1.0)
    return Shares(part.used / (part.totals + added)[part.prefixes], left)


def _jelinek_mercer(asked: Asked) -> Shares:
    part = asked.part
    own = np.asarray(asked.options.weights[asked.order - 1])
    weights = np.where(part.totals > 0, own[size_of(part.totals)], 0.0)
    return Shares(weights[part.prefixes] * _divide(part.used, part.totals[part.prefixes]), 1.0 - weights)


def _witten_bell(asked: Asked) -> Shares:
    part = asked.part
    kinds = np.bincount(part.prefixes[part.used > 0], minlength=len(part.totals))
    whole = part.totals + kinds
    return Shares(_divide(part.used, whole[part.prefixes]), np.where(whole > 0, _divide(kinds, whole), 1.0))


def _katz(asked: Asked) -> Shares:
    part, found = asked.part, _discounted(asked)
    # After a context whose words all occur often nothing would be left for others: one occurrence more is made up.
    bare = (found.left <= 0) & (part.totals > 0)
    whole = part.totals + bare
    own = np.where(bare[part.prefixes], _divide(part.used, whole[part.prefixes]), found.own)
    return Shares(own, np.where(bare, _divide(bare, whole), found.left))


def _discounted(asked: Asked) -> Shares:
    """a = (c - D(c)) / c(h); what is left is what was taken."""
    part = asked.part
    taken = np.minimum(asked.discount.of(part.used), part.used)
    left = _divide(part.sums(taken), part.totals)
    return Shares(_divide(part.used - taken, part.totals[part.prefixes]), np.where(part.totals > 0, left, 1.0))


def _divide(above: NDArray[np.generic], below: Floats) -> Floats:
    """above / below, and 0 where below is 0."""
    found: Floats = np.divide(above, below, out=np.zeros(len(below)), where=below > 0)
    return found


METHODS: dict[str, Method] = {
    "maximum-likelihood": Method(
        "maximum likelihood", _discounted, "back-off", "the share of c(h w) in c(h); 0 for what was not seen"
    ),
    "add-delta": Method("add-delta", _add_delta, "uniform", "Lidstone 1920; Laplace's where delta is 1"),
    "jelinek-mercer": Method("Jelinek-Mercer", _jelinek_mercer, "interpolated", "Jelinek and Mercer 1980"),
    "katz": Method("Katz back-off", _katz, "back-off", "Katz 1987", katz),
    "stupid-back-off": Method("stupid back-off", _discounted, "stupid", "Brants et al. 2007"),
    "witten-bell": Method("Witten-Bell", _witten_bell, "interpolated", "Witten and Bell 1991, method C"),
    "kneser-ney": Method(
        "interpolated Kneser-Ney", _discounted, "interpolated", "Kneser and Ney 1995", kneser_ney, adjusted=True
    ),
    "modified-kneser-ney": Method(
        "modified Kneser-Ney",
        _discounted,
        "interpolated",
        "Chen and Goodman 1998, interpolated",
        modified_kneser_ney,
        adjusted=True,
    ),
}
"""Every method by its name."""
