"""How the pictures of lessons look: lines told apart by dashes and markers, so that they are readable in grey."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatewise.drawing.colours import BLUE, DARK, GREEN, GREY, ORANGE, VIOLET
from gatewise.drawing.style import CIRCLES, DIAMONDS, INK, SQUARES, STYLE, TRIANGLES

_STYLE = STYLE | {
    "svg.fonttype": "path",  # on a page of Markdown the picture has no font of its own to ask for
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "axes.edgecolor": "#c3cacf",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
}
LOOKS: tuple[dict[str, Any], ...] = (
    {"color": DARK, **CIRCLES},
    {"color": ORANGE, **SQUARES},
    {"color": BLUE, **TRIANGLES},
    {"color": GREEN, **DIAMONDS},
    {"color": VIOLET, "linestyle": (0, (3, 1, 1, 1, 1, 1)), "marker": "v"},
    {"color": GREY, "linestyle": "-", "marker": "X"},
)
"""Colour, dashes and marker of the lines of a picture, in order; no two share dashes and marker."""
REFERENCE: dict[str, Any] = {"color": INK, "linewidth": 1.0, "linestyle": (0, (1, 2))}
"""Of a straight line that others are compared with."""


@contextlib.contextmanager
def figure(
    columns: int = 1, rows: int = 1, *, width: float = 7.2, height: float = 3.4, **options: Any
) -> Iterator[tuple[Figure, Sequence[Axes]]]:
    """An empty figure and its axes row by row; what is drawn inside the ``with`` has the style of the lessons.

    Args:
        columns: of axes.
        rows: of axes.
        width: of the figure in inches.
        height: of the figure in inches.
        options: for ``Figure.subplots``, such as ``sharey=True``.

    Example:
        >>> with figure(2) as (drawing, axes):
        ...     len(axes)
        2
    """
    with matplotlib.rc_context(_STYLE):
        drawing = Figure(figsize=(width, height), layout="constrained")
        yield drawing, list(drawing.subplots(rows, columns, squeeze=False, **options).flat)


def look(place: int, **changed: Any) -> dict[str, Any]:
    """Keywords for ``Axes.plot`` by which the line at this place differs from all others.

    Args:
        place: 0 or more; after the last look comes the first.
        changed: keywords that replace or complete it.

    Example:
        >>> look(0, linewidth=1)["marker"]
        'o'
    """
    return {**LOOKS[place % len(LOOKS)], **changed}


def rendered(drawing: Figure, form: str = "svg") -> bytes:
    """A figure as the bytes of a file; the same figure gives the same bytes.

    Args:
        drawing: the figure.
        form: ``svg`` or ``png``.

    Example:
        >>> with figure() as (drawing, _):
        ...     rendered(drawing)[:5]
        b'<?xml'
    """
    written = io.BytesIO()
    nothing = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
    with matplotlib.rc_context(_STYLE):
        drawing.savefig(written, format=form, facecolor="white", metadata=nothing, dpi=110)
    return written.getvalue()
