"""Pretrained vectors for the words of a run: found in their file once, kept with its data, set in its network.

Letters: V words of the lexicon, D width of a vector.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gatewise.errors import DataError, SettingError
from gatewise.storage import pack_pieces, unpack_tensors, write_atomically
from gatewise.text.lexicon import Lexicon
from gatewise.text.vectors import WordVectors, read_vectors

_FILE = "vectors.safetensors"


class Pretrained:
    """The vectors of the words of some texts.

    A word is looked for as it is written, then in small letters, as Collobert et al. 2011 do.

    Args:
        path: a file in the text format of word2vec, GloVe or fastText.
        words: all that may be needed, those of the texts to validate on and to report on too: a word that is never
            trained on has the vector of the file.
        width: D, the setting ``embedding_size``.

    Raises:
        DataError: the file cannot be read, or has a vector for none of the words.
        SettingError: its vectors are of another width.

    Example:
        >>> _ = Path("vec.txt").write_text("so 1 2\\nit 3 4\\n")
        >>> found = Pretrained("vec.txt", ["It", "was"], width=2)
        >>> list(found.known(["It", "was"])), found.rows(Lexicon(["It", "was"]))[0].tolist()
        (['It'], [[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    """

    def __init__(self, path: str, words: Iterable[str], width: int) -> None:
        asked = dict.fromkeys(form for word in words for form in (word, word.lower()))
        self.path = path
        self.read: WordVectors = read_vectors(path, asked)
        if self.read.matrix.shape[1] != width:
            found = self.read.matrix.shape[1]
            message = f"its vectors have {found} numbers, but embedding_size is {width}"
            raise SettingError(message, where=path, fix=f"give --embedding-size {found}")
        self._row = {word: row for row, word in enumerate(asked) if self.read.found[row]}
        if not self._row:
            raise DataError("none of the words of the texts has a vector here", where=path, fix="give another file")

    def known(self, words: Iterable[str]) -> Iterator[str]:
        """Those of the words that have a vector."""
        return (word for word in words if word in self._row or word.lower() in self._row)

    def rows(self, lexicon: Lexicon) -> tuple[Tensor, Tensor]:
        """The vectors [V, D] of the words of a lexicon, and which of them the file has [V]."""
        places = [self._row.get(word, self._row.get(word.lower(), -1)) for word in lexicon.words]
        places[lexicon.unk_id] = -1  # "<unk>" in a file is the vector of another text
        index = np.array(places)
        matrix = np.where((index >= 0)[:, None], self.read.matrix[np.maximum(index, 0)], np.float32(0))
        return torch.from_numpy(matrix), torch.from_numpy(index >= 0)

    def told(self, lexicon: Lexicon) -> str:
        """How many words have a vector, in words."""
        found = int(self.rows(lexicon)[1].sum())
        return f"{self.path}: vectors for {found:,} of {len(lexicon) - 1:,} words, {self.read.lines:,} in the file"


def keep(folder: Path, vectors: Tensor, known: Tensor) -> None:
    """Write the vectors of a run into the folder of its data.

    Args:
        folder: of the data.
        vectors: [V, D].
        known: [V], bool.
    """
    pieces = pack_pieces({"vectors": vectors, "known": known}, sealed=True)
    write_atomically(folder / _FILE, b"".join(pieces))


def kept(folder: Path) -> tuple[Tensor, Tensor] | None:
    """What :func:`keep` wrote; None where the run has no pretrained vectors.

    Raises:
        ModelFileError: it is damaged.
    """
    if not (folder / _FILE).is_file():
        return None
    tensors, _ = unpack_tensors(folder / _FILE, sealed=True)
    return tensors["vectors"], tensors["known"]
