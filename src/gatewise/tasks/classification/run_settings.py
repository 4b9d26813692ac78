"""All settings of a training run, as tables; imports without torch."""

from __future__ import annotations

from pathlib import Path

from gatewise.settings import Group
from gatewise.tasks.classification.settings import DataSettings, FitSettings, NetworkSettings, TokenSettings
from gatewise.tasks.kind import Kind
from gatewise.tasks.settings import RunSettings
from gatewise.tasks.text_settings import TextBatchSettings
from gatewise.text.labelled.settings import LabelledSettings

SAVED = Group(
    data=DataSettings,
    reading=LabelledSettings,
    tokens=TokenSettings,
    batches=TextBatchSettings,
    model=NetworkSettings,
    training=FitSettings,
)
KIND = Kind("classify", SAVED, RunSettings, Path(__file__).parent / "presets")
TRAIN = KIND.given
