"""One tokenizer for all levels, stored as one Hugging Face ``tokenizer.json``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Pipeline
from tokenizers import normalizers

from gatewise.errors import DataError, ModelFileError
from gatewise.text import vocabulary
from gatewise.text.encoders import ByteEncoder, CharacterEncoder, ChunkEncoder, Encoder, Ids, SpacedEncoder
from gatewise.text.pieces import blocks
from gatewise.text.pipelines import EOS, NEWLINE, UNK, recognise
from gatewise.text.settings import TextSettings


class Tokenizer:
    r"""Text to token ids and back, at the level of words, characters, bytes, BPE or unigram pieces.

    Special tokens come first: ``<eos>`` has the id 0, and where a text can hold something unknown ``<unk>`` has 1;
    words and characters follow by descending frequency. The text is taken as it is (no Unicode normalisation).
    At word level a newline is ``<eos>``; at the other levels it is an ordinary character, and whoever builds
    sequences puts ``<eos>`` at the end of a document or sentence. Special tokens are never read out of plain text,
    whatever it contains; only pretokenised text may hold ``<unk>`` and ``<eos>`` as words.

    Args:
        pipeline: a tokenizer of the Hugging Face library, in one of the forms that :meth:`train` makes.
        where: where it came from, for the error.

    Raises:
        ModelFileError: the pipeline is of no known form.

    Example:
        >>> from gatewise.text.settings import TextSettings
        >>> tokenizer = Tokenizer.train(["so it is\n"], TextSettings(level="char"))
        >>> tokenizer.encode("is it")
        [3, 4, 2, 3, 7]
        >>> tokenizer.decode([3, 4, 2, 3, 7])
        'is it'
    """

    def __init__(self, pipeline: Pipeline, where: str = "tokenizer.json") -> None:
        self.content: dict[str, Any] = json.loads(pipeline.to_str())
        self.form = recognise(self.content, where)
        self.level = self.form.level
        self.pipeline = pipeline
        self.vocabulary: dict[str, int] = pipeline.get_vocab()
        self.vocabulary_size = len(self.vocabulary)
        self.eos_id = self.vocabulary[EOS]
        self.unk_id = self.vocabulary.get(UNK) if self.level in ("word", "char") else None
        self.newline_id = self.vocabulary.get(NEWLINE[self.level])

    @classmethod
    def train(cls, texts: Iterable[str], settings: TextSettings) -> Self:
        """The tokenizer of ``settings`` with the vocabulary of ``texts``.

        Args:
            texts: the training text in any pieces, of any length; read once, one piece at a time.
            settings: the level, the cut of the vocabulary, and the form of the text.

        Raises:
            DataError: there is no text.
            SettingError: the vocabulary size is too small for the level.
        """
        return cls(vocabulary.train(texts, settings))

    @classmethod
    def of_words(cls, words: Iterable[str]) -> Self:
        """The tokenizer of pretokenised text over given words.

        Args:
            words: in the order of their ids from 2; ``<eos>`` and ``<unk>`` come before them.

        Raises:
            DataError: one of them is ``<eos>`` or ``<unk>``, or is there twice.

        Example:
            >>> Tokenizer.of_words(["so", "it"]).encode("it is so\\n")
            [3, 1, 2, 0]
        """
        return cls(vocabulary.of_words(words))

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``; nothing is put before or after them.

        Raises:
            DataError: the text holds half of a surrogate pair, which no encoding can write.
        """
        ids: list[int] = self.encode_array(text).tolist()
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text."""
        return [self.encode(text) for text in texts]

    def encode_array(self, text: str, newline_ends: bool = False) -> Ids:
        """The ids of ``text`` as an array [N] of int64.

        Args:
            text: of any length.
            newline_ends: make every newline ``<eos>`` at every level, as texts of one sentence a line need it.

        Raises:
            DataError: the text holds half of a surrogate pair, which no encoding can write.
        """
        encoder = self._line_encoder if newline_ends else self._encoder
        try:
            parts = [encoder(self._lowered(block)) for block in blocks([text])]
        except (UnicodeEncodeError, TypeError):  # TypeError is how the library says it
            half = _SURROGATE.search(text)
            if half is None:
                raise
            message = f"text must be Unicode, but character {half.start() + 1} is half of a surrogate pair"
            raise DataError(message, fix="take it out") from None
        return parts[0] if len(parts) == 1 else np.concatenate([_NO_IDS, *parts])

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids``; ``<eos>`` is written as a newline, a broken UTF-8 sequence as U+FFFD.

        ``decode(encode(text)) == text`` at the levels byte, bpe and unigram, and at char where every character is
        known; words are joined by spaces, in plain text with the usual spacing of punctuation.

        Raises:
            IndexError: an id is outside of the vocabulary.
        """
        words = self.tokens(ids)
        if self.level == "word":
            return _join(words, spaced=self.form.pretokenised)
        if self.level == "char":
            return "".join("\n" if word == EOS else word for word in words)
        return b"".join(b"\n" if word == EOS else bytes(map(_BYTES.__getitem__, word)) for word in words).decode(
            "utf-8", "replace"
        )

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The tokens of ``ids`` as the vocabulary writes them.

        Raises:
            IndexError: an id is outside of the vocabulary.
        """
        wanted = list(map(int, ids))
        if wanted and not 0 <= min(wanted) <= max(wanted) < self.vocabulary_size:
            wrong = min(wanted) if min(wanted) < 0 else max(wanted)
            raise IndexError(f"ids are 0 to {self.vocabulary_size - 1}, but {wrong} was given")
        return list(map(self._names.__getitem__, wanted))

    def to_bytes(self) -> bytes:
        """The content of ``tokenizer.json``; nothing else is needed to have the same tokenizer again."""
        return self.pipeline.to_str(pretty=True).encode("utf-8")

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "tokenizer.json") -> Self:
        """The tokenizer that :meth:`to_bytes` wrote.

        Raises:
            ModelFileError: the content is damaged or is another kind of tokenizer.
        """
        try:
            pipeline = Pipeline.from_str(data.decode("utf-8"))
        except Exception as error:  # the library raises bare Exception
            raise ModelFileError(
                f"this is no tokenizer.json ({str(error).splitlines()[0]})", where=where, fix="copy the model again"
            ) from None
        return cls(pipeline, where)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over form and vocabulary: equal for tokenizers that do the same, whatever wrote their files."""
        model = self.content["model"]
        whole = json.dumps([*self.form, model["vocab"], model.get("merges")], sort_keys=True)
        return hashlib.sha256(whole.encode("utf-8")).hexdigest()

    @cached_property
    def blank(self) -> NDArray[np.bool_]:
        """For each id whether it is nothing but white space and no end; shape [V]."""
        ends = (self.eos_id, self.newline_id)
        return np.array([index not in ends and self.decode([index]).isspace() for index in range(self.vocabulary_size)])

    @cached_property
    def _names(self) -> list[str]:
        return sorted(self.vocabulary, key=self.vocabulary.__getitem__)

    @cached_property
    def _encoder(self) -> Encoder:
        return self._make_encoder(self.newline_id)

    @cached_property
    def _line_encoder(self) -> Encoder:
        return self._make_encoder(self.eos_id)

    def _make_encoder(self, newline: int | None) -> Encoder:
        unknown = self.vocabulary.get(UNK, 0)
        end = unknown if newline is None else newline
        if self.level == "byte":
            names = vocabulary.byte_tokens()
            return ByteEncoder(end if name == NEWLINE["byte"] else self.vocabulary[name] for name in names)
        if self.level == "char":
            return CharacterEncoder(self.vocabulary | {"\n": end}, unknown)
        if self.form.pretokenised:
            return SpacedEncoder(self.vocabulary, unknown, EOS)
        return ChunkEncoder(self.pipeline, end)

    def _lowered(self, text: str) -> str:
        return normalizers.Lowercase().normalize_str(text) if self.form.lowercase else text


_BYTES = {token: byte for byte, token in enumerate(vocabulary.byte_tokens())}
_NO_IDS = np.zeros(0, dtype=np.int64)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NO_SPACE = re.compile(r" (?=[.,;:!?%)\]}…])|(?<=[(\[{]) ")


def _join(words: list[str], spaced: bool) -> str:
    """Words with spaces between them, lines without a space at their ends."""
    text = re.sub(rf" ?{EOS} ?", "\n", " ".join(words))
    return text if spaced else _NO_SPACE.sub("", text)
