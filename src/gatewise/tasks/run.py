"""A training run of any task from its files to its model folder: for the library, and for the command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Generic, Protocol, TextIO, TypeVar

from gatewise.cells import Cell
from gatewise.cells.registry import is_registered
from gatewise.errors import TrainingError
from gatewise.storage import Folder, read_folder, write_atomically
from gatewise.tasks.console import Console
from gatewise.tasks.model import Model
from gatewise.tasks.run_folder import new_folder
from gatewise.training.loop import fit
from gatewise.training.monitor import Lines, Monitor
from gatewise.training.result import Result
from gatewise.training.run_files import CONFIG
from gatewise.training.settings import TrainingSettings
from gatewise.training.task import Task

Said = Callable[[str], None]


class Plan(Protocol):
    """A run before it begins; each task's own has its settings besides."""

    @property
    def files(self) -> tuple[str, ...]:
        """What it trains on, as given."""
        ...

    @property
    def kind(self) -> str:
        """What was typed after ``train``."""
        ...

    @property
    def folder(self) -> Path:
        """Of the run."""
        ...

    @property
    def resume(self) -> bool:
        """Whether the run is there already and goes on."""
        ...

    @property
    def cell(self) -> Cell | None:
        """The cell of its recurrent layers; None where there are none."""
        ...

    @property
    def training(self) -> TrainingSettings:
        """How the network is trained."""
        ...

    def config(self) -> str:
        """The text of a config file with all settings."""
        ...


P = TypeVar("P", bound=Plan)
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Recipe(Generic[P, M]):
    """How the runs of one kind go; what a task gives so that :func:`carry_out` and the commands work.

    Attributes:
        plan: puts the settings together, from files and settings by name.
        begin: reads the data of a new run into the run folder and makes the thing to learn; it is given the plan,
            who is told what was noticed, and what ``-`` reads.
        resume: the same of a run that goes on, from what ``begin`` left in the folder.
        load: the model in a folder that was read, with the user's own cell or None.
    """

    plan: Callable[[Sequence[str], Mapping[str, Any]], P]
    begin: Callable[[P, Said, BinaryIO | None], Task]
    resume: Callable[[P], Task]
    load: Callable[[Folder, Cell | None], M]


def fit_files(recipe: Recipe[P, M], files: Sequence[str], settings: Mapping[str, Any]) -> M:
    """What ``gatewise.train(task, files, **settings)`` does.

    Raises:
        GatewiseError: a name, a value, a file or the run folder is refused.
        KeyboardInterrupt: the run was stopped; it can be resumed.
    """
    plan = recipe.plan(files, settings)
    result = carry_out(recipe, plan, monitor_on(sys.stderr))
    if result.stopped == "signal":
        again = f'gatewise.train("{plan.kind}", out={str(plan.folder)!r}, resume=True)'
        raise KeyboardInterrupt(f"stopped; resume it with {again}")
    return reload(recipe, plan)


def train(
    recipe: Recipe[P, M], console: Console, files: Sequence[str], given: Mapping[str, Any]
) -> tuple[M | None, int]:
    """What the command ``gatewise train`` does, up to what the task itself shows of the model.

    Args:
        recipe: of the task.
        console: where it is watched.
        files: as typed.
        given: settings by name.

    Returns:
        The model, None where the run was stopped, and the exit code.
    """
    plan = recipe.plan(files, given)
    result = carry_out(recipe, plan, monitor_on(console.stderr), console.stdin)
    if result.stopped == "signal":
        console.note(f"to go on: gatewise train {plan.kind} --resume --out {plan.folder}")
        return None, result.exit_code
    model = reload(recipe, plan)
    console.note(f"model: {plan.folder}/model, report: {plan.folder}/report.html")
    return model, result.exit_code


def carry_out(recipe: Recipe[P, M], plan: P, monitor: Monitor, stdin: BinaryIO | None = None) -> Result:
    """Read the data, train, and leave the run folder with its model.

    Args:
        recipe: of the task.
        plan: what to do.
        monitor: who watches; it is also told what was noticed in the data.
        stdin: what ``-`` reads.

    Raises:
        GatewiseError: the data, a setting or the disk is refused; a run that never began leaves nothing behind.
    """
    if plan.resume:
        return fit(recipe.resume(plan), plan.training, plan.folder, monitor, resume=True)
    with new_folder(plan.folder):
        task = recipe.begin(plan, monitor.said, stdin)
        _ = task.train_batches().batches_per_epoch  # too little data for one batch is said before anything else
        write_atomically(plan.folder / CONFIG, plan.config().encode("utf-8"))
        return fit(task, plan.training, plan.folder, monitor)


def reload(recipe: Recipe[P, M], plan: P) -> M:
    """The model that a finished run left."""
    return recipe.load(read_folder(plan.folder / "model"), own_cell(plan))


def own_cell(plan: Plan) -> Cell | None:
    """The user's own cell, or None."""
    return None if plan.cell is None or is_registered(plan.cell) else plan.cell


def monitor_on(stream: TextIO) -> Monitor:
    """A bar where ``stream`` is a terminal, else plain lines."""
    if stream.isatty():
        from gatewise.training.bar import Bar

        return Bar()
    return Lines(stream)


def refuse_other_files(plan: Plan, before: Sequence[str], default: str) -> None:
    """A resumed run keeps its data.

    Args:
        plan: of the resumed run.
        before: the files that the run began with.
        default: what is read where there are none.

    Raises:
        TrainingError: other files were given.
    """
    if plan.files and list(plan.files) != list(before):
        raise TrainingError(
            f"the run trains on {' '.join(before) or default}, but {' '.join(plan.files)} was given",
            where=str(plan.folder),
            fix="leave the files out: the run keeps its data",
        )
