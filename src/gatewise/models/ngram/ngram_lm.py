"""The n-gram language model.

Letters: n texts, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from gatewise.errors import ShapeError
from gatewise.layers.softmax import check_ids
from gatewise.lm.measures import Measure
from gatewise.models.ngram.counts import places_of
from gatewise.models.ngram.ngram_state import NgramState
from gatewise.models.ngram.places import Text
from gatewise.models.ngram.stored import to_tensors
from gatewise.models.ngram.table import BackoffTable, Logs
from gatewise.models.settings import NgramLMSettings, unusual
from gatewise.text.batch import Batch


class NgramLM:
    """p(w_t | w_(t-n+1) ... w_(t-1)) from a back-off table: what the last n - 1 tokens were decides.

    It is a `gatewise.lm.LanguageModel`, on the CPU, and scores many texts at a time.

    Args:
        table: n-grams with log probabilities and back-off weights.
        unit: whether it runs over text without end, or over sentences that end with ``eos_id``.
        settings: how the table was estimated; None: nobody knows, as of a table that was read from an ARPA file.

    Sources: Jelinek and Mercer 1980; Katz 1987; Chen and Goodman 1998.

    Example:
        >>> import numpy as np
        >>> from gatewise.models.ngram.counts import count
        >>> from gatewise.models.ngram.estimate import estimate
        >>> counts = count(np.array([1, 2, 1, 2, 0]), None, 2, vocabulary_size=3, eos_id=0)
        >>> lm = NgramLM(estimate(counts, "maximum-likelihood").table)
        >>> lm.next(lm.advance(lm.start(1), torch.tensor([[1, 2]]))[1]).exp().tolist()         # after 2: 1 or the end
        [[0.5, 0.5, 0.0]]
    """

    def __init__(
        self,
        table: BackoffTable,
        *,
        unit: Literal["running", "sentences"] = "running",
        settings: NgramLMSettings | None = None,
    ) -> None:
        self.table, self.unit, self.settings = table, unit, settings

    @property
    def vocabulary_size(self) -> int:
        """V."""
        return self.table.vocabulary_size

    @property
    def eos_id(self) -> int:
        """The token that ends a text, and that every text starts after."""
        return self.table.eos_id

    def start(self, n: int) -> NgramState:
        """The state of n texts before their first token."""
        return NgramState.before(n, self.table.order - 1, self.eos_id)

    def advance(self, state: NgramState, ids: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, NgramState]:
        """Read some tokens of each text; see `gatewise.lm.LanguageModel.advance`.

        Raises:
            ShapeError: ids that are not [n, T], or outside the vocabulary.
        """
        if ids.dim() != 2 or ids.dtype != torch.int64 or ids.size(0) != len(state):
            message = f"the ids are {ids.dtype} {list(ids.shape)}, expected torch.int64 [{len(state)}, T]"
            raise ShapeError(message, where="NgramLM")
        beyond = None if lengths is None else torch.arange(ids.size(1)) >= lengths[:, None]
        check_ids(ids if beyond is None else ids.where(~beyond, self.eos_id), self.vocabulary_size, where="NgramLM")
        text = torch.cat([state.contexts, ids if beyond is None else ids.where(~beyond, -1)], 1)
        width = state.contexts.size(1)
        log_probs = torch.from_numpy(self.table.log_probs(text.numpy(), width))
        if lengths is None or beyond is None:
            return log_probs, NgramState(text[:, text.size(1) - width :])
        last = lengths[:, None] + torch.arange(width)
        return log_probs.masked_fill_(beyond, 0.0), NgramState(text.gather(1, last))

    def next(self, state: NgramState) -> Tensor:
        """The log probability of every token that may come next, [n, V] in nats."""
        return torch.from_numpy(self.table.distribution(state.contexts.numpy()))

    def measure(self, text: Text, *, characters: int = 0, unknown: int | None = None) -> tuple[Measure, Measure | None]:
        """The loss over a whole text, its sequences as they are; quicker than over batches, and nothing is cut.

        Args:
            text: as n-grams see it.
            characters: of the text, where the tokens hold every one of them; 0 where they do not.
            unknown: a token without which the text is measured too.

        Returns:
            over all tokens; and over all but those that are ``unknown``, which are read all the same.

        Raises:
            DataError: there is no token.
        """
        log_probs = self.text_log_probs(text)
        known = None if unknown is None else _measured(log_probs[text.ids != unknown])
        return _measured(log_probs, characters), known

    def text_log_probs(self, text: Text) -> Logs:
        """The log probability of each token of a text after those before it in its sequence, [tokens] in nats."""
        words, age = places_of(text.ids.astype(np.int64), text.boundaries, self.eos_id)
        return self.table.text_log_probs(words, age > 0)[age > 0]

    def evaluate(self, batches: Iterable[Batch], *, characters: int = 0) -> Measure:
        """The loss over all batches, each row's last tokens carried from a batch to the next.

        Args:
            batches: a stream's ``one_pass()``.
            characters: of the text, where the tokens hold every one of them; 0 where they do not.

        Raises:
            DataError: there is no token.
        """
        nats, tokens = 0.0, 0
        for log_probs in self.token_log_probs(batches):
            nats, tokens = nats - float(log_probs.sum(dtype=torch.float64)), tokens + len(log_probs)
        return Measure(nats, tokens, characters)

    def token_log_probs(self, batches: Iterable[Batch]) -> Iterator[Tensor]:
        """The log probability of each valid target of each batch, [tokens] in nats, a time step after the other.

        Args:
            batches: one pass over a text; each row's last tokens are carried from each to the next.
        """
        state = self.start(0)
        for batch in batches:
            steps, rows = batch.targets.shape
            state = self.start(rows) if len(state) != rows else state.fresh(batch.fresh, self.eos_id)
            log_probs, state = self.advance(state, batch.targets.t(), batch.lengths)
            if batch.lengths is None:
                yield log_probs.t().flatten()
            else:
                yield log_probs.t()[torch.arange(steps)[:, None] < batch.lengths]

    def state_dict(self) -> dict[str, Tensor]:
        """The table as tensors, by name."""
        return to_tensors(self.table)

    def describe(self) -> dict[str, Any]:
        """What it is and its sizes, for a reader; ready for JSON."""
        return {
            "order": self.table.order,
            "smoothing": self.settings.smoothing if self.settings else "not known",
            "n-grams": {f"order {order}": len(found.keys) for order, found in enumerate(self.table.orders, start=1)},
            "other_settings": unusual(self.settings, ("order", "smoothing")) if self.settings else {},
        }

    def config(self) -> dict[str, Any]:
        """What `gatewise.models.rebuild` makes this model from again, beside its tensors; ready for JSON."""
        return {
            "model_type": "ngram-lm",
            "settings": self.settings.to_dict() if self.settings else {},
            "vocabulary_size": self.vocabulary_size,
            "eos_id": self.eos_id,
            "unit": self.unit,
            "uniform": self.table.uniform,
        }


def _measured(log_probs: Logs, characters: int = 0) -> Measure:
    return Measure(-float(log_probs.sum(dtype=np.float64)), len(log_probs), characters)
