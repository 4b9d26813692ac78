"""Numbers that depend on the sizes, told from two traces: the H of a mean, the 1 / sqrt(H) of a scaled product."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import product

from gatewise.scan.program.draft import Draft

POWERS: dict[float, str] = {1.0: "", -1.0: "reciprocal", 0.5: "sqrt", -0.5: "rsqrt"}
"""Power of a size -> the operation that makes it of the size."""
OFFSETS = (0.0, 1.0, 1 / 2, 1 / 3, 1 / 4)
"""What is taken from a size first: the variance of k gates has a denominator of k H - 1, or k (H - 1 / k)."""


def name_sizes(first: Draft, second: Draft, sizes: Mapping[str, tuple[int, int]]) -> None:
    """Replace numbers that differ between two drafts by what they are of a size, where both drafts agree on it.

    Args:
        first: a draft; it is changed.
        second: the draft of the same step at other sizes; it is changed in the same way.
        sizes: letter -> its size in the first and in the second draft.
    """
    for index, (one, other) in enumerate(zip(first.values, second.values, strict=False)):
        if one.kind == other.kind == "constant" and one.number != other.number:
            found = _power_of_size(one.number, other.number, sizes)
            if found is not None:
                for draft in (first, second):
                    draft.become_size(index, *found)


def _power_of_size(
    one: float, other: float, sizes: Mapping[str, tuple[int, int]]
) -> tuple[str, float, str, float] | None:
    """(letter, offset, operation, factor): the number is factor * operation(size - offset) in both drafts."""
    for offset, (letter, (size, other_size)) in product(OFFSETS, sizes.items()):
        for power, operation in POWERS.items():
            factor, other_factor = one / (size - offset) ** power, other / (other_size - offset) ** power
            if math.isclose(factor, other_factor, rel_tol=1e-12):
                return letter, offset, operation, _rounded(factor)
    return None


def _rounded(factor: float) -> float:
    """A whole number of units as it was before it was multiplied and divided again."""
    return float(round(factor)) if math.isclose(factor, round(factor), rel_tol=1e-12) else factor
