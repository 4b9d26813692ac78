"""Config files: TOML with one table for each group of settings."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gatewise.errors import SettingError
from gatewise.settings.nearest import did_you_mean


def read_tables(path: str | Path, tables: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The tables of a config file, by name; their keys are checked by whoever owns them.

    Args:
        path: a TOML file such as ``[model]`` followed by ``hidden_size = 512``.
        tables: the table names that exist.

    Raises:
        SettingError: the file is missing or no TOML, a table is unknown, or a key stands outside the tables.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "my.toml"
        ...     _ = path.write_text(write_tables({"model": {"hidden_size": 512, "cutoffs": [1, 2], "out": None}}))
        ...     read_tables(path, ["model"])
        {'model': {'hidden_size': 512, 'cutoffs': [1, 2]}}
    """
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"the config file cannot be read ({error.strerror})", where=str(path)) from None
    except ValueError as error:
        raise SettingError(f"this is no TOML file ({error})", where=str(path)) from None
    known = list(tables)
    for name, table in content.items():
        if name not in known:
            kind = "table" if isinstance(table, Mapping) else "key outside a table"
            raise SettingError(f"unknown {kind} {name}", where=str(path), fix=did_you_mean(name, known))
        if not isinstance(table, Mapping):
            raise SettingError(f"{name} must be a table, written [{name}]", where=str(path))
    return content


def write_tables(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of a config file; what is None is left out, since TOML has no word for it.

    Args:
        tables: whole numbers, numbers, texts, truth values and lists of them, by table and name.

    Example:
        >>> print(write_tables({"model": {"cell": "lstm", "hidden_size": 512, "tie_weights": True}}), end="")
        [model]
        cell = "lstm"
        hidden_size = 512
        tie_weights = true
    """
    blocks = []
    for table, values in tables.items():
        # A value of ours is written in JSON as TOML writes it: numbers, basic strings, true and false, arrays.
        lines = [
            f"{name} = {_escaped(json.dumps(value, ensure_ascii=False))}"
            for name, value in values.items()
            if value is not None
        ]
        blocks.append("\n".join([f"[{table}]", *lines]) + "\n")
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    return text.replace("\x7f", "\\u007f")
