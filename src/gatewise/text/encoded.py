"""A set of texts as flat arrays of numbers, made once, so that batches are drawn without Python for each token.

Letters: n texts, N tokens, W types (distinct words as they are written), M characters of all types, L labels.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import DataError
from gatewise.text.encoders import Ids
from gatewise.text.lexicon import LONGEST_WORD, Lexicon, check_words, words_of
from gatewise.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Types:
    """The distinct words of a set of texts, each encoded once.

    Attributes:
        word_ids: [W], int64: the id of each in the model's vocabulary.
        characters: [M], int32: the ids of their characters in a row; None where characters are not used.
        starts: [W + 1], int64: where the characters of each begin; None where characters are not used.
        cut: how many are longer than ``LONGEST_WORD`` and were read no further.
    """

    word_ids: Ids
    characters: NDArray[np.int32] | None = None
    starts: Ids | None = None
    cut: int = 0

    @classmethod
    def of(cls, words: Sequence[str], lexicon: Lexicon) -> Self:
        """The types of a lexicon; with characters where the lexicon has some.

        Raises:
            DataError: a word is empty or no Unicode.
        """
        check_words(words)
        ids = lexicon.word_ids(words)
        if not lexicon.characters_size:
            return cls(ids)
        characters, starts = lexicon.character_ids(words)
        return cls(ids, characters, starts, sum(len(word) > LONGEST_WORD for word in words))


class _Numbers(dict[str, int]):
    """Word -> number, the next one for a new word; looking up a known word runs no Python."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


@dataclass(frozen=True)
class EncodedTexts:
    """Texts as numbers, perhaps with what is to be learnt of them.

    Made by :meth:`of_words` (lists of words) and :meth:`of_tokens` (texts through a tokenizer).

    Attributes:
        ids: [N], int32: types where there are ``types``, else ids of the vocabulary.
        boundaries: [n + 1], int64: where each text begins, and N. A text may be empty.
        types: of words; None for tokens.
        targets: what is to be learnt: a label of each text, [n] int64; any number of labels of each, [n, L] bool; a
            tag of each token, [N] int64; or None.
        fingerprint: of the lexicon or tokenizer.
        unk_id: the id of what is unknown; None where nothing can be.
        tagged: whether the targets are tags of tokens.

    Example:
        >>> lexicon = Lexicon.build([["so", "it", "is"]])
        >>> texts = EncodedTexts.of_words([["so", "so"], [], ["it", "was"]], lexicon)
        >>> texts.ids.tolist(), texts.boundaries.tolist(), texts.types.word_ids.tolist()
        ([0, 0, 1, 2], [0, 2, 2, 4], [3, 2, 0])
        >>> texts.with_labels([1, 0, 1]).targets.tolist(), len(texts), texts.unknown
        ([1, 0, 1], 3, 1)
    """

    ids: NDArray[np.int32]
    boundaries: Ids
    types: Types | None
    targets: NDArray[Any] | None
    fingerprint: str
    unk_id: int | None = None
    tagged: bool = False

    def __len__(self) -> int:
        return len(self.boundaries) - 1

    @classmethod
    def of_words(cls, texts: Iterable[Sequence[str]], lexicon: Lexicon) -> Self:
        """Texts that come as lists of words; with the characters of the words where the lexicon has characters.

        Args:
            texts: read once, one at a time.
            lexicon: numbers words and characters.

        Raises:
            DataError: a text is not a list of words, or a word is empty or no Unicode.
        """
        numbers, ids, ends = _Numbers(), array("i"), array("q", [0])
        for words in texts:
            ids.extend(map(numbers.__getitem__, words_of(words)))
            ends.append(len(ids))
        types = Types.of(list(numbers), lexicon)
        return cls(_array(ids, np.int32), _array(ends, np.int64), types, None, lexicon.fingerprint, lexicon.unk_id)

    @classmethod
    def of_tokens(cls, texts: Iterable[str], tokenizer: Tokenizer, *, start: bool = False) -> Self:
        """Texts that a tokenizer makes ids of, at any level.

        Args:
            texts: read once, one at a time.
            tokenizer: makes the ids.
            start: put ``<eos>`` before each text, as a language model reads it.

        Raises:
            DataError: a text holds half of a surrogate pair.
        """
        parts, ends = array("i"), array("q", [0])
        first = array("i", [tokenizer.eos_id] if start else [])
        for text in texts:
            parts.extend(first)
            parts.frombytes(tokenizer.encode_array(text).astype(np.int32).tobytes())
            ends.append(len(parts))
        return cls(_array(parts, np.int32), _array(ends, np.int64), None, None, tokenizer.fingerprint, tokenizer.unk_id)

    @property
    def lengths(self) -> Ids:
        """[n]: how many tokens each text has."""
        return np.diff(self.boundaries)

    @property
    def unknown(self) -> int:
        """How many tokens are ``<unk>``."""
        if self.unk_id is None:
            return 0
        found = self.ids if self.types is None else self.types.word_ids[self.ids]
        return int(np.count_nonzero(found == self.unk_id))

    def with_labels(self, labels: Any) -> Self:
        """The same texts with the labels of each.

        Args:
            labels: [n] whole numbers, or [n, L] truth values.

        Raises:
            DataError: another shape, or other numbers.
        """
        given = np.asarray(labels)
        if given.dtype == np.bool_ and given.ndim == 2 and len(given) == len(self):
            return replace(self, targets=given, tagged=False)
        return replace(self, targets=_whole(given, len(self), "label", "text"), tagged=False)

    def with_tags(self, tags: Any) -> Self:
        """The same texts with a tag of each token.

        Args:
            tags: [N] whole numbers, of all texts in a row.

        Raises:
            DataError: another shape, or other numbers.
        """
        return replace(self, targets=_whole(np.asarray(tags), len(self.ids), "tag", "token"), tagged=True)

    def digest(self) -> str:
        """SHA-256 over numbers and targets: equal for sets of which the same batches are drawn."""
        found = hashlib.sha256(self.fingerprint.encode())
        types = (None, None) if self.types is None else (self.types.word_ids, self.types.characters)
        for part in (self.ids, self.boundaries, self.targets, *types):
            found.update(b"none" if part is None else np.ascontiguousarray(part).data)
        return found.hexdigest()


def _whole(given: NDArray[Any], expected: int, noun: str, of: str) -> Ids:
    if not given.size:
        given = given.astype(np.int64)
    if given.shape != (expected,):
        message = f"one {noun} for each {of} is expected, {expected} in all, but {list(given.shape)} came"
        raise DataError(message)
    if given.dtype.kind not in "iu" or (given.size and given.min() < 0):
        raise DataError(f"{noun}s are whole numbers from 0, but {given.dtype} from {given.min()} came")
    return given.astype(np.int64)


def _array(numbers: array[int], kind: type[np.signedinteger[Any]]) -> NDArray[Any]:
    return np.frombuffer(numbers, kind) if numbers else np.zeros(0, kind)
