"""Encoders of words by their characters: what a word's spelling says, also of words never seen before.

Letters: W words, C characters of the longest word, N characters of all words, E embedding, H hidden, F features.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.spec import Cell
from gatewise.layers.arguments import check_size
from gatewise.layers.embedding import embedding
from gatewise.layers.errors import ArgumentError, InputError
from gatewise.layers.lengths import Lengths, read_lengths
from gatewise.layers.recurrent import Recurrent
from gatewise.layers.softmax import check_ids


class CharacterEncoder(nn.Module):
    """What both encoders share: the embedding of characters, drawn from U(-sqrt(3/E), sqrt(3/E)); not used by itself.

    A word's vector does not depend on the words beside it, and a word without characters has the vector zero.
    """

    def __init__(
        self,
        characters: int,
        embedding_size: int,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self._where = type(self).__name__
        self.characters = check_size("characters", characters, self._where)
        self.embedding_size = check_size("embedding_size", embedding_size, self._where)
        self.embedding = embedding(characters, embedding_size, device=device, dtype=dtype)
        bound = math.sqrt(3 / embedding_size)
        nn.init.uniform_(self.embedding.weight, -bound, bound)

    @property
    def output_size(self) -> int:
        """F, the features of a word."""
        raise NotImplementedError

    def forward(self, characters: Tensor, *, lengths: Lengths) -> Tensor:
        """The vectors of words.

        Args:
            characters: whole numbers below the number of characters: [C, W], one word in each column, or flat [N], one
                word after the other.
            lengths: of each word, 0 to C, in any order; in a column what stands beyond is never read.

        Returns:
            [W, F].

        Raises:
            InputError: characters or lengths that do not fit, or a character outside.
        """
        ids, counts = self._read(characters, lengths)
        embedded: Tensor = self.embedding(ids)
        if not len(ids):  # words without characters, or no words: zeros, of which the gradient is zero and not absent
            return embedded.new_zeros(len(counts), self.output_size) + embedded.sum()
        return self._encode(embedded, counts)

    def _encode(self, embedded: Tensor, counts: Tensor) -> Tensor:
        """From embedded characters [C, W, E] and lengths [W] to [W, F]."""
        raise NotImplementedError

    def _read(self, characters: object, lengths: Lengths) -> tuple[Tensor, Tensor]:
        """The characters as [C, W], 0 beyond the lengths, and the lengths [W]."""
        axes, fix = "[characters, words] or flat", "give whole numbers"
        if not isinstance(characters, Tensor) or characters.dim() not in (1, 2):
            came = list(characters.shape) if isinstance(characters, Tensor) else type(characters).__name__
            raise InputError(f"the characters came as {came}, expected {axes}", where=self._where)
        if characters.is_floating_point() or characters.dtype == torch.bool:
            raise InputError(f"the characters are {characters.dtype}", where=self._where, fix=fix)
        if characters.dim() == 1:
            ids, counts = self._columns(characters, lengths)
        else:
            found = read_lengths(lengths, characters.size(1), characters.size(0), self._where)
            counts = torch.tensor(found, dtype=torch.int64, device=characters.device)
            ids = characters[: max(found, default=0)]
            ids = ids.masked_fill(_beyond(len(ids), counts), 0).long()
        check_ids(ids, self.characters, noun="character", where=self._where)
        return ids, counts

    def _columns(self, flat: Tensor, lengths: Lengths) -> tuple[Tensor, Tensor]:
        """Words one after the other [N] as columns [C, W]."""
        words = len(lengths)
        found = read_lengths(lengths, words, len(flat), self._where)
        if sum(found) != len(flat):
            message = f"the lengths add up to {sum(found)}, but {len(flat)} characters came"
            raise InputError(message, where=self._where)
        counts = torch.tensor(found, dtype=torch.int64, device=flat.device)
        longest = max(found, default=0)
        rows = torch.zeros(words, longest, dtype=torch.int64, device=flat.device)
        return rows.masked_scatter(~_beyond(longest, counts).T, flat.long()).T, counts


class CharacterRNN(CharacterEncoder):
    """The last output of a recurrent layer that reads each word to its end, and of one that reads it to its beginning.

    Letters and lengths as of `CharacterEncoder`; F = 2 H, or what the cell puts out in place of H.

    Args:
        characters: how many characters there are, at least 1.
        embedding_size: E, at least 1.
        hidden_size: H of each direction, at least 1.
        cell: as of `gatewise.layers.recurrent.Recurrent`.
        proj_size: as there.
        runner: as there.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        SettingError: an argument out of its range.

    Source: Lample et al. 2016 (arXiv:1603.01360v3), section 4.1; the embedding's range Ma & Hovy 2016.

    Example:
        >>> encoder = CharacterRNN(30, 8, 5, cell="gru")
        >>> tuple(encoder(torch.tensor([3, 1, 20, 9]), lengths=[1, 0, 3]).shape), encoder.output_size
        ((3, 10), 10)
    """

    def __init__(
        self,
        characters: int,
        embedding_size: int,
        hidden_size: int,
        *,
        cell: Cell | str = "lstm",
        proj_size: int = 0,
        runner: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(characters, embedding_size, device, dtype)
        self.recurrent = Recurrent(
            cell,
            embedding_size,
            hidden_size,
            bidirectional=True,
            proj_size=proj_size,
            runner=runner,
            device=device,
            dtype=dtype,
        )

    @property
    def output_size(self) -> int:
        """F, the features of a word."""
        return self.recurrent.output_size

    def _encode(self, embedded: Tensor, counts: Tensor) -> Tensor:
        _, state = self.recurrent(embedded, lengths=counts)
        forward, backward = state[self.recurrent.cell.output_state]
        return torch.cat([forward, backward], dim=1)


class CharacterCNN(CharacterEncoder):
    """For each width k and filter f: max over t of tanh(b_f + sum_{i < k} w_f,i . x_{t + i - (k-1) // 2}).

    The window is laid on every character t of the word; beyond the word x is zero, so that words shorter than a window
    are read too. Letters and lengths as of `CharacterEncoder`; F = filters times the number of widths.

    Args:
        characters: how many characters there are, at least 1.
        embedding_size: E, at least 1.
        filters: of each width, at least 1.
        widths: characters that a window covers, each at least 1, in rising order.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        ArgumentError: an argument out of its range.

    Sources: Kim et al. 2016 (arXiv:1508.06615v4), section 2; zeros beyond the word Ma & Hovy 2016 (arXiv:1603.01354v5).

    Example:
        >>> encoder = CharacterCNN(30, 8, 10, widths=(2, 3))
        >>> tuple(encoder(torch.tensor([3, 1, 20, 9]), lengths=[1, 0, 3]).shape), encoder.output_size
        ((3, 20), 20)
    """

    def __init__(
        self,
        characters: int,
        embedding_size: int,
        filters: int,
        *,
        widths: Sequence[int] = (3,),
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(characters, embedding_size, device, dtype)
        self.filters = check_size("filters", filters, self._where)
        self.widths = tuple(check_size("each of widths", width, self._where) for width in widths)
        if not self.widths or sorted(set(self.widths)) != list(self.widths):
            came = ", ".join(map(str, self.widths)) or "none"
            raise ArgumentError(f"widths must rise and be at least one, but {came} was given", where=self._where)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(embedding_size, filters, width, device=device, dtype=dtype) for width in self.widths
        )

    @property
    def output_size(self) -> int:
        """F, the features of a word."""
        return self.filters * len(self.widths)

    def _encode(self, embedded: Tensor, counts: Tensor) -> Tensor:
        beyond = _beyond(len(embedded), counts).T.unsqueeze(1)
        letters = embedded.permute(1, 2, 0).masked_fill(beyond, 0)
        found = [self._largest(convolution, letters, beyond) for convolution in self.convolutions]
        # tanh rises, so that it may come after the maximum: once for each word
        return torch.cat(found, dim=1).tanh().masked_fill((counts == 0).unsqueeze(-1), 0)

    def _largest(self, convolution: nn.Module, letters: Tensor, beyond: Tensor) -> Tensor:
        """The largest of each filter over the characters of each word, [W, filters]; letters [W, E, C]."""
        assert isinstance(convolution, nn.Conv1d)
        (width,) = convolution.kernel_size
        around = functional.pad(letters, ((width - 1) // 2, width // 2))
        scores: Tensor = convolution(around)
        return scores.masked_fill(beyond, torch.finfo(scores.dtype).min).max(2).values


def _beyond(longest: int, counts: Tensor) -> Tensor:
    """Which characters [C, W] are beyond the lengths."""
    return torch.arange(longest, device=counts.device)[:, None] >= counts
