"""A training run from its files to its model folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, TextIO

from gatewise.cells import Cell
from gatewise.cells.registry import is_registered
from gatewise.errors import TrainingError
from gatewise.models.settings import RecurrentLMSettings
from gatewise.scan.trial import try_step
from gatewise.storage import read_folder, write_atomically
from gatewise.tasks.language_model.data import Data, read_data, reopen_data
from gatewise.tasks.language_model.model import LanguageModel, load
from gatewise.tasks.language_model.plan import CONFIG, Plan, make_plan
from gatewise.tasks.language_model.run_folder import new_folder
from gatewise.tasks.language_model.task import LanguageModelTask
from gatewise.training.loop import fit
from gatewise.training.monitor import Lines, Monitor
from gatewise.training.result import Result


def fit_files(files: Sequence[str], settings: Mapping[str, Any]) -> LanguageModel:
    """What ``gatewise.train("lm", files, **settings)`` does.

    Raises:
        GatewiseError: a name, a value, a file or the run folder is refused.
        KeyboardInterrupt: the run was stopped; it can be resumed.
    """
    return _fit(files, settings, "lm")


def fit_window_files(files: Sequence[str], settings: Mapping[str, Any]) -> LanguageModel:
    """What ``gatewise.train("window", files, **settings)`` does; as :func:`fit_files`."""
    return _fit(files, settings, "window")


def _fit(files: Sequence[str], settings: Mapping[str, Any], kind: str) -> LanguageModel:
    """Train a network of a kind.

    Raises:
        GatewiseError: a name, a value, a file or the run folder is refused.
        KeyboardInterrupt: the run was stopped; it can be resumed.
    """
    plan = make_plan(files, settings, kind)
    result = carry_out(plan, monitor_on(sys.stderr))
    if result.stopped == "signal":
        again = f'gatewise.train("{kind}", out={str(plan.folder)!r}, resume=True)'
        raise KeyboardInterrupt(f"stopped; resume it with {again}")
    return reload(plan)


def reload(plan: Plan) -> LanguageModel:
    """The model that a finished run left."""
    return load(read_folder(plan.folder / "model"), _own_cell(plan))


def carry_out(plan: Plan, monitor: Monitor, stdin: BinaryIO | None = None) -> Result:
    """Read the text, train, and leave the run folder with its model.

    Args:
        plan: what to do.
        monitor: who watches; it is also told what was noticed in the text.
        stdin: what ``-`` reads.

    Raises:
        GatewiseError: a text, a setting or the disk is refused; a run that never began leaves nothing behind.
    """
    if plan.resume:
        data = reopen_data(plan.folder / "data")
        _same_files(plan, data)
        return fit(LanguageModelTask(plan, data), plan.training, plan.folder, monitor, resume=True)
    if (own := _own_cell(plan)) is not None and isinstance(plan.model, RecurrentLMSettings):
        try_step(own, plan.model.embedding_size, plan.model.hidden_size, plan.model.projection_size)
    with new_folder(plan.folder):
        data = read_data(plan.files, plan.data, plan.text, plan.folder / "data", monitor.said, stdin)
        task = LanguageModelTask(plan, data)
        _ = task.train_batches().batches_per_epoch  # too little text for one batch is said before anything else
        write_atomically(plan.folder / CONFIG, plan.config().encode("utf-8"))
        return fit(task, plan.training, plan.folder, monitor)


def monitor_on(stream: TextIO) -> Monitor:
    """A bar where ``stream`` is a terminal, else plain lines."""
    if stream.isatty():
        from gatewise.training.bar import Bar

        return Bar()
    return Lines(stream)


def _own_cell(plan: Plan) -> Cell | None:
    """The user's own cell, or None."""
    return None if plan.cell is None or is_registered(plan.cell) else plan.cell


def _same_files(plan: Plan, data: Data) -> None:
    before = data.record["files"]
    if plan.files and list(plan.files) != before:
        raise TrainingError(
            f"the run trains on {' '.join(before) or 'the default corpus'}, but {' '.join(plan.files)} was given",
            where=str(plan.folder),
            fix="leave the files out: the run keeps its text",
        )
