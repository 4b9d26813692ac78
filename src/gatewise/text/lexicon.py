"""Words and characters with numbers, for texts that come as lists of words; saved as JSON."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import repeat
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gatewise.errors import DataError, ModelFileError, SettingError
from gatewise.storage.strict_json import parse_json
from gatewise.text.encoders import CharacterEncoder, Ids
from gatewise.text.pipelines import UNK

FORMAT = 1
LONGEST_WORD = 64
"""Characters that are read of a word; what stands beyond is left out, so that one long line of dashes costs little."""


class Lexicon:
    """Word -> id and character -> id; in both 0 is ``<unk>``, whatever is not there.

    With ``lowercase`` words are looked up in small letters; their characters are taken as they are, since what is
    written large tells something that the word no longer says.

    Args:
        words: in the order of their ids from 1.
        characters: in the order of their ids from 1; "" for a lexicon of words only.
        lowercase: whether words are looked up in small letters.
        where: where they came from, for the error.

    Raises:
        ModelFileError: a word or character is there twice, or is ``<unk>`` or empty; or a word has capital letters.

    Example:
        >>> lexicon = Lexicon.build([["The", "cat"], ["the", "dog"]], lowercase=True)
        >>> lexicon.words
        ('<unk>', 'the', 'cat', 'dog')
        >>> lexicon.word_ids(["THE", "cow"]).tolist()
        [1, 0]
    """

    unk_id = 0

    def __init__(
        self, words: Iterable[str], characters: str = "", *, lowercase: bool = False, where: str = "lexicon"
    ) -> None:
        self.words = (UNK, *words)
        self.characters = characters
        self.lowercase = lowercase
        self._ids = {word: index for index, word in enumerate(self.words)}
        if len(self._ids) < len(self.words):
            twice = next(word for word, count in Counter(self.words).items() if count > 1)
            raise ModelFileError(f"every word is expected once, but {twice!r} is there again", where=where)
        if len(set(characters)) < len(characters):
            twice = next(one for one, count in Counter(characters).items() if count > 1)
            raise ModelFileError(f"every character is expected once, but {twice!r} is there again", where=where)
        if "" in self._ids:
            raise ModelFileError("a word is expected to have a character, but one is empty", where=where)
        if lowercase and (large := next((word for word in self.words if word.lower() != word), None)):
            raise ModelFileError(f"words are expected in small letters, but {large!r} came", where=where)

    @classmethod
    def build(
        cls,
        texts: Iterable[Sequence[str]],
        *,
        minimum_count: int = 1,
        vocabulary_size: int = 0,
        lowercase: bool = False,
        characters: bool = False,
        more: Iterable[str] = (),
    ) -> Self:
        """The words and characters of some texts, by falling frequency, equal ones by code point.

        Args:
            texts: each a list of words; read once.
            minimum_count: rarer words are left out.
            vocabulary_size: ids of words at most, that of ``<unk>`` counted; 0: all.
            lowercase: make all letters of words small.
            characters: also number the characters.
            more: words that are put behind those of the texts, whatever ``vocabulary_size`` says: those for which
                there is a pretrained vector.

        Raises:
            DataError: there is no word, an empty one, or a text that is not a list of words.
            SettingError: a count or size out of its range.
        """
        if minimum_count < 1:
            raise SettingError(f"minimum_count must be at least 1, but {minimum_count} was given")
        if vocabulary_size < 0 or vocabulary_size == 1:
            raise SettingError(f"vocabulary_size must be 0 or at least 2, but {vocabulary_size} was given")
        forms: Counter[str] = Counter()
        for words in texts:
            forms.update(words_of(words))
        _refuse_unusable(forms)
        counts = forms
        if lowercase:
            counts = Counter()
            for form, count in forms.items():
                counts[form.lower()] += count
        counts = Counter({word: count for word, count in counts.items() if count >= minimum_count and word != UNK})
        kept = _by_frequency(counts)[: vocabulary_size - 1 if vocabulary_size else None]
        there = {UNK, "", *kept}
        added = dict.fromkeys(map(str.lower, more) if lowercase else more)
        kept += [word for word in added if word not in there]
        return cls(kept, _characters(forms) if characters else "", lowercase=lowercase)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return (word.lower() if self.lowercase else word) in self._ids

    @property
    def vocabulary_size(self) -> int:
        """V, ids of words, ``<unk>`` among them."""
        return len(self.words)

    @property
    def characters_size(self) -> int:
        """Ids of characters, the unknown one among them; 0 for a lexicon of words only."""
        return len(self.characters) + 1 if self.characters else 0

    def word_ids(self, words: Sequence[str]) -> Ids:
        """The id of each word, [N]; 0 for those that are not there."""
        looked_up = map(str.lower, words) if self.lowercase else words
        return np.fromiter(map(self._ids.get, looked_up, repeat(self.unk_id)), np.int64, len(words))

    def character_ids(self, words: Sequence[str]) -> tuple[NDArray[np.int32], Ids]:
        """The ids of the characters of all words in a row, and where each word begins.

        Args:
            words: not empty; of each the first ``LONGEST_WORD`` characters are read.

        Returns:
            [M], and [N + 1] with M at its end.

        Example:
            >>> ids, starts = Lexicon(["so"], "os").character_ids(["so", "is"])
            >>> ids.tolist(), starts.tolist()
            ([2, 1, 0, 2], [0, 2, 4])
        """
        cut = [word[:LONGEST_WORD] for word in words]
        starts = np.zeros(len(cut) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, cut), np.int64, len(cut)), out=starts[1:])
        return self._encode(unicode("".join(cut))).astype(np.int32), starts

    @cached_property
    def _encode(self) -> CharacterEncoder:
        return CharacterEncoder({one: index for index, one in enumerate(self.characters, start=1)}, self.unk_id)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all of it: equal for lexicons that do the same."""
        whole = json.dumps([self.words, self.characters, self.lowercase, LONGEST_WORD])
        return hashlib.sha256(whole.encode("utf-8")).hexdigest()

    def to_bytes(self) -> bytes:
        """The content of ``lexicon.json``; nothing else is needed to have the same lexicon again."""
        content = {
            "format": FORMAT,
            "lowercase": self.lowercase,
            "longest_word": LONGEST_WORD,
            "characters": self.characters,
            "words": self.words[1:],
        }
        return json.dumps(content, ensure_ascii=False, indent=0).encode("utf-8")

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "lexicon.json") -> Self:
        """The lexicon that :meth:`to_bytes` wrote.

        Raises:
            ModelFileError: the content is damaged or is something else.
        """
        content = _content(data, where)
        for name, value in {"format": FORMAT, "longest_word": LONGEST_WORD}.items():
            if content[name] != value:
                message = f"made by another version of gatewise ({name} is {content[name]}, here it is {value})"
                raise ModelFileError(message, where=where, fix="use that version, or train again")
        if wrong := [word for word in content["words"] if not isinstance(word, str)]:
            raise ModelFileError(f"words are expected as texts, but {wrong[0]!r} came", where=where)
        return cls(content["words"], content["characters"], lowercase=content["lowercase"], where=where)


_FIELDS = {"format": int, "lowercase": bool, "longest_word": int, "characters": str, "words": list}


def _content(data: bytes, where: str) -> dict[str, Any]:
    content = parse_json(data, where)
    if not isinstance(content, dict) or content.keys() != _FIELDS.keys():
        message = f"a lexicon has {', '.join(_FIELDS)}, but this is something else"
        raise ModelFileError(message, where=where, fix="copy the model again")
    for name, kind in _FIELDS.items():
        if type(content[name]) is not kind:
            raise ModelFileError(f"{name} is expected as {kind.__name__}, but {content[name]!r} came", where=where)
    return content


def _by_frequency(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda token: (-counts[token], token))


def _characters(forms: Counter[str]) -> str:
    """Every character of the words, each word as often as it is there."""
    counts: Counter[str] = Counter()
    for form, count in forms.items():
        for one in form[:LONGEST_WORD]:
            counts[one] += count
    return "".join(_by_frequency(counts))


def _refuse_unusable(forms: Counter[str]) -> None:
    if not forms:
        raise DataError("a lexicon needs words, but there is not one", fix="give texts with words")
    check_words(forms)


def words_of(text: Sequence[str]) -> Sequence[str]:
    """The words of a text that comes as a list of them.

    Raises:
        DataError: it is one text, whose letters would be taken for words.

    Example:
        >>> words_of("so it is")
        Traceback (most recent call last):
            ...
        gatewise.errors.DataError: a text is expected as a list of words, but 'so it is' came; cut it into words first
    """
    if isinstance(text, str):
        message = f"a text is expected as a list of words, but {text[:40]!r} came"
        raise DataError(message, fix="cut it into words first")
    return text


def check_words(words: Iterable[str]) -> None:
    """Refuse what cannot be a word.

    Raises:
        DataError: a word is no text, is empty, or holds half of a surrogate pair.

    Example:
        >>> check_words(["so", ""])
        Traceback (most recent call last):
            ...
        gatewise.errors.DataError: a word must have a character, but one is empty; take empty words out
    """
    for word in words:
        if not isinstance(word, str):
            raise DataError(f"words must be texts, but {word!r} came")
        if not word:
            raise DataError("a word must have a character, but one is empty", fix="take empty words out")
    unicode("".join(words))


def unicode(text: str) -> str:
    """``text``, which every encoding can write.

    Raises:
        DataError: it holds half of a surrogate pair.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"words must be Unicode, but {text[error.start]!r} is half of a surrogate pair"
        raise DataError(message, fix="take it out") from None
    return text
