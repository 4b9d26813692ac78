"""The settings of training an n-gram model; imports without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gatewise.models.settings import NgramLMSettings
from gatewise.settings import Group, Settings, setting
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.text.settings import BatchSettings, TextSettings

READING = BatchSettings(batch_size=512, bptt=512)
"""A table is asked for many tokens at a time."""


@dataclass(frozen=True)
class NgramRunSettings(Settings):
    """Where a run lies and where its settings come from; flags only."""

    out: str | None = setting(None, "the run folder, made new; default: runs/ngram-<date>-<time>", metavar="DIR")
    config: str | None = setting(None, "a TOML file with the tables below; flags win over it", metavar="FILE.toml")
    arpa: str | None = setting(None, "write the model as an ARPA file too; .gz compresses it", metavar="FILE")


@dataclass(frozen=True)
class WordTextSettings(TextSettings):
    """As :class:`TextSettings`, but over words."""

    level: Literal["word", "char", "byte", "bpe", "unigram"] = setting("word", "what a token is")


NGRAM_SAVED = Group(data=DataSettings, text=WordTextSettings, model=NgramLMSettings)
NGRAM = Group(run=NgramRunSettings, **NGRAM_SAVED.tables)
