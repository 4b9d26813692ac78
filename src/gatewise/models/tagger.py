"""The tagger: encoder, a score of each tag at each token, and tags chosen each by itself or together.

Letters: T time, B batch, F features, V vocabulary, L labels, n paths.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.layers.crf import LinearChainCRF, Paths
from gatewise.models.allowed import Allowed
from gatewise.models.encoder_settings import TaggerSettings
from gatewise.models.text_model import TextModel
from gatewise.text.text_batches import TextBatch


class Tagger(TextModel):
    """p(y_1 ... y_T | w_1 ... w_T) by a linear-chain CRF over e_t = U h_t + b, or prod_t softmax(e_t)[y_t].

    h are the features of the encoder. An empty text has the empty sequence of tags, whose probability is 1.

    Args:
        settings: encoder and output layer.
        vocabulary_size: V, at least 1.
        labels: L, kinds of tags, at least 1.
        characters_size: of the lexicon; 0 without characters.
        unk_id: the id of ``<unk>``; None where nothing is unknown.
        allowed: which tags may begin, follow each other, and end; with a CRF only. None: all.
        cell: a cell of your own, or a registered one with other constants; None: what the settings say.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        SettingError: settings that do not go together, an unknown cell, or a cell that has to be given.

    Sources: Huang et al. 2015, arXiv:1508.01991; Lample et al. 2016, arXiv:1603.01360.

    Example:
        >>> model = Tagger(TaggerSettings(embedding_size=8, hidden_size=16), vocabulary_size=30, labels=4).eval()
        >>> batch = TextBatch(torch.zeros(5, 2).long(), torch.tensor([5, 3]), torch.arange(2))
        >>> [len(tags) for tags in model.predict(batch)], model.marginals(batch).shape
        ([5, 3], torch.Size([5, 2, 4]))
    """

    settings: TaggerSettings
    model_type = "tagger"

    def __init__(
        self,
        settings: TaggerSettings,
        vocabulary_size: int,
        labels: int,
        *,
        characters_size: int = 0,
        unk_id: int | None = 0,
        allowed: Allowed | None = None,
        cell: Cell | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        super().__init__(settings, vocabulary_size, labels, characters_size, unk_id, cell, kind)
        if allowed is not None and settings.output == "softmax":
            message = "tags that may not follow each other belong to a CRF, but output is softmax"
            raise SettingError(message, where="Tagger", fix="give output=crf")
        self.allowed = allowed
        self.output = nn.Linear(self.encoder.output_size, labels, **kind)
        masks: dict[str, Any] = {} if allowed is None else allowed.masks(labels)
        self.crf = LinearChainCRF(labels, **masks, **kind) if settings.output == "crf" else None

    def emissions(self, batch: TextBatch) -> Tensor:
        """The score of each tag at each token, [T, B, L]; beyond a text's length that of features 0.

        Raises:
            ShapeError: an id outside the vocabulary, or a batch without the characters that are needed.
        """
        scores: Tensor = self.output(self.encoder(batch))
        return scores

    def loss(self, batch: TextBatch) -> tuple[Tensor, int]:
        """The loss of a batch.

        Args:
            batch: with tags [T, B], int64.

        Returns:
            -sum log p(tags of a text) in nats, and how many tokens it is of (1 where all texts are empty).

        Raises:
            InputError: tags of another kind or shape, outside 0 to L - 1, or not allowed where they stand.
        """
        emissions = self.emissions(batch)
        targets = self.targets_of(batch, tuple(emissions.shape[:2]), torch.int64, "tag")
        count = max(1, int(batch.lengths.sum()))
        if self.crf is not None:
            return self.crf.loss(emissions, targets, lengths=batch.lengths).sum(), count
        valid = batch.valid.to(self.device)
        wanted = targets[valid]
        self.check_targets(wanted, "tag")
        return functional.cross_entropy(emissions[valid], wanted, reduction="sum"), count

    @torch.no_grad()
    def predict(self, batch: TextBatch) -> list[Tensor]:
        """The most probable tags of each text, [length] each, int64, on the CPU.

        Raises:
            GatewiseError: the model is in training mode.
        """
        self.check_evaluating()
        return self._best(self.emissions(batch), batch)

    @torch.no_grad()
    def judge(self, batch: TextBatch) -> tuple[list[Tensor], Tensor]:
        """What `predict` gives, and the loss of each text, [B] on the CPU, from one pass through the layers.

        Args:
            batch: with tags [T, B], int64.

        Raises:
            GatewiseError: the model is in training mode, or the tags are refused as by `loss`.
        """
        self.check_evaluating()
        emissions = self.emissions(batch)
        return self._best(emissions, batch), self._losses(emissions, batch).cpu()

    def _losses(self, emissions: Tensor, batch: TextBatch) -> Tensor:
        """The loss of each text, [B]."""
        targets = self.targets_of(batch, tuple(emissions.shape[:2]), torch.int64, "tag")
        if self.crf is not None:
            losses: Tensor = self.crf.loss(emissions, targets, lengths=batch.lengths)
            return losses
        valid = batch.valid.to(self.device)
        self.check_targets(targets[valid], "tag")
        each = functional.cross_entropy(emissions.transpose(1, 2), targets, reduction="none")
        return each.where(valid, 0.0).sum(0)

    def _best(self, emissions: Tensor, batch: TextBatch) -> list[Tensor]:
        if self.crf is None:
            found = emissions.argmax(-1)
        else:
            best, _ = self.crf.viterbi(emissions, lengths=batch.lengths)
            assert isinstance(best, Tensor)
            found = best
        rows = found.t().cpu()
        return [rows[row, :length] for row, length in enumerate(batch.lengths.tolist())]

    @torch.no_grad()
    def nbest(self, batch: TextBatch, n: int) -> Paths:
        """The n most probable sequences of tags of each text: tags [T, B, n], scores and probabilities [B, n].

        Raises:
            GatewiseError: the model is in training mode, or has no CRF.
        """
        self.check_evaluating()
        if self.crf is None:
            message = "the n best sequences are a CRF's to find, but output is softmax"
            raise SettingError(message, where="Tagger", fix="train with output=crf, or take marginals")
        return self.crf.nbest(self.emissions(batch), n, lengths=batch.lengths)

    @torch.no_grad()
    def marginals(self, batch: TextBatch) -> Tensor:
        """The probability of each tag at each token, [T, B, L]; zeros beyond a text's length.

        Raises:
            GatewiseError: the model is in training mode.
        """
        self.check_evaluating()
        emissions = self.emissions(batch)
        if self.crf is None:
            return emissions.softmax(-1).where(batch.valid.to(self.device)[..., None], 0.0)
        found = self.crf.marginals(emissions, lengths=batch.lengths)
        assert isinstance(found, Tensor)
        return found

    def head(self) -> list[nn.Parameter]:
        """The parameters above the encoder."""
        return [*self.output.parameters(), *([] if self.crf is None else self.crf.parameters())]

    def config(self) -> dict[str, Any]:
        """What `gatewise.models.rebuild_text_model` makes this model from again, beside its tensors; ready for JSON."""
        return {**super().config(), "allowed": {} if self.allowed is None else self.allowed.to_dict()}
