"""How text becomes tokens, and how tokens become batches; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatewise.errors import SettingError
from gatewise.settings import Settings, setting

Encoding = Literal["utf-8", "latin-1", "cp1252", "utf-16"]
"""How the characters of a text file are stored."""


@dataclass(frozen=True)
class TextSettings(Settings):
    """How text is read, cut into tokens, and divided into training text and held-out text.

    Example:
        >>> TextSettings(level="word", vocabulary_size=10000).minimum_count
        0
    """

    level: Literal["word", "char", "byte", "bpe", "unigram"] = setting("char", "what a token is")
    vocabulary_size: int = setting(
        0, "keep this many tokens at most; 0: all words or characters, 4096 pieces for bpe and unigram", minimum=0
    )
    minimum_count: int = setting(
        0, "rarer words or characters become <unk>; 0: 2 for words of plain text, else 1", minimum=0
    )
    lowercase: bool = setting(False, "make all letters small")
    pretokenised: bool = setting(False, "words are what stands between spaces; <unk> in the text is the unknown word")
    unit: Literal["running", "sentences"] = setting("running", "one long text, or every line a sentence by itself")
    reset_at: Literal["never", "document", "paragraph", "line"] = setting(
        "never", "where running text starts again from the initial state"
    )
    validation_share: float = setting(
        0.1, "the last part of the text, held out for validation where no other text is given", above=0, below=1
    )
    encoding: Encoding = setting("utf-8", "the encoding of the text files")

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        super().__post_init__()
        if self.pretokenised and self.level != "word":
            raise SettingError(
                f"pretokenised text has words, but level is {self.level}",
                fix="give --level word, or leave --pretokenised out",
            )
        if self.unit == "sentences" and self.reset_at != "never":
            raise SettingError(
                f"every sentence starts from the initial state anyway, but reset_at is {self.reset_at}",
                fix="leave --reset-at out, or give --unit running",
            )

    @property
    def lossless(self) -> bool:
        """Whether the ids hold every character of a text in which nothing is unknown.

        Words lose the spaces between them, unless words are what stands between single spaces to begin with.

        Example:
            >>> TextSettings(level="word").lossless, TextSettings(level="word", pretokenised=True).lossless
            (False, True)
        """
        return not self.lowercase and (self.level != "word" or self.pretokenised)


@dataclass(frozen=True)
class BatchSettings(Settings):
    """How many sequences are trained side by side, and how far back a gradient reaches.

    Example:
        >>> BatchSettings(batch_size=20).bptt
        64
    """

    batch_size: int = setting(32, "sequences side by side", minimum=1, maximum=1_000_000, unit="sequences")
    bptt: int = setting(64, "time steps of running text that one gradient reaches back", minimum=1, unit="tokens")
    longest_sentence: int = setting(1000, "a longer sentence is an error", minimum=1, unit="tokens")
