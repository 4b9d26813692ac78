"""Recurrent language processing: a cell is written as its equation and used for every language task.

Importing this imports nothing else; each name is found when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "train": "gatewise.tasks.library",
    "load": "gatewise.tasks.library",
    "nn": "",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gatewise")
    if name not in _NAMES:
        raise AttributeError(f"module 'gatewise' has no attribute {name!r}")
    place = _NAMES[name]
    return getattr(importlib.import_module(place), name) if place else importlib.import_module(f"gatewise.{name}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES, "__version__"])
