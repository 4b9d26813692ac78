"""How much each method takes from counts that were seen for what was not, and what it does where that is undefined.

Letters: n_r how many n-grams of an order occur r times, h a context, w a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gatewise.models.ngram.counts import Ids

FALLBACK = (0.5, 1.0, 1.5)
"""Modified Kneser-Ney's discounts where the text defines none."""
KATZ_LARGEST = 5
_LEAST = 1e-9  # a discount below this is what rounding leaves of 0
_STEP = 1 << 18


@dataclass(frozen=True)
class Discount:
    """What is taken from a count r: ``taken[r]``, and ``taken[-1]`` from every larger one.

    Attributes:
        taken: of r = 0, 1, ...
        undefined: whether the text defines none, and these stand instead.
    """

    taken: tuple[float, ...]
    undefined: bool = False

    def of(self, counts: Ids) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """What is taken from each of ``counts``."""
        return np.asarray(self.taken)[np.minimum(counts, len(self.taken) - 1)]


def counts_of_counts(counts: Ids, largest: int) -> list[int]:
    """n_1 .. n_largest.

    Example:
        >>> counts_of_counts(np.array([1, 1, 2, 9]), 3)
        [2, 1, 0]
    """
    found = np.zeros(largest + 1, np.int64)
    for start in range(0, len(counts), _STEP):
        some = counts[start : start + _STEP]
        found += np.bincount(some[(some > 0) & (some <= largest)], minlength=largest + 1)
    return [int(n) for n in found[1:]]


def nothing(_: Ids) -> Discount:
    """Counts stay what they are."""
    return Discount((0.0,))


def kneser_ney(counts: Ids) -> Discount:
    """One discount, D = n_1 / (n_1 + 2 n_2) (Kneser and Ney 1995); 0.75 where n_1 or n_2 is 0.

    Example:
        >>> kneser_ney(np.array([1, 1, 2]))
        Discount(taken=(0.0, 0.5), undefined=False)
    """
    n1, n2 = counts_of_counts(counts, 2)
    if n1 and n2:
        return Discount((0.0, n1 / (n1 + 2 * n2)))
    return Discount((0.0, 0.75), undefined=True)


def modified_kneser_ney(counts: Ids) -> Discount:
    """Three discounts: Y = n_1 / (n_1 + 2 n_2), D_r = r - (r + 1) Y n_(r+1) / n_r for r = 1, 2, 3 and more.

    Where one of n_1 .. n_4 is 0, or a discount is not above 0, as in little or artificial text, the three are 0.5, 1
    and 1.5, and ``undefined`` says so. (A discount of 0 would leave other words nothing after some contexts.)

    Source: Chen and Goodman 1998, equation 26.

    Example:
        >>> [round(taken, 3) for taken in modified_kneser_ney(np.repeat([1, 2, 3, 4], [8, 4, 2, 1])).taken]
        [0.0, 0.5, 1.25, 2.0]
    """
    n = counts_of_counts(counts, 4)
    if all(n):
        y = n[0] / (n[0] + 2 * n[1])
        taken = [r - (r + 1) * y * n[r] / n[r - 1] for r in (1, 2, 3)]
        if all(d > _LEAST for d in taken):
            return Discount((0.0, *taken))
    return Discount((0.0, *FALLBACK), undefined=True)


def katz(counts: Ids) -> Discount:
    """Good and Turing's r* = (r + 1) n_(r+1) / n_r for r up to 5, scaled so that larger counts keep all they have.

    With k = 5 and s = (k + 1) n_(k+1) / n_1, a count r becomes r d_r, d_r = (r*/r - s) / (1 - s). Where that is
    undefined, or not above 0 and at most 1, the text does not say what it lacks: a half is taken from each count.

    Source: Katz 1987; Jurafsky and Martin, chapter 3 of the second edition.

    Example:
        >>> [round(taken, 3) for taken in katz(np.repeat([1, 2, 3, 4, 5, 6], [64, 24, 12, 7, 4, 2])).taken]
        [0.0, 0.308, 0.615, 0.821, 1.407, 2.462, 0.0]
    """
    n = counts_of_counts(counts, KATZ_LARGEST + 1)
    if all(n):
        share = (KATZ_LARGEST + 1) * n[KATZ_LARGEST] / n[0]
        stars = [(r + 1) * n[r] / n[r - 1] for r in range(1, KATZ_LARGEST + 1)]
        kept = [(star / r - share) / (1 - share) if share < 1 else 0.0 for r, star in enumerate(stars, start=1)]
        if all(_LEAST < d <= 1 for d in kept):
            return Discount((0.0, *(r * (1 - d) for r, d in enumerate(kept, start=1)), 0.0))
    return Discount((0.0, 0.5), undefined=True)


def told(discounts: Sequence[Discount]) -> str:
    """What the user should know of the discounts of order 1, 2, ...; "" where all are defined.

    Example:
        >>> told([Discount((0.0, 0.4)), Discount((0.0, 0.75), undefined=True)])
        'the text is too little or too even to define the discounts of order 2: 0.75 is taken; witten-bell needs none'
        >>> told([Discount((0.0, 0.4))])
        ''
    """
    orders = [str(order) for order, discount in enumerate(discounts, start=1) if discount.undefined]
    if not orders:
        return ""
    taken = next(discount.taken for discount in discounts if discount.undefined)[1:]
    instead = f"{_listed([f'{number:g}' for number in taken])} {'are' if len(taken) > 1 else 'is'} taken"
    said = f"the text is too little or too even to define the discounts of order {_listed(orders)}"
    return f"{said}: {instead}; witten-bell needs none"


def _listed(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
