"""A monitor that remembers, and runs compared bit by bit."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from gatewise.training.checkpoint import Checkpoints, unpack
from gatewise.training.loop import fit
from gatewise.training.monitor import Run
from gatewise.training.result import Result
from gatewise.training.settings import TrainingSettings
from gatewise.training.tree import unflatten
from training.toy import Toy

# What differs between two equal runs.
TIMED = {"seconds", "validation_seconds", "units_per_second", "memory", "metrics_size"}


class Memory:
    """Keeps all it is told, and does ``act`` after step ``at``."""

    def __init__(self, at: int = 0, act: Callable[[], None] = lambda: None) -> None:
        self.at, self.act = at, act
        self.runs: list[Run] = []
        self.steps: list[tuple[int, float]] = []
        self.records: list[dict[str, Any]] = []
        self.lines: list[str] = []
        self.ends = 0

    def begin(self, run: Run) -> None:
        self.runs.append(run)

    def stepped(self, step: int, loss: float, units: int, seconds: float) -> None:
        self.steps.append((step, loss))
        if step == self.at:
            self.act()

    def recorded(self, record: Mapping[str, Any]) -> None:
        self.records.append(dict(record))

    def said(self, line: str) -> None:
        self.lines.append(line)

    def ended(self) -> None:
        self.ends += 1


def terminate() -> None:
    """The signal that stops a run with a checkpoint."""
    os.kill(os.getpid(), signal.SIGTERM)


def run(
    folder: Path, settings: TrainingSettings, task: Toy | None = None, *, stop_at: int = 0, resume: bool = False
) -> tuple[Toy, Memory, Result]:
    """A run of the toy; with ``stop_at`` it ends by SIGTERM after that step."""
    task, memory = task or Toy(), Memory(stop_at, terminate)
    return task, memory, quick_fit(task, settings, folder, memory, resume)


def quick_fit(task: Toy, settings: TrainingSettings, folder: Path, memory: Memory, resume: bool = False) -> Result:
    """``fit`` without the curves of the report, which take a hundred times as long as the toy."""
    with mock.patch("gatewise.training.loop.report"):
        return fit(task, settings, folder, memory, resume)


def untimed(tree: Any) -> Any:
    """The tree without what may differ."""
    if isinstance(tree, dict):
        return {key: untimed(value) for key, value in tree.items() if key not in TIMED}
    return [untimed(value) for value in tree] if isinstance(tree, list | tuple) else tree


def last_checkpoint(folder: Path) -> dict[str, Any]:
    """The tree in the newest checkpoint."""
    return unflatten(*unpack(Checkpoints(folder / "checkpoints", 1).found()[-1], "newest"))


def metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of ``metrics.jsonl`` without what may differ."""
    return [untimed(json.loads(line)) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def bits(tree: Any) -> Any:
    """The tree with each tensor as its type, shape and bytes, so that == compares bits."""
    if isinstance(tree, dict):
        return {key: bits(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [bits(value) for value in tree]
    if isinstance(tree, Tensor):
        return str(tree.dtype), tuple(tree.shape), bytes(tree.reshape(-1).view(torch.uint8).tolist())
    return tree


def everything(folder: Path) -> Any:
    """All that a run leaves behind, to be compared by ==: last checkpoint, metrics, the weights given to ``save``."""
    saved = (folder / "model" / "weights.safetensors").read_bytes() if (folder / "model").exists() else None
    return bits(untimed(last_checkpoint(folder))), metrics(folder), saved
