"""The tasks from Python: ``gatewise.train``, ``gatewise.compare`` and ``gatewise.load``."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gatewise.errors import ModelFileError
from gatewise.storage import Buffer, parse_json, read_folder
from gatewise.tasks.console import Console
from gatewise.tasks.declaration import Declaration, resolve
from gatewise.tasks.discovery import find_task, find_tasks
from gatewise.tasks.mapped import mapped

UNVERIFIED = "the model is unverified: there is no manifest.json to compare its files with"

CONFIG = "config.json"
_COMPARE = "gatewise.tasks.language_model.compare.run:compare_files"


def train(task: str, files: str | Path | Iterable[str | Path] = (), **settings: Any) -> Any:
    """Train a model and return it; what the command ``gatewise train`` does.

    Args:
        task: such as ``"lm"``.
        files: files, folders or globs, of what the task learns from; without any, its default corpus where it has one.
        settings: any setting of the task by name, such as ``hidden_size=256``, and ``out``, ``resume``, ``preset``,
            ``config`` as on the command line.

    Raises:
        GatewiseError: a name, a value, a file or the run folder is refused.

    Example:
        >>> train("lmm")
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: there is no task lmm; did you mean lm?
    """
    return resolve(find_task(task).fit)(_names(files), settings)


def compare(files: str | Path | Iterable[str | Path] = (), **settings: Any) -> list[Any]:
    """Train models of several kinds on one text in a given time; what the command ``gatewise compare`` does.

    Args:
        files: text files, folders or globs; without any, the documentation inside this Python.
        settings: any setting of the command by name, such as ``minutes=5``, ``models=("ngram", "gru", "lstm")`` and
            ``sizes=(10_000, "1m")``.

    Returns:
        A :class:`~gatewise.tasks.language_model.compare.row.Row` for each model: its perplexity, sizes and times, and
        the folder from which :func:`load` takes it.

    Raises:
        GatewiseError: a name, a value, a file or the folder is refused.
        KeyboardInterrupt: it was stopped; the models that were finished are in the folder.

    Example:
        >>> compare("notes.txt", models=["ngram", "lsmt"]) # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        gatewise.errors.SettingError: models must be a list, each item one of: ... was given; did you mean lstm?
    """
    rows: list[Any] = resolve(_COMPARE)(_names(files), settings)
    return rows


def load(path: str | Path, cell: Any = None) -> Any:
    """Load a model folder, or the one inside a run folder, after checking every byte of it; or an ARPA file.

    Without a ``manifest.json`` there is nothing to check the bytes against: the model is loaded with a warning.

    Args:
        path: the folder, or a file whose name ends in ``.arpa`` or ``.arpa.gz``.
        cell: for a model whose cell is the user's own: its class, or ``"my.py:MyCell"``; without it the model runs
            from the program that it holds. Nothing that the folder names is ever imported.

    Raises:
        ModelFileError: the folder or file is missing, damaged, or not one of ours.

    Example:
        >>> load("nowhere")
        Traceback (most recent call last):
            ...
        gatewise.errors.ModelFileError: nowhere: there is no such folder
    """
    model = open_model(path, cell)
    if model.verified is False:
        warnings.warn(f"{path}: {UNVERIFIED}", stacklevel=2)
    return model


def _names(files: str | Path | Iterable[str | Path]) -> list[str]:
    return [str(file) for file in ([files] if isinstance(files, str | Path) else files)]


def open_model(path: str | Path, cell: Any = None, task: str = "") -> Any:
    """As :func:`load`, without a warning: whoever calls looks at the model's ``verified``.

    Args:
        path: as of :func:`load`.
        cell: as of :func:`load`.
        task: the only one whose models are wanted; "" for any.

    Raises:
        ModelFileError: as :func:`load`, or the model is of another task.
    """
    place = Path(path)
    if reader := _reader(place):
        _refuse_other(place, _with_reader(reader), task)
        return resolve(reader)(place, cell)
    folder = read_folder(model_folder(place), mapped)
    found = _task_in(folder.read(CONFIG), f"{folder.path}/{CONFIG}")
    _refuse_other(place, found, task)
    return resolve(found.load)(folder, cell)


def opened(console: Console, arguments: Mapping[str, Any], given: Mapping[str, Any], task: str) -> Any:
    """The model that a command is for; where it is unverified, that is said.

    Args:
        console: of the command.
        arguments: the path of the model is among them, as ``model``.
        given: its settings; the user's own cell may be among them, as ``cell``.
        task: as of :func:`open_model`.

    Raises:
        ModelFileError: as :func:`open_model`.
    """
    model = open_model(arguments["model"], given.get("cell"), task)
    if model.verified is False:
        console.note(f"{arguments['model']}: {UNVERIFIED}")
    return model


def task_of(path: str | Path) -> Declaration:
    """The task that a model was trained for; nothing but its ``config.json`` is looked at.

    Raises:
        ModelFileError: there is no model, or none of ours.
    """
    place = Path(path)
    if reader := _reader(place):
        return _with_reader(reader)
    config = model_folder(place) / CONFIG
    if not config.is_file():
        read_folder(config.parent, mapped)  # says what is wrong with it
        raise ModelFileError(f"this is no model folder of gatewise: it has no {CONFIG}", where=str(config.parent))
    return _task_in(config.read_bytes(), str(config))


def model_folder(place: Path) -> Path:
    """The folder itself, or that of the model in a run folder.

    Raises:
        ModelFileError: it is the folder of a run that is not finished.
    """
    inner = place / "model"
    if (place / "checkpoints").is_dir() and not inner.is_dir():
        fix = f"finish it first: train with --resume --out {place}"
        raise ModelFileError("this run is not finished, so it holds no model yet", where=str(place), fix=fix)
    return inner if inner.is_dir() and not (place / CONFIG).exists() else place


def _task_in(config: Buffer, where: str) -> Declaration:
    found = parse_json(config, where)
    name = found.get("task") if isinstance(found, dict) else None
    if not isinstance(name, str) or name not in find_tasks():
        raise ModelFileError(f"this is no model folder of gatewise (its task is {name!r})", where=where)
    return find_task(name)


def _refuse_other(place: Path, found: Declaration, wanted: str) -> None:
    if wanted and found.name != wanted:
        message = f"a model of the task {wanted} is needed, but this one is of the task {found.name}"
        verbs = ", ".join(verb.name for verb in found.verbs)
        raise ModelFileError(message, where=str(place), fix=f"what can be done with it: gatewise {verbs}")


def _with_reader(reader: str) -> Declaration:
    """The task whose models a reader of files makes: the first that loads from the same module."""
    module = reader.partition(":")[0]
    return next(task for task in find_tasks().values() if task.load.partition(":")[0] == module)


def _reader(place: Path) -> str:
    """What loads a file of this name; "" for a folder, and where nothing has it."""
    if place.is_dir():
        return ""
    readers = {ending: reader for task in find_tasks().values() for ending, reader in task.reads.items()}
    found = next((reader for ending, reader in readers.items() if place.name.lower().endswith(ending)), "")
    if not found and place.exists():
        message = f"a model folder is expected, or a file whose name ends in {' or '.join(readers)}"
        raise ModelFileError(message, where=str(place))
    return found
