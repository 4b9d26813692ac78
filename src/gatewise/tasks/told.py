"""Names with values for a reader: a table for a terminal of 80 columns, and one in Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

_WIDTH = 80


def terminal_table(told: Mapping[str, Any]) -> str:
    """Names and values, those of a mapping under its name; what there is nothing to say of is left out.

    Example:
        >>> print(terminal_table({"task": "classify", "labels": ["a", "b"], "scores": {"dev": 0.5}, "other": {}}))
        task    classify
        labels  a, b
        scores
          dev  0.5
    """
    plain = {name: value for name, value in told.items() if not _is_empty(value)}
    width = max((len(_label(name)) for name, value in plain.items() if not isinstance(value, Mapping)), default=0)
    lines: list[str] = []
    for name, value in plain.items():
        if isinstance(value, Mapping):
            inner = {one: part for one, part in value.items() if not _is_empty(part)}
            wide = max((len(_label(one)) for one in inner), default=0)
            lines += [_label(name)]
            lines += [line for one, part in inner.items() for line in _row(f"  {_label(one):<{wide}}", part)]
        else:
            lines += _row(f"{_label(name):<{width}}", value)
    return "\n".join(lines)


def markdown_table(values: Mapping[str, Any]) -> str:
    """Names and values as a table of two columns; numbers nearly as they are, since settings are among them.

    Example:
        >>> print(markdown_table({"a": 12345, "b": ["x|y"]}))
        | | |
        |---|---|
        | a | 12345 |
        | b | x\\|y |
    """
    rows = [f"| {name} | {_exactly(value)} |" for name, value in values.items()]
    return "\n".join(["| | |", "|---|---|", *rows])


def _row(label: str, value: Any) -> list[str]:
    """A name and a value, which goes on below itself where it is long; a path stays whole, so that it can be copied."""
    indent = " " * (len(label) + 2)
    wrapper = textwrap.TextWrapper(_WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return wrapper.wrap(f"{label}  {shown(value)}") or [label]


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | tuple | Mapping) and not value)


def _label(name: str) -> str:
    return name.replace("_", " ")


def shown(value: Any) -> str:
    """A value for a reader, with the digits that are wanted.

    Example:
        >>> shown(12345), shown(0.123456), shown(True), shown({"left_out": 1})
        ('12,345', '0.1235', 'yes', 'left out 1')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_label(name)} {shown(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(shown(inner) for inner in value) or "none"
    return "none" if value is None else str(value)


def _exactly(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_exactly(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_exactly, value)) or "none"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
