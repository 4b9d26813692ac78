"""Texts as flat arrays: the same numbers as word by word, and targets that fit."""

from __future__ import annotations

import numpy as np
import pytest

from gatewise.errors import DataError
from gatewise.text.encoded import EncodedTexts
from gatewise.text.lexicon import LONGEST_WORD, Lexicon
from gatewise.text.settings import TextSettings
from gatewise.text.tokenizer import Tokenizer

TEXTS = [["The", "cat", "sat"], [], ["the", "cat"], ["a", "Cat", "The", "The"]]
LEVELS = ["word", "char", "byte", "bpe"]


def words_of(texts: EncodedTexts, lexicon: Lexicon) -> list[list[str]]:
    """The words that a set stands for, one by one."""
    pairs = zip(texts.boundaries, texts.boundaries[1:], strict=False)
    return [[lexicon.words[texts.types.word_ids[number]] for number in texts.ids[a:b]] for a, b in pairs]


@pytest.mark.parametrize("lowercase", [False, True])
def test_words_come_back(lowercase):
    lexicon = Lexicon.build(TEXTS[:3], lowercase=lowercase)
    texts = EncodedTexts.of_words(iter(TEXTS), lexicon)
    plain = [[word.lower() if lowercase else word for word in text] for text in TEXTS]
    assert words_of(texts, lexicon) == [[word if word in lexicon.words else "<unk>" for word in t] for t in plain]
    assert texts.unknown == (1 if lowercase else 2)
    assert texts.ids.dtype == np.int32
    assert texts.types.word_ids.shape == (6,)
    assert texts.types.characters is None
    assert texts.lengths.tolist() == [3, 0, 2, 4]


def test_every_type_has_its_characters_once():
    lexicon = Lexicon.build(TEXTS[:1], characters=True)
    types = EncodedTexts.of_words([*TEXTS, ["x" * 100]], lexicon).types
    known = "\0" + lexicon.characters
    written = [
        "".join(known[one] for one in types.characters[a:b])
        for a, b in zip(types.starts, types.starts[1:], strict=False)
    ]
    assert written == ["The", "cat", "sat", "the", "a", "\0at", "\0" * LONGEST_WORD]
    assert types.cut == 1


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("level", LEVELS)
def test_tokens_are_those_of_the_tokenizer(level, start):
    texts = ["the cat", "", "a cat é\n"]
    size = {"vocabulary_size": 300} if level == "bpe" else {}
    tokenizer = Tokenizer.train(["the cat sat"], TextSettings(level=level, minimum_count=1, **size))
    encoded = EncodedTexts.of_tokens(iter(texts), tokenizer, start=start)
    before = [tokenizer.eos_id] * start
    parts = np.split(encoded.ids, encoded.boundaries[1:-1])
    assert [part.tolist() for part in parts] == [[*before, *tokenizer.encode(text)] for text in texts]
    assert encoded.types is None
    assert encoded.unknown == sum(tokenizer.encode(text).count(tokenizer.unk_id) for text in texts)


def test_no_text_and_only_empty_texts():
    lexicon = Lexicon.build(TEXTS, characters=True)
    assert [len(EncodedTexts.of_words(texts, lexicon)) for texts in ([], [[], []])] == [0, 2]


def test_targets():
    texts = EncodedTexts.of_words(TEXTS, Lexicon.build(TEXTS))
    single = texts.with_labels([0, 2, 1, 1])
    assert (single.targets.dtype, single.targets.tolist(), single.tagged) == (np.int64, [0, 2, 1, 1], False)
    many = texts.with_labels(np.eye(4, 3, dtype=bool))
    assert (many.targets.dtype, many.targets.shape, many.tagged) == (np.bool_, (4, 3), False)
    tags = texts.with_tags(np.arange(9, dtype=np.int16))
    assert (tags.targets.dtype, tags.targets.tolist(), tags.tagged) == (np.int64, list(range(9)), True)
    assert texts.targets is None


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([0, 1], r"one label for each text is expected, 4 in all, but \[2\] came"),
        (np.ones((3, 2), bool), r"one label for each text is expected, 4 in all, but \[3, 2\] came"),
        ([0, -1, 0, 0], "labels are whole numbers from 0, but int64 from -1 came"),
        ([0.0, 1, 0, 0], "labels are whole numbers from 0, but float64 from 0.0 came"),
    ],
    ids=str,
)
def test_refused_labels(targets, message):
    texts = EncodedTexts.of_words(TEXTS, Lexicon.build(TEXTS))
    with pytest.raises(DataError, match=message):
        texts.with_labels(targets)


def test_refused_tags_and_words():
    lexicon = Lexicon.build(TEXTS)
    with pytest.raises(DataError, match=r"one tag for each token is expected, 9 in all, but \[4\] came"):
        EncodedTexts.of_words(TEXTS, lexicon).with_tags([0, 1, 0, 1])
    with pytest.raises(DataError, match="a word must have a character, but one is empty"):
        EncodedTexts.of_words([["a"], ["b", ""]], lexicon)
    with pytest.raises(DataError, match="a text is expected as a list of words, but 'so' came"):
        EncodedTexts.of_words(["so"], lexicon)


def test_other_texts_have_another_digest():
    lexicon = Lexicon.build(TEXTS, characters=True)
    made = [
        EncodedTexts.of_words(texts, lexicon)
        for texts in (TEXTS, TEXTS[:3], [["The"]], [["cat"]], [["dog"]], [["cow"]])
    ]
    made += [made[0].with_labels([0, 0, 0, 0]), made[0].with_labels([0, 0, 0, 1])]
    assert len({texts.digest() for texts in made}) == len(made)
    assert made[0].digest() == EncodedTexts.of_words(TEXTS, lexicon).digest()
