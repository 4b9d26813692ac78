"""The settings of training an n-gram model; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatewise.models.settings import NgramLMSettings
from gatewise.settings import Group, Settings, setting
from gatewise.settings.size import read_size
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.text.settings import TextSettings

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


NGRAM_SAVED = Group(data=DataSettings, text=WordTextSettings, model=NgramLMSettings)
NGRAM = Group(run=NgramRunSettings, **NGRAM_SAVED.tables)
