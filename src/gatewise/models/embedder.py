"""The vectors of words: looked up, and made of their characters.

Letters: T time, B batch, E embedding, V vocabulary, K characters, W distinct words of a batch, F features.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.spec import Cell
from gatewise.errors import SettingError, ShapeError
from gatewise.layers.characters import CharacterCNN, CharacterRNN
from gatewise.layers.embedding import embedding
from gatewise.layers.softmax import check_ids
from gatewise.models.encoder_settings import EncoderSettings
from gatewise.text.text_batches import TextBatch, TypeCharacters


class Embedder(nn.Module):
    """e_t = [v(w_t); c(w_t)]: the vector of a token, and beside it what is made of its characters.

    c(w) is computed once for each distinct word of a batch, and gathered. Word dropout replaces w_t by ``<unk>`` in v
    only: an unknown word has characters.

    Args:
        settings: widths, kind of character encoder, word and embedding dropout.
        vocabulary_size: V, at least 1.
        characters_size: K; 0 without.
        unk_id: the id of ``<unk>``; None where nothing is unknown.
        cell: of the character encoder "rnn".
        kind: ``device`` and ``dtype`` of the parameters.

    Raises:
        SettingError: settings that do not go with the vocabulary.

    Sources: Lample et al. 2016, arXiv:1603.01360 (characters by a recurrent network), Ma & Hovy 2016,
    arXiv:1603.01354 (by a convolution); embedding dropout Gal & Ghahramani 2016, arXiv:1512.05287v5.

    Example:
        >>> from gatewise.text.encoded import EncodedTexts
        >>> from gatewise.text.lexicon import Lexicon
        >>> from gatewise.text.text_batches import one_pass
        >>> texts = [["so", "it", "is"], ["it"]]
        >>> lexicon = Lexicon.build(texts)
        >>> embedder = Embedder(EncoderSettings(embedding_size=8), len(lexicon), 0, 0, None, {})
        >>> batch = next(one_pass(EncodedTexts.of_words(texts, lexicon), batch_size=2))
        >>> embedder(batch).shape
        torch.Size([3, 2, 8])
    """

    def __init__(
        self,
        settings: EncoderSettings,
        vocabulary_size: int,
        characters_size: int,
        unk_id: int | None,
        cell: Cell | None,
        kind: dict[str, Any],
    ) -> None:
        super().__init__()
        _check(settings, vocabulary_size, characters_size, unk_id)
        self.settings, self.vocabulary_size, self.unk_id = settings, vocabulary_size, unk_id
        self.words = embedding(vocabulary_size, settings.embedding_size, **kind)
        self.words.weight.requires_grad_(not settings.freeze_vectors)
        self.characters = _character_encoder(settings, characters_size, cell, kind)
        self.reset_parameters()

    @property
    def output_size(self) -> int:
        """F, the width of a vector."""
        return self.settings.embedding_size + (0 if self.characters is None else self.characters.output_size)

    def reset_parameters(self) -> None:
        """Draw the vectors of the tokens from U(-0.1, 0.1); the character encoder draws its own parameters."""
        nn.init.uniform_(self.words.weight, -0.1, 0.1)

    @torch.no_grad()
    def set_vectors(self, vectors: Tensor, known: Tensor | None = None) -> None:
        """Take the vectors of tokens from elsewhere, such as pretrained ones.

        Args:
            vectors: [V, E].
            known: [V], bool: the rows that are taken, the others stay as they are; None: all.

        Raises:
            ShapeError: another shape, or a number that is not finite.
        """
        own = self.words.weight
        if vectors.shape != own.shape:
            message = f"the vectors are {list(vectors.shape)}, but the embedding is {list(own.shape)}"
            raise ShapeError(message, where="Embedder", fix=f"give embedding_size={vectors.size(-1)}")
        rows = torch.ones(len(own), dtype=torch.bool) if known is None else known
        if rows.dtype != torch.bool or rows.shape != own.shape[:1]:
            message = f"known is {rows.dtype} {list(rows.shape)}, expected torch.bool [{len(own)}]"
            raise ShapeError(message, where="Embedder")
        if not vectors[rows].isfinite().all():
            raise ShapeError("a vector has a number that is not finite", where="Embedder", fix="look at the file")
        own[rows.to(own.device)] = vectors[rows].to(own)

    def forward(self, batch: TextBatch) -> Tensor:
        """The vectors of a batch, [T, B, F], on the device of the parameters; beyond a text's length anything.

        Raises:
            ShapeError: an id outside the vocabulary, or a batch without the characters that are needed.
        """
        device = self.words.weight.device
        check_ids(batch.tokens, self.vocabulary_size, where="Embedder")
        vectors = self._words(batch.tokens.to(device))
        if self.characters is None:
            return vectors
        if batch.characters is None:
            fix = "make the texts with a lexicon that has characters"
            raise ShapeError("the model reads characters, but the batch has none", where="Embedder", fix=fix)
        return torch.cat([vectors, self._spelt(batch.characters, device)], -1)

    def _words(self, ids: Tensor) -> Tensor:
        settings = self.settings
        if self.training and settings.word_dropout:
            dropped = torch.rand(ids.shape, device=ids.device) < settings.word_dropout
            assert self.unk_id is not None
            ids = ids.masked_fill(dropped, self.unk_id)
        vectors: Tensor = self.words(ids)
        if not self.training or settings.embedding_dropout == 0.0:
            return vectors
        # The same as dropping rows of the matrix, without a second matrix.
        kept = functional.dropout(vectors.new_ones(self.vocabulary_size), settings.embedding_dropout)
        return vectors * kept[ids].unsqueeze(-1)

    def _spelt(self, words: TypeCharacters, device: torch.device) -> Tensor:
        assert self.characters is not None
        found: Tensor = self.characters(words.ids.to(device), lengths=words.lengths)
        return found[words.index.to(device)]


def _check(settings: EncoderSettings, vocabulary_size: int, characters_size: int, unk_id: int | None) -> None:
    if vocabulary_size < 1:
        raise SettingError(f"vocabulary_size must be at least 1, but {vocabulary_size} was given")
    if unk_id is not None and not 0 <= unk_id < vocabulary_size:
        raise SettingError(f"unk_id must be from 0 to {vocabulary_size - 1}, but {unk_id} was given")
    if settings.word_dropout and unk_id is None:
        message = "word_dropout replaces tokens by <unk>, but this vocabulary has none"
        raise SettingError(message, fix="leave word_dropout out, or take the level word or char")
    if (settings.characters == "none") != (characters_size == 0):
        message = f"characters is {settings.characters}, but the vocabulary has {characters_size} characters"
        fix = "build the lexicon with characters" if not characters_size else "give characters=rnn or characters=cnn"
        raise SettingError(message, fix=fix)


def _character_encoder(
    settings: EncoderSettings, characters_size: int, cell: Cell | None, kind: dict[str, Any]
) -> CharacterRNN | CharacterCNN | None:
    if settings.characters == "none":
        return None
    sizes = characters_size, settings.character_embedding_size, settings.character_hidden_size
    if settings.characters == "cnn":
        return CharacterCNN(*sizes, **kind)
    assert cell is not None
    if cell.has_projection:
        message = f"characters=rnn takes a cell without projection, but the cell is {cell.name}"
        raise SettingError(message, fix="give characters=cnn, or another cell")
    return CharacterRNN(*sizes, cell=cell, runner=settings.runner, **kind)
