"""The settings of training an n-gram model; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatewise.models.settings import NgramLMSettings
from gatewise.settings import Group, Settings, setting
from gatewise.settings.size import read_size
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.tasks.settings import ReportSettings
from gatewise.text.settings import BatchSettings, TextSettings

READING = BatchSettings(batch_size=512, bptt=512)
"""A table is asked for many tokens at a time."""

LEAST_MEMORY = "100mb"


@dataclass(frozen=True)
class NgramRunSettings(Settings):
    """Where a run lies, where its settings come from and what it may take; flags only.

    Raises:
        SettingError: a value out of its range.
    """

    out: str | None = setting(None, "the run folder, made new; default: runs/ngram-<date>-<time>", metavar="DIR")
    config: str | None = setting(None, "a TOML file with the tables below; flags win over it", metavar="FILE.toml")
    arpa: str | None = setting(None, "write the model as an ARPA file too; .gz compresses it", metavar="FILE")
    memory: str | None = setting(
        None,
        "what counting may take, such as 2gb; more goes to the disk; default: half of the free memory",
        metavar="SIZE",
    )

    def __post_init__(self) -> None:
        """Refuse a text that is no size."""
        super().__post_init__()
        if self.memory is not None:
            read_size(self.memory, "memory", LEAST_MEMORY)


@dataclass(frozen=True)
class WordTextSettings(TextSettings):
    """As :class:`TextSettings`, but over words."""

    level: Literal["word", "char", "byte", "bpe", "unigram"] = setting("word", "what a token is")


@dataclass(frozen=True)
class GrowthSettings(Settings):
    """How far n-grams are counted, and what the counts are compared with."""

    order: int = setting(5, "the longest n-grams", minimum=1, maximum=7)
    test: str | None = setting(
        None, "the text whose unseen n-grams are counted; without it, a share of the training text", metavar="FILE"
    )
    out: str | None = setting(None, "a new folder for the table and the plots", metavar="DIR")


@dataclass(frozen=True)
class AllWordsTextSettings(WordTextSettings):
    """As :class:`WordTextSettings`, but every word counts, so that what is unknown was never seen."""

    minimum_count: int = setting(
        1, "rarer words or characters become <unk>, one token like any other; 0: as in training", minimum=0
    )


GROWTH = Group(counts=GrowthSettings, text=AllWordsTextSettings, output=ReportSettings)
NGRAM_SAVED = Group(data=DataSettings, text=WordTextSettings, model=NgramLMSettings)
NGRAM = Group(run=NgramRunSettings, **NGRAM_SAVED.tables)
