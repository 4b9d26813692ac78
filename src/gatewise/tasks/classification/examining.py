"""A classifier and a text as the doctor examines them.

Letters: T time, B batch, F features, L labels.
"""

from __future__ import annotations

import sys
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gatewise.errors import DataError, SettingError
from gatewise.gradients.subject import Subject
from gatewise.models.classifier import Classifier
from gatewise.tasks.classification.encoding import Reader, words_of
from gatewise.tasks.classification.evaluation import THRESHOLD
from gatewise.tasks.classification.model import TextClassifier
from gatewise.tasks.examined import LONGEST, TEXTS, UNITS, InType, names_of
from gatewise.text.labelled import stream_texts
from gatewise.text.lexicon import Lexicon
from gatewise.text.shortened import kept_places
from gatewise.text.text_batches import draw


def examine(model: TextClassifier, path: str | None = None) -> Subject:
    """The recurrent layers of a classifier on a text; the loss is that of what the model itself says of it.

    ::

        loss = -log p(y | w_1 ... w_T)        y the most probable label; where texts may have several, all that it gives

    Of a file with several texts the longest of the first 10,000 is examined, read and cut as ``gatewise classify``
    does, and of at most 2048 tokens. Direct connections from n-grams to labels are held as they are for this text.

    Args:
        model: a classifier.
        path: a text file with a text on each line, or a table.

    Raises:
        SettingError: no text is given.
        DataError: the text cannot be used, or every text is empty.
    """
    if path is None:
        raise SettingError("a classifier has no text of its own to be examined on", fix="give a file with texts")
    tokens = model.reader.settings
    reader = Reader(model.reader.vocabulary, tokens.replace(longest_text=min(tokens.longest_text, LONGEST)))
    text = _longest(model, reader, path)
    batch, network = draw(reader.encode([text]), np.zeros(1, np.int64)), model.network
    with torch.no_grad():
        vectors = network.encoder.embedder(batch)[:, 0]
        logits = network.logits(batch)
        direct = None if network.direct is None else network.direct(batch.tokens.to(network.device), batch.lengths)
    loss = TextLoss(InType(network), logits, direct)
    return Subject(network.encoder.recurrent, vectors, _names(reader, text), text_loss=loss, unit=UNITS[tokens.level])


class TextLoss:
    """-log p(what the model says), in the type of what it is given.

    Args:
        network: the classifier.
        logits: [1, L], of the text itself.
        direct: [1, L], the part of direct connections in them, or None.
    """

    def __init__(self, network: InType[Classifier], logits: Tensor, direct: Tensor | None) -> None:
        self._network, self._direct = network, direct
        self._label, self._given = logits.argmax(1), logits.sigmoid() > THRESHOLD

    def __call__(self, outputs: Tensor) -> Tensor:
        """The losses [B] in nats of outputs [T, B, F]."""
        network = self._network(outputs.dtype)
        scores = network.output(network.pooling(outputs))
        if self._direct is not None:
            scores = scores + self._direct.to(scores.dtype)
        if network.settings.multi_label:
            wanted = self._given.expand_as(scores).to(scores.dtype)
            return functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none").sum(1)
        return functional.cross_entropy(scores, self._label.expand(len(scores)), reduction="none")


def _longest(model: TextClassifier, reader: Reader, path: str) -> str:
    """The text of the most tokens among the first of a file."""
    texts = list(islice(stream_texts(path, model.reading.replace(format="auto"), sys.stdin.buffer), TEXTS))
    lengths = reader.whole(texts).lengths
    if not any(text.strip() for text in texts):
        raise DataError("a text is needed, but every one is empty", where=path, fix="give a file with texts in it")
    return texts[int(lengths.argmax())]


def _names(reader: Reader, text: str) -> tuple[str, ...]:
    """Each token that is read, as a reader knows it."""
    vocabulary = reader.vocabulary
    if not isinstance(vocabulary, Lexicon):
        return names_of(vocabulary, reader.encode([text]).ids.tolist())
    words = words_of(text, reader.settings.cutting)
    return tuple(words[place] for place in kept_places(len(words), reader.settings.longest_text))
