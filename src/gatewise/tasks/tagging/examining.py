"""A tagger and a sentence as the doctor examines them.

Letters: T time, B batch, F features, L tags.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gatewise.errors import DataError, SettingError
from gatewise.gradients.subject import Subject
from gatewise.models.tagger import Tagger
from gatewise.tasks.examined import LONGEST, TEXTS, InType
from gatewise.tasks.tagging.model import SequenceTagger
from gatewise.tasks.tagging.settings import SourceSettings
from gatewise.tasks.tagging.writing import source
from gatewise.text.encoded import EncodedTexts
from gatewise.text.text_batches import draw


def examine(model: SequenceTagger, path: str | None = None) -> Subject:
    """The recurrent layers of a tagger on a sentence; the loss is that of the tags that the model itself gives.

    ::

        loss_t = -log p(y_t | w_1 ... w_T)            each tag by itself
        loss   = -log p(y_1 ... y_T | w_1 ... w_T)    of the whole sentence, where there is a CRF

    Of a file with several sentences the longest of the first 10,000 is examined, read and cut as ``gatewise tag`` does.

    Args:
        model: a tagger.
        path: a text file, or a file of columns or CoNLL-U.

    Raises:
        SettingError: no text is given.
        DataError: the text cannot be used, or no sentence has a word.
    """
    if path is None:
        raise SettingError("a tagger has no text of its own to be examined on", fix="give a file with sentences")
    words = _longest(model, path)
    network = model.network
    batch = draw(EncodedTexts.of_words([words], model.lexicon), np.zeros(1, np.int64))
    with torch.no_grad():
        vectors = network.encoder.embedder(batch)[:, 0]
    tags = network.predict(batch)[0]
    layers, loss = network.encoder.recurrent, TagLoss(InType(network), tags)
    if network.crf is None:
        return Subject(layers, vectors, tuple(words), step_loss=loss.of_steps, unit="word")
    return Subject(layers, vectors, tuple(words), text_loss=loss.of_sentence, unit="word")


class TagLoss:
    """-log p(tags that the model gives), in the type of what it is given.

    Args:
        network: the tagger.
        tags: [T], of the sentence.
    """

    def __init__(self, network: InType[Tagger], tags: Tensor) -> None:
        self._network, self._tags = network, tags

    def of_steps(self, outputs: Tensor, steps: Tensor) -> Tensor:
        """The losses [B] in nats of outputs [B, F] after steps [B]."""
        network = self._network(outputs.dtype)
        return functional.cross_entropy(network.output(outputs), self._tags[steps], reduction="none")

    def of_sentence(self, outputs: Tensor) -> Tensor:
        """The losses [B] in nats of outputs [T, B, F]."""
        network = self._network(outputs.dtype)
        assert network.crf is not None
        tags = self._tags[:, None].expand(outputs.shape[:2]).contiguous()
        return network.crf.loss(network.output(outputs), tags)


def _longest(model: SequenceTagger, path: str) -> Sequence[str]:
    """The words of the longest sentence, or of its first part where it is tagged in parts."""
    found = source(model, path, SourceSettings(), sys.stdin.buffer, _ignore)
    words = max((item.words for item in islice(found.items, TEXTS)), key=len, default=())
    if not words:
        raise DataError("a sentence is needed, but there is not one word", where=path, fix="give a file with text")
    return list(words[: min(model.longest, LONGEST)])


def _ignore(name: str, what: str) -> None:
    """What was changed while reading, such as line ends, does not matter here."""
