"""Which measure of a validation says what is best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """What the best weights, patience, the plateau and the average of NT-ASGD go by.

    Attributes:
        measure: its name among the measures of a validation.
        higher: whether a higher one is better.

    Example:
        >>> Selection().cost({"loss": 0.5, "accuracy": 0.9})
        0.5
        >>> Selection("accuracy", higher=True).cost({"loss": 0.5, "accuracy": 0.9})
        -0.9
    """

    measure: str = "loss"
    higher: bool = False

    def cost(self, measures: Mapping[str, float]) -> float:
        """The measure, with its sign turned where a higher one is better: lower is better in any case."""
        value = measures[self.measure]
        return -value if self.higher else value
