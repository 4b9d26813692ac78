"""Text to token ids as arrays: for each level the same ids as its Hugging Face pipeline, without Python per token."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from itertools import repeat

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Pipeline

from gatewise.text.pieces import chunks

Ids = NDArray[np.int64]
Encoder = Callable[[str], Ids]
_REMEMBERED = 1 << 20


class CharacterEncoder:
    """One id for each character, through a table over code points.

    Args:
        vocabulary: character -> id; longer tokens are passed over.
        unknown: the id of every other character.
    """

    def __init__(self, vocabulary: dict[str, int], unknown: int) -> None:
        single = {ord(token): index for token, index in vocabulary.items() if len(token) == 1}
        self.table = np.full(max(single, default=0) + 2, unknown, dtype=np.int64)
        self.table[list(single)] = list(single.values())

    def __call__(self, text: str) -> Ids:
        """The ids of ``text``."""
        points = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        return self.table[np.minimum(points, len(self.table) - 1)]


class ByteEncoder:
    """One id for each byte of the UTF-8 form.

    Args:
        first: for each byte its id.
    """

    def __init__(self, first: Iterable[int]) -> None:
        self.table = np.array(list(first), dtype=np.int64)

    def __call__(self, text: str) -> Ids:
        """The ids of ``text``."""
        return self.table[np.frombuffer(text.encode("utf-8"), dtype=np.uint8)]


class SpacedEncoder:
    """One id for each run of bytes between spaces; a newline is a token by itself.

    Args:
        vocabulary: word -> id.
        unknown: the id of every other word.
        newline: the token that stands for a newline.
    """

    def __init__(self, vocabulary: dict[str, int], unknown: int, newline: str) -> None:
        self.ids = {word.encode("utf-8"): index for word, index in vocabulary.items()}
        self.unknown = unknown
        self.newline = f" {newline} ".encode()

    def __call__(self, text: str) -> Ids:
        """The ids of ``text``."""
        words = text.encode("utf-8").replace(b"\n", self.newline).split()
        return np.fromiter(map(self.ids.get, words, repeat(self.unknown)), np.int64, len(words))


class ChunkEncoder:
    """The ids of a pipeline that cuts text into chunks first: each different chunk goes through it once.

    Args:
        pipeline: encodes a chunk.
        newline: the id of a newline.
    """

    def __init__(self, pipeline: Pipeline, newline: int) -> None:
        self.pipeline = pipeline
        self.newline = newline
        self._forget()

    def _forget(self) -> None:
        self.rows = {"\n": 0}
        self.ids = array("q", [self.newline])  # the ids of all chunks, one chunk after the other
        self.starts, self.lengths = array("q", [0]), array("q", [1])

    def __call__(self, text: str) -> Ids:
        """The ids of ``text``."""
        parts = chunks(text)
        if len(self.rows) > _REMEMBERED:
            self._forget()
        self._learn([part for part in dict.fromkeys(parts) if part not in self.rows])
        return self._gather(np.fromiter(map(self.rows.__getitem__, parts), np.int64, len(parts)))

    def _learn(self, new: list[str]) -> None:
        encodings = self.pipeline.encode_batch_fast(new, add_special_tokens=False)
        for part, encoding in zip(new, encodings, strict=True):
            self.rows[part] = len(self.starts)
            self.starts.append(len(self.ids))
            self.lengths.append(len(encoding.ids))
            self.ids.extend(encoding.ids)

    def _gather(self, rows: Ids) -> Ids:
        starts, lengths = np.frombuffer(self.starts, np.int64)[rows], np.frombuffer(self.lengths, np.int64)[rows]
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if len(ends) else 0
        return np.frombuffer(self.ids, np.int64)[np.repeat(starts - ends + lengths, lengths) + np.arange(total)]
