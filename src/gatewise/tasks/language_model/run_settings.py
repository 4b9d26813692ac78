"""All settings of a training run, as tables; imports without torch."""

from __future__ import annotations

from gatewise.models.settings import RecurrentLMSettings, WindowLMSettings
from gatewise.settings import Group, Settings
from gatewise.tasks.language_model.settings import DataSettings, RunSettings, WindowRunSettings
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.training.settings import TrainingSettings


def _saved(model: type[Settings]) -> Group:
    """What a run folder keeps of its settings."""
    return Group(data=DataSettings, text=TextSettings, batches=BatchSettings, model=model, training=TrainingSettings)


SAVED = {"lm": _saved(RecurrentLMSettings), "window": _saved(WindowLMSettings)}
"""For each kind of network that is trained, as it is typed after ``train``."""
TRAIN = Group(run=RunSettings, **SAVED["lm"].tables)
TRAIN_WINDOW = Group(run=WindowRunSettings, **SAVED["window"].tables)
GIVEN = {"lm": TRAIN, "window": TRAIN_WINDOW}
