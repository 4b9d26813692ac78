"""What the vocabulary of each level is made from, in one pass over the training text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np
from tokenizers import Tokenizer as Pipeline
from tokenizers import models, normalizers, pre_tokenizers, trainers

from gatewise.errors import DataError, SettingError
from gatewise.text.pieces import blocks, chunks
from gatewise.text.pipelines import EMPTY, EOS, UNK, Form, pipeline
from gatewise.text.settings import TextSettings

PIECES = 4096
"""Vocabulary of bpe and unigram where none is asked for."""

_FED = 1 << 14
"""Characters given to a trainer at a time: the library keeps 256 such pieces in memory."""


def train(texts: Iterable[str], settings: TextSettings) -> Pipeline:
    """The pipeline of ``settings`` with the vocabulary of ``texts``.

    Args:
        texts: the training text in any pieces; read once.
        settings: the level, the cut, and the form of the text.

    Raises:
        DataError: there is no text, or too little for a unigram vocabulary.
        SettingError: the vocabulary size is too small for the level.
    """
    made = pipeline(Form(settings.level, settings.pretokenised, settings.lowercase), EMPTY[settings.level]())
    text = _lowered(blocks(texts, _FED), settings.lowercase)
    first = next(text, None)
    if first is None:
        raise DataError("a tokenizer needs text to learn its vocabulary from, but there is none")
    if settings.level == "byte":
        made.model = models.BPE({token: index for index, token in enumerate([EOS, *byte_tokens()])}, [])
        return made
    text = chain([first], text)
    if settings.level in ("bpe", "unigram"):
        return _with_pieces(made, text, settings)
    made.model = _with_counts(made, text, settings)
    return made


def of_words(words: Iterable[str]) -> Pipeline:
    """The pipeline of pretokenised text over given words.

    Args:
        words: in the order of their ids from 2; ``<eos>`` and ``<unk>`` come before them.

    Raises:
        DataError: one of them is ``<eos>`` or ``<unk>``, or is there twice.
    """
    ids = {EOS: 0, UNK: 1}
    for index, word in enumerate(words, start=2):
        if ids.setdefault(word, index) != index:
            raise DataError(f"the vocabulary holds {word!r} already, so it cannot be another word too")
    made = pipeline(Form("word", pretokenised=True), EMPTY["word"]())
    made.model = models.WordLevel(ids, unk_token=UNK)
    return made


def _lowered(texts: Iterator[str], lowercase: bool) -> Iterator[str]:
    return map(normalizers.Lowercase().normalize_str, texts) if lowercase else texts


def byte_tokens() -> list[str]:
    """How each of the 256 bytes is written in a vocabulary of the byte-level kind, in the order of the bytes.

    Printable characters of Latin-1 stand for themselves, the other bytes for the characters from U+0100 on: the
    writing of GPT-2, kept by Hugging Face.

    Example:
        >>> byte_tokens()[10], byte_tokens()[32], byte_tokens()[65]
        ('Ċ', 'Ġ', 'A')
    """
    kept = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in kept else chr(next(others)) for byte in range(256)]


def _with_counts(made: Pipeline, texts: Iterable[str], settings: TextSettings) -> models.WordLevel:
    """Words or characters by descending frequency, equal ones by code point, after the two special tokens."""
    counts = _count_characters(texts) if settings.level == "char" else _count_words(made, texts, settings)
    if settings.unit == "sentences":
        counts.pop("\n", None)
    for special in (EOS, UNK):
        counts.pop(special, None)
    least = settings.minimum_count or (2 if settings.level == "word" and not settings.pretokenised else 1)
    kept = sorted((token for token, count in counts.items() if count >= least), key=lambda t: (-counts[t], t))
    if settings.vocabulary_size:
        kept = kept[: settings.vocabulary_size - 2]
    return models.WordLevel({token: index for index, token in enumerate([EOS, UNK, *kept])}, unk_token=UNK)


def _count_characters(texts: Iterable[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for text in texts:
        points, times = np.unique(np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32), return_counts=True)
        counts.update(dict(zip(map(chr, points.tolist()), times.tolist(), strict=True)))
    return counts


def _count_words(made: Pipeline, texts: Iterable[str], settings: TextSettings) -> Counter[str]:
    if settings.pretokenised:
        raw: Counter[bytes] = Counter()
        for text in texts:
            raw.update(text.encode("utf-8").split())
        return Counter({word.decode("utf-8"): count for word, count in raw.items()})
    whole: Counter[str] = Counter()
    for text in texts:
        whole.update(chunks(text))
    counts: Counter[str] = Counter()
    for chunk, count in whole.items():
        for word, _ in made.pre_tokenizer.pre_tokenize_str(chunk.replace(EOS, "< eos >")):
            counts[word] += count
    return counts


def _with_pieces(made: Pipeline, texts: Iterable[str], settings: TextSettings) -> Pipeline:
    size = settings.vocabulary_size or PIECES
    if size < 300:
        raise SettingError(
            f"a {settings.level} vocabulary holds the 256 bytes and pieces of them, but vocabulary_size is {size}",
            fix="give 300 or more, or --level byte",
        )
    made.train_from_iterator(texts, _trainer(settings.level, size))
    content = json.loads(made.to_str())
    # As an added token <eos> would be found inside plain text; as an entry of the vocabulary it never is.
    content["added_tokens"] = []
    if settings.level == "unigram":
        content["model"]["vocab"] = _in_order(content["model"]["vocab"])
    return Pipeline.from_str(json.dumps(content))


def _in_order(vocabulary: list[tuple[str, float | None]]) -> list[tuple[str, float]]:
    """Unigram pieces by descending probability; the library leaves equal ones in no fixed order."""
    scores = {token: score for token, score in vocabulary if score is not None}
    if len(scores) < len(vocabulary):
        raise DataError("there is too little text for a unigram vocabulary", fix="give more text, or --level byte")
    return sorted(scores.items(), key=lambda entry: (entry[0] != EOS, -entry[1], entry[0]))


def _trainer(level: str, size: int) -> trainers.Trainer:
    kind = trainers.BpeTrainer if level == "bpe" else trainers.UnigramTrainer
    return kind(
        vocab_size=size,
        special_tokens=[EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
