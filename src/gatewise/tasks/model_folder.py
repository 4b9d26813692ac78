"""What the model folders of all tasks have in common: their files, and the checks on reading them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from gatewise.cells.user import GIVE_CELL
from gatewise.errors import ModelFileError, SettingError
from gatewise.scan.program import Program, from_json
from gatewise.settings import Settings
from gatewise.storage import Folder, parse_json

FORMAT = 2
CONFIG, WEIGHTS, HISTORY = "config.json", "model.safetensors", "training.json"
PROGRAM = "program.json"
"""The step program of the cell, with which a model of a user's own cell runs without its code."""
S = TypeVar("S", bound=Settings)


def as_json(value: Any) -> bytes:
    """The content of a file of data."""
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8")


def read_config(folder: Folder, expected: Mapping[str, type]) -> dict[str, Any]:
    """The content of ``config.json``.

    Args:
        folder: as read.
        expected: what has to be in it, with its type.

    Raises:
        ModelFileError: it is no table, of another version, or lacks something.
    """
    where = f"{folder.path}/{CONFIG}"
    config = parse_json(folder.read(CONFIG), where)
    if not isinstance(config, dict):
        raise ModelFileError("a table of names and values was expected", where=where)
    if config.get("format", FORMAT) != FORMAT:
        message = f"made by another version of gatewise (format {config['format']}; this one reads {FORMAT})"
        raise ModelFileError(message, where=where, fix="use that version, or train again")
    for name, kind in expected.items():
        if not isinstance(config.get(name), kind):
            raise ModelFileError(f"{name} is expected as {kind.__name__}, but {config.get(name)!r} came", where=where)
    return config


def read_history(folder: Folder) -> dict[str, Any]:
    """How the model was trained; empty where the folder does not say."""
    if HISTORY not in folder.files:
        return {}
    found: dict[str, Any] = parse_json(folder.read(HISTORY), f"{folder.path}/{HISTORY}")
    return found


def read_settings(kind: type[S], values: Mapping[str, Any], where: str) -> S:
    """Settings that a model folder holds.

    Args:
        kind: their class.
        values: by name.
        where: what they were read from, for the error.

    Raises:
        ModelFileError: a name or a value is refused.
    """
    try:
        return kind.from_dict(values, where)
    except SettingError as error:
        raise ModelFileError(error.message, where=where, fix=error.fix) from None


def read_program(folder: Folder, name: str = PROGRAM) -> Program:
    """A step program that a model folder holds.

    Raises:
        ModelFileError: it is damaged; the cell itself would do.
    """
    try:
        return from_json(bytes(folder.read(name)), f"{folder.path}/{name}")
    except ModelFileError as error:
        raise ModelFileError(error.message, where=error.where, fix=GIVE_CELL) from None
