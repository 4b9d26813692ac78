"""What all neural language models have in common: vectors of tokens, features, a distribution over the next token.

Letters: T time, B batch, n texts, E embedding, F features, V vocabulary, S layers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.errors import GatewiseError, SettingError, ShapeError
from gatewise.layers.dropout import locked_dropout
from gatewise.layers.embedding import embedding
from gatewise.layers.output import OutputLayer
from gatewise.layers.softmax import check_ids
from gatewise.lm.measures import Measure
from gatewise.models.neural_state import Layers, NeuralState, last_features
from gatewise.models.settings import NeuralLMSettings
from gatewise.text.batch import Batch

Unit = Literal["running", "sentences"]


class NeuralLM(nn.Module, ABC):
    """p(w_t | w_1 ... w_{t-1}) = softmax of the output layer over features of the tokens before.

    A model says by :meth:`features` what the features are. It is a `gatewise.lm.LanguageModel`: call ``eval()`` before
    it scores or writes.

    Args:
        settings: sizes and regularisation.
        vocabulary_size: V, at least 1.
        eos_id: the token that ends a text, and that every text starts after.
        unit: whether it runs over text without end, or over sentences that end with ``eos_id``.
        kind: ``device`` and ``dtype`` of the parameters.

    Raises:
        SettingError: an ``eos_id`` outside the vocabulary.
    """

    output: OutputLayer

    def __init__(
        self, settings: NeuralLMSettings, vocabulary_size: int, eos_id: int, unit: Unit, kind: dict[str, Any]
    ) -> None:
        super().__init__()
        if not 0 <= eos_id < vocabulary_size:
            raise SettingError(f"eos_id must be from 0 to {vocabulary_size - 1}, but {eos_id} was given")
        self.settings = settings
        self.vocabulary_size, self.eos_id, self.unit = vocabulary_size, eos_id, unit
        self.embedding = embedding(vocabulary_size, settings.embedding_size, **kind)

    def reset_parameters(self) -> None:
        """Draw the vectors of the tokens from U(-0.1, 0.1); the layers draw their own parameters."""
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)

    @abstractmethod
    def features(
        self, ids: Tensor, state: Layers | None = None, *, lengths: Tensor | None = None, fresh: Tensor | None = None
    ) -> tuple[Tensor, Layers]:
        """What the token after each of ``ids`` is predicted from.

        Args:
            ids: [T, B], int64.
            state: of the layers, [S, B, width] each; None: the initial state.
            lengths: [B], valid steps of each row, 0 allowed; None: all T.
            fresh: [B], bool: rows that start from the initial state whatever ``state`` holds; None: none does.

        Returns:
            [T, B, F], and the state of the layers after each row's last valid step.

        Raises:
            ShapeError: a state of another batch size.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """What it is and its sizes, for a reader; ready for JSON."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """What `gatewise.models.rebuild` makes this model from again, beside its tensors; ready for JSON."""

    def loss(self, batch: Batch, state: Layers | None = None) -> tuple[Tensor, int, Layers]:
        """The loss of a batch.

        Args:
            batch: on any device.
            state: what the batch before it returned; None: every row starts from the initial state.

        Returns:
            -sum log p over the valid targets, in nats; how many they are; and the state to hand to the next batch.

        Raises:
            ShapeError: the state is of another batch size, and not every row of the batch is fresh.
        """
        device = self.embedding.weight.device
        features, final = self.features(batch.inputs.to(device), state, lengths=batch.lengths, fresh=batch.fresh)
        rows, targets = features.flatten(0, 1), batch.targets.to(device).flatten()
        if batch.lengths is not None:
            valid = _valid(batch.lengths, batch.targets.size(0)).flatten().nonzero().squeeze(1).to(device)
            rows, targets = rows.index_select(0, valid), targets.index_select(0, valid)
        return self.output.loss(rows, targets), batch.tokens, final

    @torch.no_grad()
    def evaluate(self, batches: Iterable[Batch], *, characters: int = 0) -> Measure:
        """The loss over all batches, the state carried from each to the next.

        Args:
            batches: one pass over a text.
            characters: how many the targets stand for; 0 where that is not known, or they do not hold them all.

        Raises:
            DataError: there is no batch.
            GatewiseError: the model is in training mode.
        """
        self._check_evaluating()
        nats, tokens, state = 0.0, 0, None
        for batch in batches:
            total, count, state = self.loss(batch, state)
            nats, tokens = nats + total.item(), tokens + count
        return Measure(nats, tokens, characters)

    @torch.no_grad()
    def token_log_probs(self, batches: Iterable[Batch]) -> Iterator[Tensor]:
        """The log probability of each valid target of each batch, [tokens] in nats, a time step after the other.

        Args:
            batches: one pass over a text; the state is carried from each to the next.

        Raises:
            GatewiseError: the model is in training mode.
        """
        self._check_evaluating()
        state, device = None, self.embedding.weight.device
        for batch in batches:
            features, state = self.features(batch.inputs.to(device), state, lengths=batch.lengths, fresh=batch.fresh)
            rows, targets = features.flatten(0, 1), batch.targets.to(device).flatten()
            if batch.lengths is not None:
                valid = _valid(batch.lengths, batch.targets.size(0)).flatten().nonzero().squeeze(1).to(device)
                rows, targets = rows.index_select(0, valid), targets.index_select(0, valid)
            yield self.output.log_prob_of(rows, targets)

    @torch.no_grad()
    def start(self, n: int) -> NeuralState:
        """The state of n texts before their first token: the initial state, after it has read ``eos_id``."""
        self._check_evaluating()
        eos = torch.full((1, 1), self.eos_id, device=self.embedding.weight.device)
        features, layers = self.features(eos)
        return NeuralState(layers, features[0]).select(torch.zeros(n, dtype=torch.int64))

    @torch.no_grad()
    def advance(self, state: NeuralState, ids: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, NeuralState]:
        """Read some tokens of each text; see `gatewise.lm.LanguageModel.advance`.

        Raises:
            ShapeError: ids that are not [n, T], or outside the vocabulary.
            GatewiseError: the model is in training mode.
        """
        self._check_evaluating()
        self._check_shape(ids, state)
        if ids.size(1) == 0:
            return state.features.new_zeros(ids.shape), state
        if lengths is not None:
            ids = ids.where(_valid(lengths, ids.size(1)).t(), self.eos_id)
            lengths = lengths.to(state.features.device)
        check_ids(ids, self.vocabulary_size, where=type(self).__name__)
        ids = ids.to(state.features.device)
        features, layers = self.features(ids.t(), state.layers, lengths=lengths)
        log_probs = self._log_probs(state, features, ids, lengths)
        return log_probs, NeuralState(layers, last_features(features, lengths, state.features))

    @torch.no_grad()
    def next(self, state: NeuralState) -> Tensor:
        """The log probability of every token that may come next, [n, V] in nats."""
        self._check_evaluating()
        known = state.known("next")
        return state.remember("next", self.output.log_probs(state.features)) if known is None else known

    def _embed(self, ids: Tensor) -> Tensor:
        vectors: Tensor = self.embedding(ids)
        rate = self.settings.embedding_dropout
        if not self.training or rate == 0.0:
            return vectors
        # The same as dropping rows of the matrix, without a second matrix.
        kept = functional.dropout(vectors.new_ones(self.vocabulary_size), rate)
        return vectors * kept[ids].unsqueeze(-1)

    def _drop(self, sequence: Tensor, rate: float) -> Tensor:
        if self.settings.locked_masks:
            return locked_dropout(sequence, rate, self.training)
        return functional.dropout(sequence, rate, self.training)

    def _log_probs(self, state: NeuralState, features: Tensor, ids: Tensor, lengths: Tensor | None) -> Tensor:
        """[n, T]: each of ``ids`` [n, T] from the features before it; ``features`` [T, n, F] are those after it."""
        n, steps = ids.shape
        table = state.known("next")
        if table is not None and lengths is None and steps == 1:
            return table.gather(1, ids)
        before, wanted = torch.cat([state.features[None], features[:-1]]).flatten(0, 1), ids.t().flatten()
        if lengths is None:
            return self.output.log_prob_of(before, wanted).view(steps, n).t()
        places = _valid(lengths, steps).flatten().nonzero().squeeze(1)
        found = self.output.log_prob_of(before.index_select(0, places), wanted.index_select(0, places))
        return found.new_zeros(steps * n).index_copy(0, places, found).view(steps, n).t()

    def _check_evaluating(self) -> None:
        if self.training:
            raise GatewiseError("the model is in training mode", where=type(self).__name__, fix="call .eval() first")

    def _check_shape(self, ids: Tensor, state: NeuralState) -> None:
        if ids.dim() != 2 or ids.dtype != torch.int64 or ids.size(0) != len(state):
            message = f"the ids are {ids.dtype} {list(ids.shape)}, expected torch.int64 [{len(state)}, T]"
            raise ShapeError(message, where=type(self).__name__)


def _valid(lengths: Tensor, steps: int) -> Tensor:
    """[T, B]: whether a step is within a row's length."""
    return torch.arange(steps, device=lengths.device)[:, None] < lengths
