"""What is told of each text that a classifier reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gatewise.drawing.letters import on_one_line
from gatewise.models.explanation import Method
from gatewise.tasks.classification.explaining import Explanation, weigh
from gatewise.tasks.classification.model import TextClassifier
from gatewise.tasks.prediction import Meter, tokens_of


@dataclass(frozen=True)
class Told:
    """What a classifier says of a text.

    Attributes:
        given: its label, or the list of its labels.
        chances: the probability of each label.
        explanation: which words spoke for the most probable label; None where it was not asked for.
        separator: what stands between several labels.
    """

    given: Any
    chances: dict[str, float]
    explanation: Explanation | None
    separator: str

    @property
    def label_line(self) -> str:
        """The label, or labels with the separator between them, on one line."""
        if isinstance(self.given, list):
            return self.separator.join(map(on_one_line, self.given))
        return on_one_line(self.given)

    def json_line(self) -> str:
        """All of it as an object of JSON."""
        name = "labels" if isinstance(self.given, list) else "label"
        told = {name: self.given, "probabilities": self.chances}
        if self.explanation is not None:
            told["explanation"] = self.explanation.to_dict()
        return json.dumps(told, ensure_ascii=False, allow_nan=False)


def told_of(model: TextClassifier, texts: Sequence[str], method: Method | None, meter: Meter) -> Iterator[Told]:
    """What a classifier says of some texts, in order.

    Args:
        model: the classifier.
        texts: any number.
        method: how words are weighed; None: they are not.
        meter: is told what was computed.
    """
    encoded = model.reader.encode(texts)
    chances = model.probabilities(encoded)
    meter.add(len(texts), tokens_of(encoded))
    separator = model.reading.label_separator or ","
    for text, given, row in zip(texts, model.labels_of(chances), chances, strict=True):
        explanation = None
        if method is not None:
            number = int(row.argmax())
            words, weights, between = weigh(model.network, model.reader, text, number, method)
            explanation = Explanation(
                model.labels[number], float(row[number]), tuple(words), tuple(weights.tolist()), between
            )
        yield Told(given, dict(zip(model.labels, row.tolist(), strict=True)), explanation, separator)
