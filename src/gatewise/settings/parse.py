"""Text from a command line made into a setting's value."""

from __future__ import annotations

from typing import Any

from gatewise.errors import SettingError
from gatewise.settings.field import Setting

_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def parse(setting: Setting, text: str, where: str = "") -> Any:
    """The value that ``text`` writes, checked; items of a list are separated by commas, ``none`` is None.

    Args:
        setting: what the value is for.
        text: as given by the user.
        where: where it was given, for the error.

    Raises:
        SettingError: ``text`` is no such value, or one out of range.

    Example:
        >>> from gatewise.settings.field import Setting
        >>> cutoffs = Setting("cutoffs", int, (), False, True, None, {"minimum": 1}, "ranks", "", "")
        >>> parse(cutoffs, "2000,10000")
        (2000, 10000)
    """
    try:
        return setting.check(_read(setting, text))
    except SettingError as error:
        raise SettingError(error.message, where=where, fix=error.fix) from None


def _read(setting: Setting, text: str) -> Any:
    if setting.optional and text.lower() == "none" and setting.default != text:
        return None
    if setting.many:
        return tuple(_read_one(setting, item.strip()) for item in text.split(",") if item.strip())
    return _read_one(setting, text)


def _read_one(setting: Setting, text: str) -> Any:
    if setting.kind is bool:
        return _TRUTH.get(text.lower(), text)
    if setting.kind is str:
        return text
    try:
        return setting.kind(text)
    except ValueError:
        return text  # check() refuses it, and shows it as the user wrote it
