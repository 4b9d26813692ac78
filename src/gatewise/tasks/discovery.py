"""Finding the tasks: every folder beside this file that has a ``declaration.py``, and those of other packages."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import NamedTuple

from gatewise.errors import SettingError
from gatewise.settings import did_you_mean
from gatewise.tasks.declaration import Declaration

GROUP = "gatewise.tasks"
"""The entry points of other packages' tasks; each names a tuple of declarations, as ``declaration.py`` has it."""
OF_ALL = {"train": "what follows it is the name of a task", "doctor": "a task says by `examine` what is examined"}
"""The commands that no task may declare, each with the way in which a task takes part in it."""


class Found(NamedTuple):
    """What was found.

    Attributes:
        tasks: every task by name, ours in the order of the folders' names, then those of other packages.
        problems: a line for each task of another package that cannot be used.
    """

    tasks: dict[str, Declaration]
    problems: list[str]


@functools.cache
def look() -> Found:
    """All tasks; what another package gets wrong takes away its own tasks only."""
    tasks: dict[str, Declaration] = {}
    problems: list[str] = []
    for folder in _folders():
        for task in _declared(folder):
            _add(tasks, task)
    for entry in entry_points(group=GROUP):
        try:
            for task in entry.load():
                _add(tasks, task)
        except Exception as error:
            what = " ".join(str(error).split()) or type(error).__name__
            problems.append(f"the task {entry.name} of {_package(entry)} is left out: {what}")
    return Found(tasks, problems)


def _folders() -> Iterator[str]:
    yield from sorted(path.parent.name for path in Path(__file__).parent.glob("*/declaration.py"))


def _declared(folder: str) -> tuple[Declaration, ...]:
    found: tuple[Declaration, ...] = importlib.import_module(f"gatewise.tasks.{folder}.declaration").TASKS
    return found


def _add(tasks: dict[str, Declaration], task: object) -> None:
    if not isinstance(task, Declaration):
        raise TypeError(f"a Declaration is expected, but {type(task).__name__} came")
    if task.name in tasks:
        raise ValueError(f"there is a task {task.name} already")
    taken = {verb.name: verb for other in tasks.values() for verb in other.verbs}
    for verb in task.verbs:
        if verb.name in OF_ALL:
            raise ValueError(f"the command {verb.name} is that of all tasks; {OF_ALL[verb.name]}")
        other = taken.get(verb.name)
        if other is not None and not (verb.on_model and verb.names() == other.names()):
            raise ValueError(f"there is a command {verb.name} already, which takes {', '.join(other.names())}")
    tasks[task.name] = task


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def find_tasks() -> dict[str, Declaration]:
    """Every task by name.

    Example:
        >>> find_tasks()["lm"].help
        'language model with recurrent layers: writes, scores and ranks text'
    """
    return look().tasks


def find_task(name: str, where: str = "") -> Declaration:
    """The task of that name.

    Raises:
        SettingError: there is none; the nearest is named.
    """
    tasks = find_tasks()
    if name not in tasks:
        raise SettingError(f"there is no task {name}", where=where, fix=did_you_mean(name, tasks))
    return tasks[name]
