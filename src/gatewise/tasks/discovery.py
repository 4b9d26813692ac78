"""Finding the tasks: every folder beside this file that has a ``declaration.py``."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

from gatewise.errors import SettingError
from gatewise.settings import did_you_mean
from gatewise.tasks.declaration import Declaration


@functools.cache
def find_tasks() -> dict[str, Declaration]:
    """Every task by name, in the order of the folders' names.

    Example:
        >>> find_tasks()["lm"].help
        'language model with recurrent layers: writes, scores and ranks text'
    """
    folders = sorted(path.parent.name for path in Path(__file__).parent.glob("*/declaration.py"))
    found = [importlib.import_module(f"gatewise.tasks.{folder}.declaration").TASKS for folder in folders]
    return {task.name: task for tasks in found for task in tasks}


def find_task(name: str, where: str = "") -> Declaration:
    """The task of that name.

    Raises:
        SettingError: there is none; the nearest is named.
    """
    tasks = find_tasks()
    if name not in tasks:
        raise SettingError(f"there is no task {name}", where=where, fix=did_you_mean(name, tasks))
    return tasks[name]
