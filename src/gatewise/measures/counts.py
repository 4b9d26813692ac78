"""What precision, recall and F1 are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """How often something was found where it is: precision, recall and F1, each 0 where it would be 0 / 0.

    Args:
        right: found where it is.
        predicted: found, rightly or not.
        gold: how often it is there.

    Source: van Rijsbergen 1979 for F1, the harmonic mean of precision and recall.

    Example:
        >>> counts = Counts(right=2, predicted=4, gold=3)
        >>> counts.precision, round(counts.recall, 3), round(counts.f1, 3)
        (0.5, 0.667, 0.571)
        >>> Counts(right=0, predicted=0, gold=0).f1
        0.0
    """

    right: int
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        """right / predicted."""
        return self.right / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """right / gold."""
        return self.right / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """2 precision recall / (precision + recall) = 2 right / (predicted + gold)."""
        return 2 * self.right / (self.predicted + self.gold) if self.occurs else 0.0

    @property
    def occurs(self) -> bool:
        """Whether it is there, or was said to be."""
        return self.predicted + self.gold > 0

    def to_dict(self) -> dict[str, float | int]:
        """All of them by name, ready for JSON.

        Example:
            >>> Counts(1, 1, 2).to_dict()["recall"]
            0.5
        """
        measures = {"precision": self.precision, "recall": self.recall, "f1": self.f1}
        return {**measures, "right": self.right, "predicted": self.predicted, "gold": self.gold}

    def cells(self) -> list[str]:
        """Precision, recall and F1 with four digits, then how often it is there and was predicted: a row of a table.

        Example:
            >>> Counts(1, 1, 2).cells()
            ['1.0000', '0.5000', '0.6667', '2', '1']
        """
        measures = [f"{value:.4f}" for value in (self.precision, self.recall, self.f1)]
        return [*measures, f"{self.gold:,}", f"{self.predicted:,}"]


HEADS = ["precision", "recall", "F1", "gold", "predicted"]
"""The heads of the columns of :meth:`Counts.cells`."""


def added(counts: Iterable[Counts]) -> Counts:
    """All of them as one: what micro averages are taken of.

    Example:
        >>> added([Counts(1, 2, 3), Counts(1, 1, 1)])
        Counts(right=2, predicted=3, gold=4)
    """
    each = list(counts)
    return Counts(sum(one.right for one in each), sum(one.predicted for one in each), sum(one.gold for one in each))


def macro(counts: Iterable[Counts]) -> dict[str, float]:
    """The plain means of precision, recall and F1 over those that occur: each counts the same, however rare it is.

    What neither is there nor was predicted is left out, as scikit-learn leaves out labels that are in neither list;
    what is there and was never predicted counts with 0. Nothing that occurs: 0.

    Example:
        >>> macro([Counts(1, 1, 1), Counts(0, 0, 2), Counts(0, 0, 0)])
        {'precision': 0.5, 'recall': 0.5, 'f1': 0.5}
    """
    each = [one for one in counts if one.occurs]
    sums = {
        "precision": sum(one.precision for one in each),
        "recall": sum(one.recall for one in each),
        "f1": sum(one.f1 for one in each),
    }
    return {name: value / max(len(each), 1) for name, value in sums.items()}
