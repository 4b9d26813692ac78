"""Constants of the right kind are kept, others are refused with what was expected and what came."""

from __future__ import annotations

from typing import Literal, Optional

import pytest

from gatewise.cells.constants import checked, from_text
from gatewise.errors import SettingError

Word = Literal["tanh", "relu"]
Number = Literal[1, 2]


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, float, 1.0),
        (True, bool, True),
        (3, int, 3),
        ("a", str, "a"),
        (None, float | None, None),
        (0, Optional[float], 0.0),  # noqa: UP045  both ways of writing it are read
        ("relu", Word, "relu"),
    ],
)
def test_a_value_of_the_right_kind_is_kept(value, hint, expected):
    found = checked(value, hint, "here")
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("value", "hint", "words"),
    [
        ("1", float, "here: expected float, but '1' came"),
        (True, float, "expected float, but True"),
        (1.5, int, "expected int, but 1.5"),
        (None, float, "expected float, but None"),
        ("x", float | None, "expected float or none, but 'x'"),
        ("sin", Word, "expected one of 'tanh', 'relu', but 'sin'"),
    ],
)
def test_a_value_of_another_kind_is_refused(value, hint, words):
    with pytest.raises(SettingError, match=words):
        checked(value, hint, "here")


@pytest.mark.parametrize(
    ("text", "hint", "expected"),
    [
        ("2", float, 2.0),
        ("2", int, 2),
        ("-1e-3", float | None, -0.001),
        ("None", float | None, None),
        ("FALSE", bool, False),
        ("relu", Word, "relu"),
        ("2", Number, 2),
        ("2", str, "2"),
        ("none", str, "none"),
    ],
)
def test_text_is_read_as_the_annotation_says(text, hint, expected):
    found = from_text(text, hint, "here")
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(("text", "hint"), [("x", float), ("1.5", int), ("yes", bool), ("sin", Word), ("3", Number)])
def test_text_of_another_kind_is_refused(text, hint):
    with pytest.raises(SettingError, match=f"here: expected .*, but '{text}' came"):
        from_text(text, hint, "here")
