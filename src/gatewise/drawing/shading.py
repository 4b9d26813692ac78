"""A text with each word in a colour by a measured value, such as the activation of a unit or the surprise at a word."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from gatewise.drawing.highlight import highlight_terminal, marked_html
from gatewise.drawing.letters import printable
from gatewise.errors import DataError, ShapeError

_STEPS = (-1.0, -0.5, 0.0, 0.5, 1.0)


def shaded_html(
    words: Sequence[str],
    values: Sequence[float],
    *,
    what: str,
    unit: str = "",
    separator: str = " ",
    limit: float | None = None,
) -> str:
    """A text as two ``<p>`` of HTML that need nothing outside themselves: what the shades mean, and the words.

    ::

        strength of the colour = |value| / limit

    Values above 0 are blue, those below orange over a dotted line, so that they differ without colour too; the shade
    grows in grey as it does in colour. The value stands where the mouse points.

    Args:
        words: the text; every one is escaped.
        values: one for each; any finite numbers.
        what: the measure, such as ``surprise`` or ``unit 7 of memory``.
        unit: of the values, such as ``nats``; "" for plain numbers.
        separator: stands between words; "" for characters and pieces, which bring their spaces.
        limit: the value with the strongest colour, above 0; those beyond have the same. None: the largest there is.

    Raises:
        ShapeError: there are more or fewer values than words.
        DataError: a value is no finite number, or the limit not above 0.

    Source: Karpathy, Johnson & Fei-Fei 2015, Visualizing and Understanding Recurrent Networks (arXiv:1506.02078).

    Example:
        >>> page = shaded_html(["so", "it", "is"], [0.5, 4.0, 2.0], what="surprise", unit="nats")
        >>> page.count('title="'), 'title="4.00 nats"' in page
        (6, True)
    """
    scale = _scale(words, values, limit)
    titles = [_told(value, unit) for value in values]
    shades = [step for step in _STEPS if step >= 0 or min(values, default=0.0) < 0]
    bars = [f"\N{NO-BREAK SPACE}{_told(step * scale, unit)}\N{NO-BREAK SPACE}" for step in shades]
    legend = marked_html(bars, shades, [_told(step * scale, unit) for step in shades], weakest=0.0)
    head = f'<p style="font-size:smaller;margin:0">{html.escape(printable(what))}: {legend}</p>'
    text = marked_html(words, _weights(values, scale), titles, separator=separator, weakest=0.0)
    return f'{head}\n<p style="line-height:1.9;white-space:pre-wrap">{text}</p>'


def shaded_terminal(
    words: Sequence[str],
    values: Sequence[float],
    *,
    what: str,
    unit: str = "",
    colour: bool,
    separator: str = " ",
    limit: float | None = None,
) -> str:
    """The same for a terminal: a line that says what the shades mean, and the words; arguments as of `shaded_html`.

    Args:
        words: control characters in them are replaced.
        values: one for each.
        what: the measure.
        unit: of the values.
        colour: whether to write in colour; without, the share of the limit stands behind each word.
        separator: stands between words.
        limit: the value with the strongest colour.

    Raises:
        ShapeError: there are more or fewer values than words.
        DataError: a value is no finite number, or the limit not above 0.

    Example:
        >>> print(shaded_terminal(["so", "it", "is"], [0.5, 4.0, 2.0], what="surprise", unit="nats", colour=False))
        surprise, 1.00 = 4.00 nats
        so(+0.12) it(+1.00) is(+0.50)
    """
    scale = _scale(words, values, limit)
    text = highlight_terminal(words, _weights(values, scale), colour=colour, separator=separator)
    if colour:
        shades = [step for step in _STEPS if step > 0 or (step < 0 and min(values, default=0.0) < 0)]
        bars = [_told(step * scale, unit) for step in shades]
        return f"{printable(what)}: {highlight_terminal(bars, shades, colour=True)}\n{text}"
    return f"{printable(what)}, 1.00 = {_told(scale, unit)}\n{text}"


def _scale(words: Sequence[str], values: Sequence[float], limit: float | None) -> float:
    """The value with the strongest colour; 1 where all are 0."""
    if len(words) != len(values):
        raise ShapeError(f"{len(words)} words need as many values, but {len(values)} came")
    for place, value in enumerate(values, 1):
        if not math.isfinite(value):
            raise DataError(f"expected a finite value, but {value:g} came", where=f"word {place}")
    if limit is not None and not (limit > 0 and math.isfinite(limit)):
        raise DataError(f"expected a limit above 0, but {limit:g} came", where="limit")
    return limit or max(map(abs, values), default=0.0) or 1.0


def _weights(values: Sequence[float], scale: float) -> list[float]:
    return [max(-1.0, min(1.0, value / scale)) for value in values]


def _told(value: float, unit: str) -> str:
    """A value with its unit.

    Example:
        >>> _told(2.5, "nats"), _told(-0.25, "")
        ('2.50 nats', '-0.25')
    """
    number = f"{value:.2f}" if abs(value) >= 0.005 or not value else f"{value:.2g}"
    return f"{number} {unit}".rstrip()
