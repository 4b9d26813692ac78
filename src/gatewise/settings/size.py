"""Sizes of memory as people write them."""

from __future__ import annotations

import re

from gatewise.errors import SettingError

_UNITS = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}
_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,3})?) ?([kmgt]?b)", re.IGNORECASE)


def read_size(text: str, name: str, least: str = "0b") -> int:
    """A size such as ``500mb`` in bytes; a kb has 1024 of them.

    Args:
        text: as given.
        name: the setting, for the error.
        least: the smallest size allowed.

    Raises:
        SettingError: it is no size, or too small.

    Example:
        >>> read_size("1.5 GB", "memory")
        1610612736
    """
    found = _SIZE.fullmatch(text.strip())
    size = int(float(found[1]) * _UNITS[found[2].lower()]) if found else -1
    if size < (read_size(least, name) if found and least != "0b" else 0):
        raise SettingError(f"{name} must be a size of at least {least}, such as 2gb or 500mb, but {text!r} was given")
    return size


def write_size(size: float) -> str:
    """As :func:`read_size` reads it, rounded.

    Example:
        >>> write_size(500 << 20), write_size(1610612736)
        ('500 MB', '1.5 GB')
    """
    unit = next((unit for unit in ("tb", "gb", "mb", "kb") if size >= _UNITS[unit]), "b")
    return f"{round(size / _UNITS[unit], 1):g} {unit.upper()}"
