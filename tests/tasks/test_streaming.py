"""Shown piece by piece, a text is the same as shown at once."""

from __future__ import annotations

import random

import pytest

from gatewise.tasks.language_model.streaming import TextStream
from gatewise.text.settings import TextSettings
from gatewise.text.tokenizer import Tokenizer

TEXT = "The cat's (small), isn't it? naïve 日本 🙂 e\u0301\n\n \"So what\": 1.5 % of [it] ...\nEnd\n" * 3


def tokenizer(level, **settings):
    return Tokenizer.train([TEXT * 40], TextSettings(level=level, **settings))


LEVELS = [("char", {}), ("byte", {}), ("bpe", {"vocabulary_size": 300}), ("unigram", {"vocabulary_size": 300})]


@pytest.mark.parametrize(("level", "settings"), [*LEVELS, ("word", {}), ("word", {"pretokenised": True})])
def test_the_pieces_together_are_the_text(level, settings):
    made = tokenizer(level, **settings)
    ids = made.encode(TEXT)
    cuts = [cut for cut in range(len(ids) + 1) if not made.decode(ids[:cut]).endswith("\ufffd")]
    for cut in cuts[:: max(1, len(cuts) // 20)]:
        stream = TextStream(made, ids[:cut])
        pieces = [*map(stream.push, ids[cut:]), stream.finish()]
        assert made.decode(ids[:cut]) + "".join(pieces) == made.decode(ids)


def test_no_piece_holds_half_a_character():
    made = tokenizer("byte")
    stream = TextStream(made)
    assert [stream.push(token) for token in made.encode("a🙂b")] == ["a", "", "", "", "🙂", "b"]


def test_bytes_that_are_no_character_are_shown_at_last():
    made = tokenizer("byte")
    stream = TextStream(made)
    ids = random.Random(0).choices(range(1, 257), k=200)
    pieces = [*map(stream.push, ids), stream.finish()]
    assert sum(map(len, pieces)) > 100
    assert max(map(len, pieces)) <= 6


def test_a_word_after_a_space_brings_none():
    made = tokenizer("word")
    ids = made.encode("of The End")
    assert "".join(map(TextStream(made, ids[:1], "of ").push, ids[1:])) == "The End"
    assert "".join(map(TextStream(made, ids[:1], "of").push, ids[1:])) == " The End"
    assert "".join(map(TextStream(made).push, ids)) == "of The End"
