"""Words in colour by their weight: what speaks for an answer is blue, what speaks against it orange."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Mapping, Sequence
from typing import Protocol

from gatewise.drawing.letters import printable
from gatewise.errors import DataError, ShapeError

_BLUE, _ORANGE = "47,111,159", "209,98,43"  # those of gatewise.drawing.colours, as parts
_STRONGEST = 0.55  # so much of the colour leaves the letters of a light and of a dark page readable
_FOR, _AGAINST = "32", "166"  # of the 256 colours of terminals; both can be read on white and on black
_LEVELS = ("38;5;{}", "1;38;5;{}", "48;5;{};38;5;16", "1;48;5;{};38;5;16")
"""From weak to strong: coloured letters, bold ones, black ones on a coloured ground, bold ones. Shades of grounds would
be no order: the palest is the loudest on a dark terminal."""
_WEAKEST = 0.05  # below it a word is left without colour
_ROUNDING = 1e-6


class Terminal(Protocol):
    """What can say whether somebody looks at it."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""


def shows_colour(stream: Terminal, environment: Mapping[str, str] | None = None) -> bool:
    """Whether to write in colour: on a terminal that has colours, unless ``NO_COLOR`` is set to anything.

    Args:
        stream: where the text goes, such as ``sys.stdout``.
        environment: the variables; None: those of this process.

    Source: https://no-color.org

    Example:
        >>> import io
        >>> shows_colour(io.StringIO())
        False
    """
    variables = os.environ if environment is None else environment
    return not variables.get("NO_COLOR") and variables.get("TERM") != "dumb" and stream.isatty()


def highlight_terminal(words: Sequence[str], weights: Sequence[float], *, colour: bool, separator: str = " ") -> str:
    """Words for a terminal in colour by their weight; without colour the weight stands behind the word.

    Args:
        words: control characters in them are replaced, so that no text can steer the terminal.
        weights: one for each, from -1 to 1; those nearer to 0 than 0.05 leave no mark.
        colour: whether to write in colour (:func:`shows_colour`).
        separator: stands between words; "" for characters.

    Raises:
        ShapeError: there are more or fewer weights than words.
        DataError: a weight is no number from -1 to 1.

    Example:
        >>> print(highlight_terminal(["not", "a", "good", "film"], [-0.8, 0, 0.5, 0.1], colour=False))
        not(-0.80) a good(+0.50) film(+0.10)
        >>> highlight_terminal(["good"], [1.0], colour=True)
        '\\x1b[1;48;5;32;38;5;16mgood\\x1b[0m'
    """
    marked = _terminal_colour if colour else _terminal_number
    pairs = zip(words, _checked(words, weights), strict=True)
    return separator.join(marked(printable(word), weight) for word, weight in pairs)


def highlight_html(words: Sequence[str], weights: Sequence[float], *, separator: str = " ") -> str:
    """Words as a ``<p>`` of HTML that needs nothing outside itself; every word is escaped.

    The letters keep the colour of the page, light or dark. Negative weights have a dotted line besides their colour,
    and each weight is shown where the mouse points.

    Args:
        words: the text.
        weights: one for each, from -1 to 1; those nearer to 0 than 0.05 leave no mark.
        separator: stands between words; "" for characters.

    Raises:
        ShapeError: there are more or fewer weights than words.
        DataError: a weight is no number from -1 to 1.

    Example:
        >>> print(highlight_html(["a<b", "good"], [0, 0.5]))
        <p style="line-height:1.9;white-space:pre-wrap">a&lt;b <span title="+0.50"
        style="background:rgba(47,111,159,0.28);border-radius:3px;padding:2px 1px">good</span></p>
    """
    kept = _checked(words, weights)
    marked = marked_html(words, kept, [f"{weight:+.2f}" for weight in kept], separator=separator)
    return f'<p style="line-height:1.9;white-space:pre-wrap">{marked}</p>'


def marked_html(
    words: Sequence[str],
    weights: Sequence[float],
    titles: Sequence[str],
    *,
    separator: str = " ",
    weakest: float = _WEAKEST,
) -> str:
    """Words as the inside of a ``<p>``, each in the colour of its weight; the other arguments as of `highlight_html`.

    Args:
        words: the text.
        weights: one for each, from -1 to 1.
        titles: one for each, shown where the mouse points at a word that has a mark.
        separator: stands between words.
        weakest: those nearer to 0 leave no mark.

    Example:
        >>> print(marked_html(["so", "it"], [1, 0], ["3.1 nats", ""]))
        <span title="3.1 nats" style="background:rgba(47,111,159,0.55);border-radius:3px;padding:2px 1px">so</span> it
    """
    triples = zip(words, _checked(words, weights), titles, strict=True)
    marks = (_html_word(html.escape(printable(word)), weight, title, weakest) for word, weight, title in triples)
    return html.escape(separator).join(marks)


def _terminal_colour(word: str, weight: float) -> str:
    if abs(weight) < _WEAKEST:
        return word
    level = _LEVELS[min(int(abs(weight) * len(_LEVELS)), len(_LEVELS) - 1)]
    start, end = f"\x1b[{level.format(_FOR if weight > 0 else _AGAINST)}m", "\x1b[0m"
    # A ground that is still on at the end of a line would fill the rest of it.
    return "\n".join(f"{start}{part}{end}" if part else "" for part in word.split("\n"))


def _terminal_number(word: str, weight: float) -> str:
    return word if abs(weight) < _WEAKEST else f"{word}({weight:+.2f})"


def _html_word(word: str, weight: float, title: str, weakest: float) -> str:
    if abs(weight) < weakest:
        return word
    parts, line = (_BLUE, "") if weight >= 0 else (_ORANGE, f";border-bottom:2px dotted rgb({_ORANGE})")
    ground = f"background:rgba({parts},{_STRONGEST * abs(weight):.2f})"
    style = f"{ground};border-radius:3px;padding:2px 1px{line}"
    return f'<span title="{html.escape(title)}" style="{style}">{word}</span>'


def _checked(words: Sequence[str], weights: Sequence[float]) -> list[float]:
    """The weights, with what rounding left outside brought back."""
    if len(words) != len(weights):
        raise ShapeError(f"{len(words)} words need as many weights, but {len(weights)} came")
    found = []
    for place, given in enumerate(weights, 1):
        weight = float(given)
        if not abs(weight) <= 1 + _ROUNDING or math.isnan(weight):
            message = f"expected a weight from -1 to 1, but {weight:g} came"
            raise DataError(message, where=f"word {place}", fix="divide the weights by the largest")
        found.append(max(-1.0, min(1.0, weight)))
    return found
