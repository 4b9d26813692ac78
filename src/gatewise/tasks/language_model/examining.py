"""A language model and a text as the doctor examines them.

Letters: T time, B batch, E width of a vector, F features.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from gatewise.errors import SettingError
from gatewise.gradients.subject import Subject
from gatewise.models.mixture_lm import MixtureLM
from gatewise.models.ngram import NgramLM
from gatewise.models.rebuild import Network
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.window_lm import WindowLM
from gatewise.tasks.examined import LONGEST, UNITS, InType, names_of
from gatewise.tasks.language_model.model import LanguageModel
from gatewise.text.default_corpus import default_corpus
from gatewise.text.documents import Document
from gatewise.text.readers import read
from gatewise.text.store import TokenStore
from gatewise.text.streams import division

_CHARACTERS = 50 * LONGEST  # of a text that are encoded: more than so many tokens, or the sequences to choose from


def examine(model: LanguageModel, path: str | None = None) -> Subject:
    """The recurrent layers of a language model on a text; the loss of step t is that of the token after token t.

    ::

        loss_t = -log p(w_(t+1) | w_1 ... w_t)        w_1 ends the text before, as in training

    Of running text the beginning is examined, up to 2048 tokens. A model that starts anew at every sentence (document,
    paragraph, line) is examined on the longest one.

    Args:
        model: with recurrent layers.
        path: a text file, a folder or a glob; None: the held-out last part of the documentation inside this Python,
            on which a model trained without files was not trained.

    Raises:
        SettingError: the model is not recurrent; the line says what can be said of it all the same.
        DataError: the text cannot be used.
    """
    network = model.network
    if not isinstance(network, RecurrentLM):
        raise SettingError(_not_recurrent(network), fix="for how good it is on a text, use gatewise eval MODEL TEXT")
    whole = np.concatenate([[model.tokenizer.eos_id], _text(model, path)]).astype(np.int64)
    ids = torch.from_numpy(whole)
    with torch.no_grad():
        vectors = network.embedding(ids[:-1])
    names = names_of(model.tokenizer, whole.tolist())
    return Subject(
        network.recurrent,
        vectors,
        names[:-1],
        step_loss=StepLoss(InType(network), ids[1:]),
        unit=UNITS[model.tokenizer.level],
        targets=names[1:],
    )


class StepLoss:
    """-log p(target) of some steps, in the type of what it is given.

    Args:
        network: the model.
        targets: [T], the token that follows each step.
    """

    def __init__(self, network: InType[RecurrentLM], targets: Tensor) -> None:
        self._network, self._targets = network, targets

    def __call__(self, outputs: Tensor, steps: Tensor) -> Tensor:
        """The losses [B] in nats of outputs [B, F] after steps [B]."""
        network, targets = self._network(outputs.dtype), self._targets[steps]
        features = outputs if network.projection is None else network.projection(outputs)
        if not features.requires_grad:
            return -network.output.log_prob_of(features, targets)  # in pieces, without a table of all tokens
        return -network.output.log_probs(features).gather(1, targets[:, None]).squeeze(1)


def _text(model: LanguageModel, path: str | None) -> np.ndarray:
    """The token ids of what is examined, at most 2048 of them."""
    text = model.parts.text
    if path is None:
        documents = default_corpus().split(text.validation_share)[1]
    else:
        documents = read(path, encoding=text.encoding).documents
    store = TokenStore.build(_beginning(documents), model.tokenizer, division=division(text))
    first, last = 0, len(store)
    if text.unit == "sentences" or text.reset_at != "never":
        longest = int(np.diff(store.boundaries).argmax())
        first, last = store.boundaries[longest : longest + 2].tolist()
    return store.ids[first : min(last, first + LONGEST)]


def _beginning(documents: tuple[Document, ...]) -> Iterator[Document]:
    """Documents of so many characters together, the last one cut."""
    left = _CHARACTERS
    for document in documents:
        text = "".join(document.part(0, left))
        yield Document.of(document.name, text)
        left -= len(text)
        if left <= 0:
            return


def _not_recurrent(network: Network) -> str:
    """What can be said of a model that has no recurrent layers."""
    none = "it has no recurrent layers whose gradients, gates or states could be measured"
    if isinstance(network, NgramLM):
        order = network.table.order
        return f"an n-gram model of order {order} sees the last {order - 1} tokens and nothing before them; {none}"
    if isinstance(network, WindowLM):
        seen = network.settings.window
        return f"a window-based model sees the last {seen} tokens and nothing before them; {none}"
    assert isinstance(network, MixtureLM)
    return "a mixture has no recurrent layers of its own; examine the models that it was made of, one by one"
