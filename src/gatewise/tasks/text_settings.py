"""The settings that classifiers and taggers have in common; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.settings import Settings, setting


@dataclass(frozen=True)
class VocabularySettings(Settings):
    """Which words have a number and a vector of their own."""

    vocabulary_size: int = setting(
        0, "keep this many at most, <unk> counted; 0: all, and 4096 pieces for bpe and unigram", minimum=0
    )
    minimum_count: int = setting(0, "rarer ones become <unk>; 0: 2 for words, else 1", minimum=0)
    lowercase: bool = setting(False, "look words up in small letters")
    vectors: str | None = setting(
        None, "pretrained vectors of words, in the text format of word2vec, GloVe or fastText", metavar="FILE"
    )


@dataclass(frozen=True)
class TextBatchSettings(Settings):
    """How many texts are read side by side."""

    batch_size: int = setting(32, "texts side by side at most", minimum=1, maximum=1_000_000, unit="texts")
    batch_tokens: int = setting(
        0, "tokens side by side at most, padding counted, for texts of any length; 0: no limit", minimum=0
    )
