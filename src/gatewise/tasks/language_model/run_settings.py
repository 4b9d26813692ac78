"""All settings of a training run, as tables; imports without torch."""

from __future__ import annotations

from gatewise.models.settings import RecurrentLMSettings
from gatewise.settings import Group
from gatewise.tasks.language_model.settings import DataSettings, RunSettings
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.training.settings import TrainingSettings

SAVED = Group(
    data=DataSettings, text=TextSettings, batches=BatchSettings, model=RecurrentLMSettings, training=TrainingSettings
)
TRAIN = Group(run=RunSettings, **SAVED.tables)
