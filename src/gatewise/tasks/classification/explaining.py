"""Which words of a text speak for a label, and which against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gatewise.drawing.highlight import highlight_html, highlight_terminal
from gatewise.drawing.letters import on_one_line
from gatewise.models.classifier import Classifier
from gatewise.models.explanation import Method
from gatewise.tasks.classification.encoding import Reader
from gatewise.text.text_batches import one_pass


@dataclass(frozen=True)
class Explanation:
    """How much each word of a text speaks for a label.

    Attributes:
        label: the label.
        probability: of the label.
        words: of the text, in order.
        weights: by how much the score of the label (its logit) would be lower without the word; below 0: higher.
        separator: what stands between the words.
    """

    label: str
    probability: float
    words: tuple[str, ...]
    weights: tuple[float, ...]
    separator: str = " "

    @property
    def shares(self) -> list[float]:
        """The weights divided by the largest, -1 to 1."""
        most = max(map(abs, self.weights), default=0.0)
        return [weight / most if most else 0.0 for weight in self.weights]

    def to_dict(self) -> dict[str, Any]:
        """All of it by name, ready for JSON."""
        words = [[word, weight] for word, weight in zip(self.words, self.weights, strict=True)]
        return {"label": self.label, "probability": self.probability, "words": words}

    def terminal(self, colour: bool = False) -> str:
        """The text on one line, its words in colour by their weight, or with it behind them."""
        words = [on_one_line(word) for word in self.words]
        return highlight_terminal(words, self.shares, colour=colour, separator=self.separator)

    def html(self) -> str:
        """The text as a ``<p>``."""
        return highlight_html(self.words, self.shares, separator=self.separator)


def weigh(network: Classifier, reader: Reader, text: str, label: int, method: Method) -> tuple[list[str], Any, str]:
    """The words of a text, the weight of each, and what stands between them.

    Args:
        network: in evaluation mode.
        reader: makes the tokens.
        text: any.
        label: the number of the label.
        method: see :meth:`Classifier.word_weights`; the weights of the tokens of a word are added.
    """
    units = reader.units(text)
    weights = np.zeros(len(units.words))
    if not units.words:
        return units.words, weights, units.separator
    batch = next(one_pass(reader.encode([text]), 1))
    if int(batch.lengths[0]):
        found = network.word_weights(batch, label, method)[:, 0].to(torch.float64).cpu().numpy()
        within = units.tokens >= 0
        np.add.at(weights, units.tokens[within], found[within])
    return units.words, weights, units.separator
