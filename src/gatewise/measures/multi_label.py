"""How well texts were classified, where each may have several labels or none.

Letters: n texts, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from gatewise.errors import ShapeError
from gatewise.measures.checks import checked_flags
from gatewise.measures.classification import checked_names, label_table
from gatewise.measures.counts import Counts, added, macro


@dataclass(frozen=True)
class MultiLabelReport:
    """How often each label was given rightly and wrongly, and how many texts have exactly their labels.

    Precision, recall and F1 are 0 where they would be 0 / 0. Labels that no text has and none was given are left out
    of the macro means (scikit-learn counts them with 0 where texts have several labels).

    Args:
        labels: their names, L of them.
        counts: of each label.
        texts: n.
        exact: texts that were given exactly their labels.

    Example:
        >>> report = multi_label_report([[1, 1], [0, 1]], [[1, 0], [0, 1]], ["sport", "money"])
        >>> report.exact_match, report.hamming_loss, report.micro.f1
        (0.5, 0.25, 0.8)
        >>> print(report.table())
                           precision  recall      F1  gold  predicted
        sport                 1.0000  1.0000  1.0000     1          1
        money                 1.0000  0.5000  0.6667     2          1
        macro of 2 labels     1.0000  0.7500  0.8333     3          2
        micro                 1.0000  0.6667  0.8000     3          2
        exactly right 0.5000 over 2 texts; 0.2500 of all decisions are wrong
    """

    labels: tuple[str, ...]
    counts: tuple[Counts, ...]
    texts: int
    exact: int

    @property
    def exact_match(self) -> float:
        """The share of texts that were given all of their labels and no other."""
        return self.exact / self.texts

    @property
    def hamming_loss(self) -> float:
        """The share of wrong decisions among all, one for each text and label."""
        wrong = sum(one.gold + one.predicted - 2 * one.right for one in self.counts)
        return wrong / (self.texts * len(self.labels))

    @property
    def macro(self) -> dict[str, float]:
        """The means of precision, recall and F1 over the labels that occur or were given."""
        return macro(self.counts)

    @property
    def micro(self) -> Counts:
        """All labels as one."""
        return added(self.counts)

    def to_dict(self) -> dict[str, Any]:
        """All measures by name, ready for JSON.

        Example:
            >>> list(multi_label_report([[1]], [[1]], ["a"]).to_dict())
            ['texts', 'exact_match', 'hamming_loss', 'macro', 'micro', 'labels']
        """
        return {
            "texts": self.texts,
            "exact_match": self.exact_match,
            "hamming_loss": self.hamming_loss,
            "macro": self.macro,
            "micro": {"precision": self.micro.precision, "recall": self.micro.recall, "f1": self.micro.f1},
            "labels": {label: counts.to_dict() for label, counts in zip(self.labels, self.counts, strict=True)},
        }

    def table(self) -> str:
        """Lines for a terminal: a row for each label that occurs, the means, and how many texts are exactly right."""
        told = f"exactly right {self.exact_match:.4f} over {self.texts:,} texts; "
        told += f"{self.hamming_loss:.4f} of all decisions are wrong"
        return "\n".join([*label_table(self.labels, self.counts, {"micro": self.micro}), told])


def multi_label_report(gold: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> MultiLabelReport:
    """Measure the sets of labels that texts were given.

    Args:
        gold: whether each text has each label, bool [n, L].
        predicted: the same.
        labels: their names, L of them.

    Raises:
        DataError: there are no texts, or two labels have one name.
        ShapeError: the shapes differ, or are not [n, L].

    Example:
        >>> multi_label_report([[1, 0]], [[1, 0]], ["a", "b"]).micro
        Counts(right=1, predicted=1, gold=1)
    """
    names = checked_names(labels)
    has, given = checked_flags(gold, "gold labels"), checked_flags(predicted, "predicted labels")
    for what, flags in (("gold labels", has), ("predicted labels", given)):
        if flags.shape != (len(has), len(names)):
            raise ShapeError(f"{what} should be {[len(has), len(names)]}, but {list(flags.shape)} came")
    each = zip((has & given).sum(0), given.sum(0), has.sum(0), strict=True)
    counts = tuple(Counts(int(right), int(predictions), int(there)) for right, predictions, there in each)
    return MultiLabelReport(names, counts, len(has), int((has == given).all(1).sum()))
