"""Recurrent language processing: a cell is written as its equation and used for every language task.

Importing this imports nothing else; each name is found when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewise import nn as nn
    from gatewise.cells import Cell as Cell
    from gatewise.cells import Input as Input
    from gatewise.cells import Matrix as Matrix
    from gatewise.cells import Norm as Norm
    from gatewise.cells import Vector as Vector
    from gatewise.doctor.consultation import consult as doctor  # noqa: F401 (offered under that name)
    from gatewise.errors import GatewiseError as GatewiseError
    from gatewise.tasks.library import compare as compare
    from gatewise.tasks.library import load as load
    from gatewise.tasks.library import train as train

    __version__: str

_PLACES = {
    "gatewise.cells": ("Cell", "Input", "Matrix", "Norm", "Vector"),
    "gatewise.errors": ("GatewiseError",),
    "gatewise.tasks.library": ("compare", "load", "train"),
}
_ROOMS = ("doctor", "nn")
_HOME = {name: place for place, names in _PLACES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gatewise")
    if name in _ROOMS:
        return importlib.import_module(f"gatewise.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'gatewise' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(["__version__", *_ROOMS, *_HOME])
