"""What a run came to."""

from __future__ import annotations

import dataclasses
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import torch

from gatewise.scan import instruction_set
from gatewise.training.selection import Selection

_NOT_TOLD = ("settings", "versions", "folder", "best", "name", "nats", "signal", "selects_by", "unfrozen_at")


@dataclass(frozen=True)
class Result:
    """What a run came to.

    Attributes:
        name: of the task.
        unit: what its losses are a mean over.
        nats: whether exp(loss) is a perplexity.
        folder: of the run; the model lies in ``folder / "model"`` unless it was stopped by a signal.
        stopped: why it ended: all steps done, no time left, no patience left, a signal, or gradients
            that stayed not finite.
        signal: the signal's number, or None.
        steps: steps done, of all runs that were resumed.
        epochs: how often the training data was read.
        units: how many units were trained on.
        seconds: wall time of training alone.
        validation_seconds: wall time of the validations on the way.
        best_step: the step of the best validation.
        best: its measures.
        selects_by: which of them said so.
        unfrozen_at: the steps from which the layer groups were trained, the last group first; empty: all from step 1.
        parameters: how many numbers were trained.
        settings: the training settings.
        versions: what it ran on, and what of its network computed how.
    """

    name: str
    unit: str
    nats: bool
    folder: Path
    stopped: Literal["done", "time", "patience", "signal", "not finite"]
    signal: int | None
    steps: int
    epochs: float
    units: int
    seconds: float
    validation_seconds: float
    best_step: int
    best: dict[str, float]
    selects_by: Selection
    unfrozen_at: list[int]
    parameters: int
    settings: dict[str, Any]
    versions: dict[str, Any]

    @property
    def units_per_second(self) -> float:
        """Units per second of training alone."""
        return self.units / self.seconds if self.seconds else 0.0

    @property
    def exit_code(self) -> int:
        """What a command ends with: 0, or 128 and the signal's number."""
        return 0 if self.signal is None else 128 + self.signal

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {**dataclasses.asdict(self), "folder": str(self.folder), "units_per_second": self.units_per_second}

    def told(self) -> dict[str, Any]:
        """What a model tells of its training: not the rest, which stands in its history under names of its own."""
        return {name: value for name, value in self.to_dict().items() if name not in _NOT_TOLD}


def versions() -> dict[str, Any]:
    """What a run must have the same to be bit-equal to another.

    Example:
        >>> sorted(versions())
        ['engine', 'gatewise', 'instructions', 'python', 'threads', 'torch']
    """
    return {
        "gatewise": metadata.version("gatewise"),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "instructions": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "engine": instruction_set(),
        "threads": torch.get_num_threads(),
    }
