"""What a run is asked to do: its settings, from defaults, preset, config file and flags, and its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.cells import Cell
from gatewise.errors import SettingError
from gatewise.tasks.start import start
from gatewise.tasks.tagging.run_settings import KIND
from gatewise.tasks.tagging.settings import (
    DataSettings,
    FitSettings,
    SentenceBatchSettings,
    TaggingSettings,
    TagSettings,
    WordSettings,
)
from gatewise.text.conll.settings import ConllSettings


@dataclass(frozen=True)
class Plan:
    """A run before it begins.

    Attributes:
        files: what it trains on.
        kind: as typed after ``train``.
        folder: of the run.
        resume: whether the run is there already and goes on.
        cell: the cell.
        data: other files.
        reading: where words and tags stand.
        labels: how tags are learnt.
        words: which words are known.
        batches: the sizes of batches.
        model: what the network is.
        training: how it is trained.
    """

    files: tuple[str, ...]
    kind: str
    folder: Path
    resume: bool
    cell: Cell | None
    data: DataSettings
    reading: ConllSettings
    labels: TagSettings
    words: WordSettings
    batches: SentenceBatchSettings
    model: TaggingSettings
    training: FitSettings

    def config(self) -> str:
        """The text of a config file with all settings."""
        return KIND.config({table: getattr(self, table) for table in KIND.saved.tables})


def make_plan(files: Sequence[str], given: Mapping[str, Any]) -> Plan:
    """The plan of a run.

    Args:
        files: tagged files.
        given: settings by name; ``cell`` may be a class or an instance.

    Raises:
        SettingError: a name or a value is refused, or there is no file.
        TrainingError: the run folder is there already, or cannot be resumed with these settings.

    Example:
        >>> make_plan(["train.conllu"], {"out": "my_run", "hidden_size": 64}).model.hidden_size
        64
    """
    begun = start(KIND, files, given)
    if not files and not begun.resume:
        raise SettingError("training needs tagged files, but none is given", fix="name files of columns or CoNLL-U")
    return Plan(tuple(files), KIND.name, begun.folder, begun.resume, begun.cell, **begun.tables)
