"""How well texts were classified, where each has one label.

Letters: n texts, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gatewise.drawing.letters import aligned, on_one_line
from gatewise.errors import DataError
from gatewise.measures.checks import Ids, checked_ids, same_length
from gatewise.measures.counts import HEADS, Counts, added, macro

_MISTAKES_TOLD, _MISTAKES_KEPT = 5, 20


def confusion_matrix(gold: ArrayLike, predicted: ArrayLike, size: int) -> Ids:
    """How many texts of each gold label (row) were given each label (column), [L, L].

    Args:
        gold: ids of labels [n], from 0 to L - 1.
        predicted: the same.
        size: L.

    Raises:
        DataError: there are no texts, or an id is no label.
        ShapeError: the two have different lengths, or are no rows of whole numbers.

    Example:
        >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
        [[1, 1], [0, 1]]
    """
    rows, cols = checked_ids(gold, "gold labels", size), checked_ids(predicted, "predicted labels", size)
    same_length(rows, cols)
    return np.bincount(rows * size + cols, minlength=size * size).reshape(size, size)


def accuracy(gold: ArrayLike, predicted: ArrayLike) -> float:
    """The share of texts with the right label.

    Raises:
        DataError: there are no texts.
        ShapeError: the two have different lengths.

    Example:
        >>> accuracy([0, 1, 2, 2], [0, 1, 1, 2])
        0.75
    """
    size = np.iinfo(np.int64).max
    given, found = checked_ids(gold, "gold labels", size), checked_ids(predicted, "predicted labels", size)
    same_length(given, found)
    return float((given == found).mean())


def majority_label(ids: ArrayLike, size: int) -> int:
    """The most frequent label; of several, the first.

    Args:
        ids: of the texts that a model is trained on, [n].
        size: L.

    Raises:
        DataError: there are no texts, or an id is no label.

    Example:
        >>> majority_label([2, 0, 2, 0, 1], 3)
        0
    """
    return int(np.bincount(checked_ids(ids, "labels", size), minlength=size).argmax())


@dataclass(frozen=True, eq=False)
class ClassificationReport:
    """How often each label was given rightly and wrongly, and what follows from that.

    Precision, recall and F1 are 0 where they would be 0 / 0. Labels that no text has and none was given are left out
    of the macro means, as by scikit-learn; a label that texts have and that was never given counts with 0. Micro
    precision, recall and F1 are all the accuracy here, since each text has one label and is given one.

    Args:
        labels: their names, L of them.
        matrix: texts of each gold label (row) that were given each label (column), [L, L].
        majority: the label to compare with: what always saying it would be worth.

    Example:
        >>> report = ClassificationReport(("neg", "pos"), np.array([[3, 1], [0, 4]]), majority=1)
        >>> report.accuracy, report.baseline, round(report.macro["f1"], 4)
        (0.875, 0.5, 0.873)
        >>> print(report.table())
                           precision  recall      F1  gold  predicted
        neg                   1.0000  0.7500  0.8571     4          3
        pos                   0.8000  1.0000  0.8889     4          5
        macro of 2 labels     0.9000  0.8750  0.8730     8          8
        accuracy 0.8750 over 8 texts; always saying "pos" would be right for 0.5000
        mistakes: "neg" taken for "pos" 1
    """

    labels: tuple[str, ...]
    matrix: Ids
    majority: int

    @cached_property
    def counts(self) -> tuple[Counts, ...]:
        """Of each label."""
        right, given, gold = self.matrix.diagonal(), self.matrix.sum(0), self.matrix.sum(1)
        return tuple(map(Counts, right.tolist(), given.tolist(), gold.tolist()))

    @property
    def texts(self) -> int:
        """n."""
        return int(self.matrix.sum())

    @property
    def accuracy(self) -> float:
        """The share of texts with the right label."""
        return int(self.matrix.trace()) / self.texts

    @property
    def macro(self) -> dict[str, float]:
        """The means of precision, recall and F1 over the labels that occur or were given."""
        return macro(self.counts)

    @property
    def micro(self) -> Counts:
        """All labels as one."""
        return added(self.counts)

    @property
    def baseline(self) -> float:
        """The accuracy of always saying the majority label."""
        return int(self.matrix[self.majority].sum()) / self.texts

    def mistakes(self, most: int = _MISTAKES_KEPT) -> list[tuple[str, str, int]]:
        """What was most often taken for what: (gold label, label it was given, texts), the most frequent first.

        Example:
            >>> ClassificationReport(("a", "b"), np.array([[1, 0], [2, 1]]), 0).mistakes()
            [('b', 'a', 2)]
        """
        wrong = self.matrix.copy()
        np.fill_diagonal(wrong, 0)
        flat = wrong.ravel()
        pairs = np.flatnonzero(flat)
        order = pairs[np.argsort(-flat[pairs], kind="stable")][:most].tolist()
        return [(*(self.labels[place] for place in divmod(pair, len(self.labels))), int(flat[pair])) for pair in order]

    def to_dict(self) -> dict[str, Any]:
        """All measures by name, ready for JSON, with the most frequent mistakes; the whole matrix is ``matrix``.

        Example:
            >>> list(ClassificationReport(("a",), np.array([[1]]), 0).to_dict())
            ['texts', 'accuracy', 'macro', 'micro', 'baseline', 'labels', 'mistakes']
        """
        return {
            "texts": self.texts,
            "accuracy": self.accuracy,
            "macro": self.macro,
            "micro": {"precision": self.micro.precision, "recall": self.micro.recall, "f1": self.micro.f1},
            "baseline": {"label": self.labels[self.majority], "accuracy": self.baseline},
            "labels": {label: counts.to_dict() for label, counts in zip(self.labels, self.counts, strict=True)},
            "mistakes": [{"gold": gold, "predicted": given, "texts": n} for gold, given, n in self.mistakes()],
        }

    def table(self) -> str:
        """Lines for a terminal: a row for each label that occurs, means, accuracy, the most frequent mistakes."""
        lines = label_table(self.labels, self.counts, {})
        always = on_one_line(self.labels[self.majority])
        told = f'always saying "{always}" would be right for {self.baseline:.4f}'
        lines.append(f"accuracy {self.accuracy:.4f} over {self.texts:,} texts; {told}")
        wrong = [
            f'"{on_one_line(gold)}" taken for "{on_one_line(given)}" {texts:,}'
            for gold, given, texts in self.mistakes(_MISTAKES_TOLD)
        ]
        return "\n".join([*lines, "mistakes: " + ", ".join(wrong)] if wrong else lines)


def classification_report(
    gold: ArrayLike, predicted: ArrayLike, labels: Sequence[str], majority: int | None = None
) -> ClassificationReport:
    """Measure the labels that texts were given.

    Args:
        gold: ids of labels [n], from 0 to L - 1.
        predicted: the same.
        labels: their names, L of them.
        majority: the most frequent label of the training texts (:func:`majority_label`), to compare with; None: that
            of these texts, which no model can know.

    Raises:
        DataError: there are no texts, an id is no label, or two labels have one name.
        ShapeError: the two have different lengths, or are no rows of whole numbers.

    Example:
        >>> classification_report([0, 1, 1], [0, 1, 0], ["a", "b"]).to_dict()["accuracy"]
        0.6666666666666666
    """
    names = checked_names(labels)
    matrix = confusion_matrix(gold, predicted, len(names))
    if majority is not None:
        majority = int(checked_ids([majority], "majority labels", len(names))[0])
    return ClassificationReport(names, matrix, int(matrix.sum(1).argmax()) if majority is None else majority)


def checked_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The names of labels.

    Raises:
        DataError: there are none, or two are equal.

    Example:
        >>> checked_names(["a", "b", "a"])
        Traceback (most recent call last):
        gatewise.errors.DataError: labels have different names, but 'a' came twice
    """
    names = tuple(labels)
    if not names:
        raise DataError("expected at least one label, but there is none")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"labels have different names, but {name!r} came twice")
        seen.add(name)
    return names


def label_table(names: Sequence[str], counts: Sequence[Counts], sums: dict[str, Counts]) -> list[str]:
    """Aligned lines: heads, a row for each label that occurs, the macro means, other sums, and what was left out.

    Example:
        >>> print("\\n".join(label_table(["a", "b"], [Counts(1, 1, 1), Counts(0, 0, 0)], {})))
                          precision  recall      F1  gold  predicted
        a                    1.0000  1.0000  1.0000     1          1
        macro of 1 label     1.0000  1.0000  1.0000     1          1
        left out, since they neither occur nor were predicted: "b"
    """
    named = [(on_one_line(name), one) for name, one in zip(names, counts, strict=True)]
    shown = [[name, *one.cells()] for name, one in named if one.occurs]
    means, total = macro(counts), added(counts)
    head = f"macro of {len(shown)} label{'s' if len(shown) != 1 else ''}"
    means_row = [head, *(f"{value:.4f}" for value in means.values()), f"{total.gold:,}", f"{total.predicted:,}"]
    lines = aligned([["", *HEADS], *shown, means_row, *([name, *one.cells()] for name, one in sums.items())])
    absent = [f'"{name}"' for name, one in named if not one.occurs]
    if absent:
        lines.append("left out, since they neither occur nor were predicted: " + ", ".join(absent))
    return lines
