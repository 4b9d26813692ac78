"""The classifier of texts: encoder, pooling over the tokens, and a label or any number of them.

Letters: T time, B batch, E width of a vector, F features, V vocabulary, L labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.layers.direct import DirectConnections
from gatewise.layers.errors import InputError
from gatewise.layers.pooling import Pooling
from gatewise.models.encoder_settings import ClassifierSettings
from gatewise.models.explanation import Method, word_weights
from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import CellSettings, LayerSettings
from gatewise.models.text_model import TextModel
from gatewise.text.ngram_ratios import NgramRatios
from gatewise.text.text_batches import TextBatch


class Classifier(TextModel):
    """p(y | w_1 ... w_T) = softmax(U pool(h_1 ... h_T) + b + d), or with ``multi_label`` p(y_j = 1 | w) = its sigmoid.

    h are the features of the encoder; an empty text has the features 0. d are the scores of the direct connections
    from the n-grams of the text, 0 without them; see `gatewise.layers.direct`.

    Args:
        settings: encoder, pooling, loss.
        vocabulary_size: V, at least 1.
        labels: L, at least 1.
        characters_size: of the lexicon; 0 without characters.
        unk_id: the id of ``<unk>``; None where nothing is unknown.
        ngrams: how many n-grams of 2, 3 ... tokens have direct connections; with ``direct_order`` above 1.
        cell: a cell of your own, or a registered one with other constants; None: what the settings say.
        device: of the parameters.
        dtype: of the parameters.

    Attributes:
        class_weights: [L], what the loss of a label is multiplied by; None without. Kept with the weights.

    Raises:
        SettingError: settings that do not go together, an unknown cell, or a cell that has to be given.

    Example:
        >>> settings = ClassifierSettings(embedding_size=8, hidden_size=16, pooling="mean")
        >>> model = Classifier(settings, vocabulary_size=30, labels=3)
        >>> lengths, labels = torch.tensor([5, 3]), torch.tensor([0, 2])
        >>> batch = TextBatch(torch.zeros(5, 2).long(), lengths, torch.arange(2), None, labels)
        >>> total, count = model.loss(batch)
        >>> count, model.logits(batch).shape
        (2, torch.Size([2, 3]))
    """

    settings: ClassifierSettings
    model_type = "classifier"
    class_weights: Tensor | None

    def __init__(
        self,
        settings: ClassifierSettings,
        vocabulary_size: int,
        labels: int,
        *,
        characters_size: int = 0,
        unk_id: int | None = 0,
        ngrams: Sequence[int] = (),
        cell: Cell | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__(settings, vocabulary_size, labels, characters_size, unk_id, cell, kind)
        self.pooling = Pooling(settings.pooling, self.encoder.output_size, bidirectional=settings.bidirectional, **kind)
        self.output = nn.Linear(self.pooling.output_size, labels, **kind)
        self.direct = DirectConnections(vocabulary_size, ngrams, labels, **kind) if settings.direct_order else None
        weighted = settings.class_weights == "balanced"
        self.register_buffer("class_weights", torch.ones(labels, **kind) if weighted else None)

    def balance(self, counts: Sequence[int], texts: int) -> None:
        """Set the weights of the labels so that rare ones count as much in all as frequent ones.

        With one label a text w_j = n / (L n_j), whose mean over the training texts is 1 where they have every label;
        with any number of labels w_j = (n - n_j) / n_j, by which the loss of label j is multiplied in a text that has
        it. A label that no text has is counted once, one that every text has as missing once.

        Args:
            counts: n_j, texts with each label; [L].
            texts: n, texts in all.

        Raises:
            SettingError: ``class_weights`` is not balanced, or the counts do not fit.
        """
        if self.class_weights is None:
            message = "there are no weights to balance, since class_weights is none"
            raise SettingError(message, where="Classifier", fix="give class_weights=balanced")
        found = torch.as_tensor(counts, dtype=torch.float64)
        if found.shape != (self.labels,) or bool((found < 0).any()) or bool((found > texts).any()):
            message = f"{self.labels} counts from 0 to {texts} are expected, but {list(counts)} came"
            raise SettingError(message, where="Classifier")
        present = found.clamp(min=1)
        many = self.settings.multi_label
        weights = (texts - found).clamp(min=1) / present if many else texts / (self.labels * present)
        self.class_weights.copy_(weights)

    def set_ratios(self, counted: NgramRatios) -> None:
        """Give the direct connections the n-grams of training texts.

        Args:
            counted: of the sizes that the model was made for.

        Raises:
            InputError: there are no direct connections, or for n-grams of other sizes.
        """
        if self.direct is None:
            message = "there are no direct connections, since direct_order is 0"
            raise InputError(message, where="Classifier", fix="give direct_order=2")
        self.direct.set_ratios(counted)

    def config(self) -> dict[str, Any]:
        """What `gatewise.models.rebuild_text_model` makes this model from again, beside its tensors; ready for JSON."""
        return super().config() | {"ngrams": list(self.direct.sizes) if self.direct else []}

    def logits(self, batch: TextBatch) -> Tensor:
        """The score of each label of each text, [B, L].

        Raises:
            ShapeError: an id outside the vocabulary, or a batch without the characters that are needed.
        """
        scores = self.scores(self.encoder.embedder(batch), batch.lengths)
        return scores if self.direct is None else scores + self.direct(batch.tokens.to(self.device), batch.lengths)

    def scores(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """The score of each label, [B, L], of texts whose vectors are given; without direct connections.

        Args:
            vectors: [T, B, E]; what stands beyond a length is never read.
            lengths: [B], 0 allowed.
        """
        pooled = self.pooling(self.encoder.read(vectors, lengths), lengths=lengths)
        scores: Tensor = self.output(pooled)
        return scores

    def probabilities(self, batch: TextBatch) -> Tensor:
        """The probability of each label of each text, [B, L]; with ``multi_label`` each by itself."""
        logits = self.logits(batch)
        return logits.sigmoid() if self.settings.multi_label else logits.softmax(-1)

    def loss(self, batch: TextBatch, *, weighted: bool = True) -> tuple[Tensor, int]:
        """The loss of a batch.

        Args:
            batch: with labels [B], int64, or with ``multi_label`` [B, L], bool.
            weighted: multiply by the weights of the labels, where there are some.

        Returns:
            -sum log p(labels of a text) in nats, each label's part times its weight; and how many texts it is of,
            whatever their weights: with one label a text, balanced weights are 1 on average over the training texts.

        Raises:
            InputError: labels of another kind or shape, or outside 0 to L - 1.
        """
        weights = self.class_weights if weighted else None
        logits = self.logits(batch)
        if self.settings.multi_label:
            wanted = self.targets_of(batch, tuple(logits.shape), torch.bool, "label").to(logits.dtype)
            total = functional.binary_cross_entropy_with_logits(logits, wanted, pos_weight=weights, reduction="sum")
            return total, len(logits)
        targets = self.targets_of(batch, (len(logits),), torch.int64, "label")
        self.check_targets(targets, "label")
        return functional.cross_entropy(logits, targets, weight=weights, reduction="sum"), len(logits)

    def word_weights(self, batch: TextBatch, label: int | Tensor, method: Method = "gradient") -> Tensor:
        """How much each token speaks for a label, [T, B]; zeros beyond a text's length.

        Args:
            batch: the texts.
            label: of all texts, or [B] one for each.
            method: "gradient": d score / d e_t . e_t, by which the score would fall, to first order, if the vector of
                the token became 0; "leave-one-out": how much higher the score is than that of the text without it. The
                part of direct connections is the second in both.

        Raises:
            GatewiseError: the model is in training mode.
            InputError: a label outside 0 to L - 1.

        Example:
            >>> model = Classifier(ClassifierSettings(embedding_size=8, hidden_size=16), 30, labels=3).eval()
            >>> batch = TextBatch(torch.randint(30, (5, 2)), torch.tensor([5, 3]), torch.arange(2))
            >>> model.word_weights(batch, label=1)[3:, 1].tolist()
            [0.0, 0.0]
        """
        return word_weights(self, batch, label, method)

    def head(self) -> list[nn.Parameter]:
        """The parameters above the encoder."""
        direct = [] if self.direct is None else self.direct.parameters()
        return [*self.pooling.parameters(), *self.output.parameters(), *direct]

    @classmethod
    def from_language_model(
        cls,
        model: RecurrentLM,
        labels: int,
        settings: ClassifierSettings | None = None,
        *,
        unk_id: int | None = None,
        ngrams: Sequence[int] = (),
    ) -> Self:
        """A classifier whose vectors and layers are those of a language model, copied; it reads in one direction.

        Args:
            model: over the tokens that the texts are made of.
            labels: L, at least 1.
            settings: pooling, loss and regularisation; cell, sizes and what else is about the layers are the
                language model's, whatever they are here.
            unk_id: the id of ``<unk>`` in its vocabulary; None where nothing is unknown.
            ngrams: how many have direct connections.

        Raises:
            SettingError: settings that do not go together.

        Source: Howard & Ruder 2018, arXiv:1801.06146v5.

        Example:
            >>> from gatewise.models.settings import RecurrentLMSettings
            >>> lm = RecurrentLM(RecurrentLMSettings(embedding_size=4, hidden_size=6), vocabulary_size=10)
            >>> model = Classifier.from_language_model(lm, labels=2)
            >>> torch.equal(model.encoder.embedder.words.weight, lm.embedding.weight)
            True
        """
        taken = {name: getattr(model.settings, name) for name in ("embedding_size", "hidden_size", *_TAKEN)}
        own = (settings or ClassifierSettings()).to_dict()
        dropped = {} if taken["num_layers"] > 1 else {"hidden_dropout": 0.0}
        made = ClassifierSettings.from_dict(own | taken | dropped | {"bidirectional": False, "characters": "none"})
        weight = model.embedding.weight
        found = cls(
            made.replace(cell_options=""),
            model.vocabulary_size,
            labels,
            unk_id=unk_id,
            ngrams=ngrams,
            cell=model.cell,
            device=weight.device,
            dtype=weight.dtype,
        )
        found.set_settings(made)
        found.encoder.embedder.words.load_state_dict(model.embedding.state_dict())
        found.encoder.recurrent.load_state_dict(model.recurrent.state_dict())
        return found


_KEPT = ("hidden_dropout", "weight_dropout", "zoneout", "runner")  # regularisation, and what runs it, may be others
_TAKEN = tuple(
    field.name for kind in (CellSettings, LayerSettings) for field in fields(kind) if field.name not in _KEPT
)
