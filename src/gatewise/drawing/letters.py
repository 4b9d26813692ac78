"""Text as it may stand in a picture, on a page, or in the columns of a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Text with the replacement character in place of control characters, which no page and no terminal may be given.

    Tabs and ends of lines stay.

    Example:
        >>> printable("a\\x00b")
        'a\N{REPLACEMENT CHARACTER}b'
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def on_one_line(text: str) -> str:
    """Printable text with one space for each run of tabs, ends of lines and spaces.

    Example:
        >>> on_one_line("a\\n  b")
        'a b'
    """
    return " ".join(printable(text).split())


def columns(text: str) -> int:
    """How many columns a text takes on a terminal: two for a wide letter of East Asia, none for a combining mark.

    Example:
        >>> columns("abc"), columns("日本"), columns("e\\u0301")
        (3, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def cut(text: str, most: int) -> str:
    """A text of at most so many columns; what was longer ends with an ellipsis.

    Example:
        >>> cut("classification", 8), cut("short", 8)
        ('classif…', 'short')
    """
    if columns(text) <= most:
        return text
    taken, used = 0, 0
    for letter in text:
        used += _columns(letter)
        if used > most - 1:
            break
        taken += 1
    return text[:taken] + "…"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a table as lines: the first column from the left, all others from the right, two spaces between.

    Args:
        rows: cells, as many in each row.

    Example:
        >>> print("\\n".join(aligned([["label", "F1"], ["a", "0.5"]])))
        label   F1
        a      0.5
    """
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        gaps = [" " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)]
        first, *others = zip(row, gaps, strict=True)
        lines.append("  ".join(["".join(first), *(gap + cell for cell, gap in others)]).rstrip())
    return lines


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
