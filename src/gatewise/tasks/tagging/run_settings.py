"""All settings of a training run, as tables; imports without torch."""

from __future__ import annotations

from pathlib import Path

from gatewise.settings import Group
from gatewise.tasks.kind import Kind
from gatewise.tasks.settings import RunSettings
from gatewise.tasks.tagging.settings import (
    DataSettings,
    FitSettings,
    SentenceBatchSettings,
    TaggingSettings,
    TagSettings,
    WordSettings,
)
from gatewise.text.conll.settings import ConllSettings

_TABLES = {
    "data": DataSettings,
    "reading": ConllSettings,
    "labels": TagSettings,
    "words": WordSettings,
    "batches": SentenceBatchSettings,
    "model": TaggingSettings,
    "training": FitSettings,
}
KIND = Kind("tag", Group(**_TABLES), RunSettings, Path(__file__).parent / "presets")
TRAIN = KIND.given
