"""How good a classifier is on labelled texts: labels, probabilities, and the mistakes that it was surest of.

Letters: n texts, L labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewise.drawing.letters import cut, on_one_line
from gatewise.measures import (
    TEMPERATURES,
    ClassificationReport,
    MultiLabelReport,
    brier_score,
    classification_report,
    expected_calibration_error,
    fit_temperature,
    multi_label_report,
    negative_log_likelihood,
    sigmoid,
    softmax,
)
from gatewise.text.labelled import Labelled

Array = NDArray[Any]
THRESHOLD = 0.5
"""Where a text may have several labels, it has those whose probability is above it; a temperature changes none."""
_TOLD, _KEPT = 5, 20


@dataclass(frozen=True)
class Mistake:
    """A text that was given a wrong label.

    Attributes:
        where: file and line of the text.
        text: as it stands there.
        gold: its labels.
        predicted: those that it was given.
        label: the label that the model was surest of and wrong about.
        probability: of that label.
        sureness: how sure the model was of what is wrong: the probability of the label where it was given wrongly, of
            its absence where it was left out wrongly.
    """

    where: str
    text: str
    gold: tuple[str, ...]
    predicted: tuple[str, ...]
    label: str
    probability: float
    sureness: float

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON."""
        return {
            "where": self.where,
            "text": self.text,
            "gold": list(self.gold),
            "predicted": list(self.predicted),
            "label": self.label,
            "probability": self.probability,
        }

    def line(self, width: int = 100) -> str:
        """Where it is, what went wrong, and the beginning of the text."""
        gold, given = (", ".join(map(on_one_line, labels)) or "no label" for labels in (self.gold, self.predicted))
        return f"{self.where}: {gold} taken for {given} ({self.told()}): {cut(on_one_line(self.text), width)}"

    def told(self) -> str:
        """The label that it was surest of and wrong about, with its probability."""
        alone = self.predicted == (self.label,)
        return f"{'' if alone else f'{on_one_line(self.label)} '}with probability {self.probability:.3f}"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How good a classifier is on some texts.

    Attributes:
        report: accuracy, precision, recall, F1, and the confusion matrix where texts have one label.
        temperature: by which logits were divided.
        calibration: negative log likelihood, expected calibration error and Brier score of the probabilities, and the
            first two of those without temperature.
        mistakes: all of them, the surest first.
    """

    report: ClassificationReport | MultiLabelReport
    temperature: float
    calibration: dict[str, float]
    mistakes: tuple[Mistake, ...]

    @property
    def accuracy(self) -> float:
        """The share of texts with exactly the right label or labels."""
        return self.report.accuracy if isinstance(self.report, ClassificationReport) else self.report.exact_match

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON, with the mistakes that the model was surest of."""
        errors = [mistake.to_dict() for mistake in self.mistakes[:_KEPT]]
        return {**self.report.to_dict(), "calibration": {"temperature": self.temperature, **self.calibration}} | {
            "errors": errors
        }

    def __str__(self) -> str:
        """Lines for a terminal: the measures, how far the probabilities can be believed, and the surest mistakes."""
        lines = [self.report.table(), _calibrated(self.to_dict()["calibration"])]
        if self.mistakes:
            lines.append("mistakes that the model was surest of:")
            lines += [f"  {mistake.line(72)}" for mistake in self.mistakes[:_TOLD]]
        return "\n".join(lines)


def one_line(score: Mapping[str, Any]) -> str:
    """The main measures, of what :meth:`Evaluation.to_dict` gives.

    Example:
        >>> calibration = {"temperature": 2.0, "ece": 0.01, "ece_uncalibrated": 0.08, "nll": 0.5}
        >>> one_line({"exact_match": 0.75, "micro": {"f1": 0.5}, "macro": {"f1": 0.25}, "texts": 4000,
        ...     "calibration": calibration}).partition("; ")[0]
        'exactly right 0.7500, micro F1 0.5000, macro F1 0.2500 over 4,000 texts'
    """
    if "exact_match" in score:
        first = f"exactly right {score['exact_match']:.4f}, micro F1 {score['micro']['f1']:.4f}"
    else:
        always = score["baseline"]
        first = f"accuracy {score['accuracy']:.4f} (always {on_one_line(always['label'])}: {always['accuracy']:.4f})"
    texts = "1 text" if score["texts"] == 1 else f"{score['texts']:,} texts"
    measured = f"{first}, macro F1 {score['macro']['f1']:.4f} over {texts}"
    return f"{measured}; {_calibrated(score['calibration'])}"


def _calibrated(told: Mapping[str, float]) -> str:
    """What is known of the probabilities, on one line."""
    heat = told["temperature"]
    before = "" if heat == 1.0 else f" ({told['ece_uncalibrated']:.4f} before temperature {heat:.3g})"
    return f"expected calibration error {told['ece']:.4f}{before}, {told['nll']:.4f} nats per text"


def probabilities(logits: Array, several: bool, temperature: float) -> Array:
    """Calibrated probabilities, [n, L]: of one label each row, or with ``several`` of each label by itself."""
    if not len(logits):
        return np.zeros(logits.shape, np.float64)
    return sigmoid(logits, temperature) if several else softmax(logits, temperature)


def temperature_of(logits: Array, gold: Array) -> tuple[float, str]:
    """The temperature that makes the labels of held-out texts most probable, and what there is to say of it.

    Where every label is right, less is nearly always better, and where labels have nothing to do with the logits, more
    is: such texts cannot tell, and it stays 1.

    Args:
        logits: [n, L].
        gold: [n], or truth values [n, L].
    """
    found = fit_temperature(logits, gold)
    right = (logits > 0) == gold if gold.ndim == 2 else logits.argmax(1) == gold
    if bool(right.all()):
        return 1.0, "every held-out text is right, which says nothing of probabilities: the temperature stays 1"
    if found == TEMPERATURES[1]:
        return 1.0, "the held-out texts are no better than guessed: the temperature stays 1"
    return found, ""


def evaluate(
    logits: Array,
    gold: Array,
    labels: Sequence[str],
    examples: Sequence[Labelled],
    temperature: float = 1.0,
    majority: int | None = None,
) -> Evaluation:
    """Measure what a classifier says of labelled texts.

    Args:
        logits: [n, L].
        gold: [n], or truth values [n, L] where a text may have several labels.
        labels: their names, [L].
        examples: the texts, [n].
        temperature: of the probabilities.
        majority: the most frequent label of the training texts.

    Raises:
        DataError: there are no texts.
    """
    several = gold.ndim == 2
    chances = probabilities(logits, several, temperature)
    given = chances > THRESHOLD if several else chances.argmax(1)
    per = len(labels) if several else 1  # nats of a text, not of one of its decisions
    calibration = {
        "nll": negative_log_likelihood(logits, gold, temperature) * per,
        "nll_uncalibrated": negative_log_likelihood(logits, gold) * per,
        "ece": expected_calibration_error(chances, gold),
        "ece_uncalibrated": expected_calibration_error(probabilities(logits, several, 1.0), gold),
        "brier": brier_score(chances, gold),
    }
    report = multi_label_report(gold, given, labels) if several else None
    return Evaluation(
        report or classification_report(gold, given, labels, majority),
        temperature,
        calibration,
        tuple(_mistakes(chances, gold, given, labels, examples)),
    )


def _mistakes(
    chances: Array, gold: Array, given: Array, labels: Sequence[str], examples: Sequence[Labelled]
) -> list[Mistake]:
    if gold.ndim == 1:
        size = len(labels)
        gold, given = np.eye(size, dtype=np.bool_)[gold], np.eye(size, dtype=np.bool_)[given]
        sureness = np.where(given & ~gold, chances, -math.inf)
    else:
        sureness = np.where(given != gold, np.where(given, chances, 1 - chances), -math.inf)
    found = []
    for row in np.flatnonzero((gold != given).any(1)).tolist():
        label = int(sureness[row].argmax())
        found.append(
            Mistake(
                examples[row].where,
                examples[row].text,
                _named(labels, gold[row]),
                _named(labels, given[row]),
                labels[label],
                float(chances[row, label]),
                float(sureness[row, label]),
            )
        )
    return sorted(found, key=lambda mistake: -mistake.sureness)


def _named(labels: Sequence[str], flags: Array) -> tuple[str, ...]:
    return tuple(labels[place] for place in np.flatnonzero(flags).tolist())
