"""What a classifier and a tagger have in common: vectors of tokens, and recurrent layers over them.

Letters: T time, B batch, E width of a vector, F features, V vocabulary, K characters.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.spec import Cell
from gatewise.layers.dropout import locked_dropout
from gatewise.models.embedder import Embedder
from gatewise.models.encoder_settings import EncoderSettings
from gatewise.models.parts import cell_of_settings, recurrent_layers
from gatewise.scan.choice import Choice
from gatewise.text.text_batches import TextBatch


class Encoder(nn.Module):
    """h_1 ... h_T = layers(e_1 ... e_T): for each token a vector that knows the tokens before it, and after it.

    Args:
        settings: cell, sizes and regularisation.
        vocabulary_size: V, at least 1.
        characters_size: K; 0 without.
        unk_id: the id of ``<unk>``; None where nothing is unknown.
        cell: a cell of your own; None: what the settings say.
        where: the model, for errors.
        kind: ``device`` and ``dtype`` of the parameters.

    Raises:
        SettingError: settings that do not go together, an unknown cell, or a cell that has to be given.

    Example:
        >>> import torch
        >>> encoder = Encoder(EncoderSettings(embedding_size=8, hidden_size=16), vocabulary_size=30)
        >>> tokens = TextBatch(torch.zeros(5, 2).long(), torch.tensor([5, 3]), torch.arange(2))
        >>> encoder(tokens).shape, encoder(tokens)[3:, 1].count_nonzero().item()
        (torch.Size([5, 2, 32]), 0)
    """

    def __init__(
        self,
        settings: EncoderSettings,
        vocabulary_size: int,
        characters_size: int = 0,
        unk_id: int | None = 0,
        *,
        cell: Cell | None = None,
        where: str = "Encoder",
        kind: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.settings, kind = settings, kind or {}
        cell = cell_of_settings(settings, cell, where)
        self.embedder = Embedder(settings, vocabulary_size, characters_size, unk_id, cell, kind)
        self.recurrent = recurrent_layers(
            settings, self.embedder.output_size, cell, kind, bidirectional=settings.bidirectional
        )

    @property
    def output_size(self) -> int:
        """F, twice the width of a layer where it reads in both directions."""
        return self.recurrent.output_size

    def forward(self, batch: TextBatch) -> Tensor:
        """The features of each token, [T, B, F]; zeros beyond a text's length.

        Raises:
            ShapeError: an id outside the vocabulary, or a batch without the characters that are needed.
        """
        return self.read(self.embedder(batch), batch.lengths)

    def read(self, vectors: Tensor, lengths: Tensor) -> Tensor:
        """The features of tokens whose vectors are given, [T, B, F].

        Args:
            vectors: [T, B, E]; what stands beyond a length is never read.
            lengths: [B], 0 allowed.
        """
        outputs, _ = self.recurrent(self._drop(vectors, self.settings.input_dropout), lengths=lengths)
        return self._drop(outputs, self.settings.output_dropout)

    def choice(self) -> Choice:
        """The runner of the recurrent layers, with the reason for it."""
        return self.recurrent.choice()

    def groups(self) -> list[list[nn.Parameter]]:
        """The parameters from the input to the output: vectors and characters, then layer by layer."""
        layers: list[list[nn.Parameter]] = [[] for _ in range(self.recurrent.num_layers)]
        for name, parameter in self.recurrent.named_parameters():
            # Learned initial states are one tensor for all layers, and stand with the first.
            number = "0" if name.startswith("initial_") else name.removesuffix("_reverse").rpartition("_l")[2]
            layers[int(number)].append(parameter)
        return [list(self.embedder.parameters()), *layers]

    def _drop(self, sequence: Tensor, rate: float) -> Tensor:
        if self.settings.locked_masks:
            return locked_dropout(sequence, rate, self.training)
        return functional.dropout(sequence, rate, self.training)
