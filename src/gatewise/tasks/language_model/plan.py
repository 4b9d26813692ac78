"""What a run is asked to do: its settings, from defaults, preset, config file and flags, and its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewise.cells import Cell
from gatewise.errors import SettingError
from gatewise.models.settings import RecurrentLMSettings, WindowLMSettings
from gatewise.tasks.language_model.run_settings import KINDS
from gatewise.tasks.language_model.settings import DataSettings
from gatewise.tasks.start import start
from gatewise.text.settings import BatchSettings, TextSettings
from gatewise.training.settings import TrainingSettings


@dataclass(frozen=True)
class Plan:
    """A run before it begins.

    Attributes:
        files: what it trains on.
        kind: of network, as typed after ``train``: "lm" or "window".
        folder: of the run.
        resume: whether the run is there already and goes on.
        cell: the cell; None for a network without.
        data: other texts.
        text: how the text is cut.
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
    text: TextSettings
    batches: BatchSettings
    model: RecurrentLMSettings | WindowLMSettings
    training: TrainingSettings

    def config(self) -> str:
        """The text of a config file with all settings."""
        kind = KINDS[self.kind]
        return kind.config({table: getattr(self, table) for table in kind.saved.tables})


def make_plan(files: Sequence[str], given: Mapping[str, Any], kind: str = "lm") -> Plan:
    """The plan of a run.

    Args:
        files: as given; none for the default corpus.
        given: settings by name, those of :class:`~gatewise.tasks.settings.RunSettings` among them; ``cell`` may be a
            class or an instance.
        kind: "lm" for a recurrent network, "window" for a window-based one.

    Raises:
        SettingError: a name or a value is refused.
        TrainingError: the run folder is there already, or cannot be resumed with these settings.

    Example:
        >>> make_plan(["notes.txt"], {"out": "my_run", "hidden_size": 64}).model.hidden_size
        64
    """
    begun = start(KINDS[kind], files, given)
    refuse_ranks(begun.tables["text"].level, begun.tables["model"].softmax)
    return Plan(tuple(files), kind, begun.folder, begun.resume, begun.cell, **begun.tables)


def presets(kind: str = "lm") -> dict[str, Path]:
    """The presets of a kind of network by name.

    Example:
        >>> "documentation" in presets()
        True
    """
    return KINDS[kind].found_presets()


def refuse_ranks(level: str, softmax: str) -> None:
    """The groups of adaptive are cut by rank, and the ids of bytes are no ranks."""
    if level == "byte" and softmax == "adaptive":
        message = "adaptive needs tokens numbered from frequent to rare, but bytes are numbered by their value"
        raise SettingError(message, where="softmax", fix="give softmax=full, or another level")
