"""The settings of a comparison; imports without torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gatewise.errors import SettingError
from gatewise.settings import Group, Settings, setting
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.tasks.settings import ReportSettings
from gatewise.text.settings import BatchSettings, TextSettings

Name = Literal["ngram", "window", "rnn", "gru", "lstm"]
NAMES: tuple[Name, ...] = ("ngram", "window", "rnn", "gru", "lstm")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([km]?)", re.IGNORECASE)
_PIECES = 2048
_GATED, _GATED_RATE, _RATE = ("gru", "lstm"), 0.008, 0.004
_TIMES = {"": 1, "k": 1000, "m": 1_000_000}


@dataclass(frozen=True)
class CompareSettings(Settings):
    """What is compared, and in what time.

    Raises:
        SettingError: a value out of its range, or a size that is no number of tokens.

    Example:
        >>> CompareSettings(sizes=("10k", "1.5m")).tokens()
        (10000, 1500000)
        >>> CompareSettings(sizes=("10x",))
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: sizes must be numbers of tokens such as 500, 10k or 1.5m, but '10x' was given
    """

    out: str | None = setting(None, "the folder, made new; default: runs/compare-<date>-<time>", metavar="DIR")
    minutes: float = setting(
        10.0, "for the training of all models together, in equal shares for the networks", above=0, unit="minutes"
    )
    models: tuple[Name, ...] = setting(NAMES, "which models", metavar="NAME,...")
    sizes: tuple[str, ...] = setting(
        (),
        "train on so many tokens from the beginning of the text, such as 10k,100k,1m; none: on all",
        metavar="SIZE,...",
    )

    def __post_init__(self) -> None:
        """Refuse what is no size, and to compare nothing."""
        super().__post_init__()
        self.tokens()
        if not self.models:
            raise SettingError("models must name at least one model, but none was given", fix=f"give {','.join(NAMES)}")

    def tokens(self) -> tuple[int, ...]:
        """The sizes as numbers, each once, the smallest first."""
        return tuple(sorted({_tokens(size) for size in self.sizes}))


def _tokens(size: str) -> int:
    found = _SIZE.fullmatch(size.strip())
    number = int(float(found[1]) * _TIMES[found[2].lower()]) if found else 0
    if not number:
        raise SettingError(f"sizes must be numbers of tokens such as 500, 10k or 1.5m, but {size!r} was given")
    return number


@dataclass(frozen=True)
class CompareTextSettings(TextSettings):
    """As :class:`TextSettings`, but over pieces of words: few enough that every model is quick, and nothing is lost."""

    level: Literal["word", "char", "byte", "bpe", "unigram"] = setting("bpe", "what a token is")
    vocabulary_size: int = setting(
        0, "keep this many tokens at most; 0: all words or characters, 2048 pieces for bpe and unigram", minimum=0
    )

    def plain(self) -> TextSettings:
        """The same as a model folder holds it, the number of pieces filled in.

        Example:
            >>> CompareTextSettings().plain().vocabulary_size
            2048
        """
        pieces = _PIECES if self.level in ("bpe", "unigram") else 0
        return TextSettings(**self.to_dict() | {"vocabulary_size": self.vocabulary_size or pieces})


@dataclass(frozen=True)
class CompareBatchSettings(BatchSettings):
    """As :class:`BatchSettings`, but small batches, which learn more in a few minutes."""

    batch_size: int = setting(16, "sequences side by side", minimum=1, maximum=1_000_000, unit="sequences")


@dataclass(frozen=True)
class SharedSettings(Settings):
    """What the models have in common, so that they differ by their kind alone."""

    embedding_size: int = setting(128, "width of the vector of a token", minimum=1, maximum=65_536, unit="units")
    hidden_size: int = setting(256, "width of the hidden layer of a network", minimum=1, maximum=65_536, unit="units")
    output_dropout: float = setting(0.1, "dropout on what the layer returns", minimum=0, below=1)
    softmax: Literal["full", "adaptive"] = setting(
        "full", "adaptive: rare tokens in groups, quicker where the vocabulary is large"
    )
    learning_rate: float | None = setting(
        None, "the highest learning rate of a network; none: 0.008 for cells with gates, 0.004 for others", above=0
    )
    window: int = setting(
        4, "how many of the last tokens the window model sees", minimum=1, maximum=1000, unit="tokens"
    )
    order: int = setting(5, "n: how many tokens an n-gram has at most", minimum=1, maximum=7, unit="tokens")
    seed: int = setting(0, "where the random numbers start", minimum=0, below=2**32)
    threads: int = setting(0, "threads to compute with; 0: as many as torch chooses", minimum=0)

    def rate(self, name: str) -> float:
        """The highest learning rate of a kind of network.

        Example:
            >>> SharedSettings().rate("gru"), SharedSettings().rate("rnn")
            (0.008, 0.004)
        """
        return self.learning_rate or (_GATED_RATE if name in _GATED else _RATE)


COMPARE = Group(
    compare=CompareSettings,
    data=DataSettings,
    text=CompareTextSettings,
    batches=CompareBatchSettings,
    shared=SharedSettings,
    output=ReportSettings,
)
