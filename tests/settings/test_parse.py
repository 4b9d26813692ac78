"""Text from a command line becomes a value of the setting's own type, or an error that names the flag."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gatewise.errors import SettingError
from gatewise.settings import Settings, parse, setting


@dataclass(frozen=True)
class All(Settings):
    whole: int = setting(1, "whole", minimum=1)
    number: float | None = setting(0.5, "number", above=0)
    words: str = setting("", "words")
    path: str | None = setting(None, "path")
    called: str | None = setting("none", "a text that may be none by name")
    switch: bool = setting(False, "switch")
    several: tuple[int, ...] = setting((), "several")
    switches: tuple[bool, ...] = setting((), "switches")


FIELDS = {field.name: field for field in All.declared()}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("whole", "12", 12),
        ("number", "3", 3.0),
        ("number", "1e-3", 0.001),
        ("number", "none", None),
        ("words", "none", "none"),
        ("path", "None", None),
        ("path", "a b.txt", "a b.txt"),
        ("called", "none", "none"),
        ("switch", "yes", True),
        ("switch", "FALSE", False),
        ("several", "1,2, 3", (1, 2, 3)),
        ("several", "", ()),
        ("switches", "on,off", (True, False)),
    ],
)
def test_text_becomes_a_value(name, text, value):
    found = parse(FIELDS[name], text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("whole", "1.0", "--whole: whole must be a whole number of at least 1, but '1.0' was given"),
        ("whole", "0", "but 0 was given"),
        ("whole", "none", "but 'none' was given"),
        ("number", "half", "--number: number must be a number above 0, or none, but 'half' was given"),
        ("number", "inf", "but inf was given"),
        ("switch", "maybe", "switch must be true or false, but 'maybe' was given"),
        ("several", "1,x", "several must be a list, each item a whole number, but '1,x' was given"),
    ],
)
def test_other_text_is_refused(name, text, words):
    with pytest.raises(SettingError) as refused:
        parse(FIELDS[name], text, where=FIELDS[name].flag)
    assert words in str(refused.value)
