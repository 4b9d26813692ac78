"""All settings of a training run, as tables; imports without torch."""

from __future__ import annotations

from pathlib import Path

from gatewise.models.settings import RecurrentLMSettings, WindowLMSettings
from gatewise.settings import Group, Settings
from gatewise.tasks.kind import Kind
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.tasks.settings import RunSettings
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.training.settings import TrainingSettings


def _kind(name: str, model: type[Settings]) -> Kind:
    tables = {"data": DataSettings, "text": TextSettings, "batches": BatchSettings}
    saved = Group(**tables, model=model, training=TrainingSettings)
    return Kind(name, saved, RunSettings, Path(__file__).parent / "presets" / name, without_files="documentation")


LM, WINDOW = _kind("lm", RecurrentLMSettings), _kind("window", WindowLMSettings)
KINDS = {kind.name: kind for kind in (LM, WINDOW)}
"""For each kind of network that is trained, as it is typed after ``train``."""
TRAIN, TRAIN_WINDOW = LM.given, WINDOW.given
