"""Flags made from settings: their type, default, unit and range are those of the declaration."""

from __future__ import annotations

from typing import Any

import click

from gatewise.settings import Setting, parse

_METAVARS = {int: "INT", float: "NUMBER", str: "TEXT", bool: ""}


class SettingType(click.ParamType[Any]):
    """A flag's value, checked as the setting checks it."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.name = setting, setting.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ARG002
        """The value that the text stands for; the error names the flag."""
        return parse(self.setting, value, where=self.setting.flag) if isinstance(value, str) else value


class SettingOption(click.Option):
    """A flag that remembers the table it belongs to, so that the help can show it there.

    Args:
        setting: what it sets.
        table: the name of the setting's table.
        both: whether a switch that is off by default can be switched off, as a config file may have it on.
    """

    def __init__(self, setting: Setting, table: str, both: bool) -> None:
        self.table = table
        switch = setting.kind is bool and not setting.many
        both = switch and (both or setting.default is not False)
        flag = f"{setting.flag}/--no-{setting.flag[2:]}" if both else setting.flag
        kind: dict[str, Any] = {"is_flag": True} if switch else {"type": SettingType(setting)}
        metavar = None if switch else setting.metavar or _metavar(setting)
        super().__init__([flag, setting.name], default=None, help=describe(setting), metavar=metavar, **kind)


def describe(setting: Setting) -> str:
    """The help of a flag: what it means, its unit, its range and its default.

    Example:
        >>> describe(Setting("length", int, 200, False, False, None, {"minimum": 1}, "how much to write", "tokens", ""))
        'how much to write [tokens; of at least 1; default: 200]'
    """
    choices = " | ".join(map(str, setting.choices)) if setting.choices and setting.metavar else ""
    told = setting.default not in (False, None, "") or setting.kind in (int, float)
    default = f"default: {_shown(setting.default)}" if told else ""
    kept = [part for part in (setting.unit, choices, setting.range, default) if part]
    return setting.help + (f" [{'; '.join(kept)}]" if kept else "")


def _shown(default: Any) -> str:
    if default is True:
        return "yes"
    if isinstance(default, tuple):
        return ",".join(map(_shown, default)) or "none"
    if isinstance(default, float):
        return f"{default:g}"
    return "none" if default is None else str(default)


def _metavar(setting: Setting) -> str:
    if setting.choices is not None:
        return "|".join(map(str, setting.choices))
    name = _METAVARS[setting.kind]
    return f"{name},..." if setting.many else name
