"""Curves and bars as SVG text for reports.

Matplotlib is imported when the first one is drawn, and its global state is left as it was.
"""

from __future__ import annotations

import contextlib
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Literal

from gatewise.drawing.colours import BLUE, DARK, GREEN, ORANGE, VIOLET
from gatewise.drawing.letters import printable
from gatewise.drawing.style import CIRCLES, DIAMONDS, GRID, SQUARES, STYLE, TRIANGLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_MOST_POINTS, _MOST_INSIDE = 600, 3
_STYLE = STYLE | {
    "svg.fonttype": "none",  # letters stay letters: small, sharp, and in the page's own font
    "text.parse_math": False,  # a dollar sign in a label is a dollar sign
    "font.family": "sans-serif",
    "axes.edgecolor": GRID,
}
Form = Literal[
    "thin",
    "strong",
    "marked",
    "dashed",
    "steps",
    "short",
    "dotted",
    "mixed",
    "circles",
    "squares",
    "triangles",
    "diamonds",
    "crosses",
]
TOLD_APART: tuple[tuple[str, Form], ...] = (
    (BLUE, "circles"),
    (ORANGE, "squares"),
    (DARK, "triangles"),
    (VIOLET, "diamonds"),
    (GREEN, "crosses"),
)
"""Colour and form of lines that stand side by side: dashes and markers tell them apart where no colours are seen."""
_FORMS: dict[Form, dict[str, Any]] = {
    "thin": {"linewidth": 0.8, "alpha": 0.45},
    "strong": {"linewidth": 1.7},
    "dashed": {"linewidth": 1.2, "linestyle": (0, (4, 3))},
    "marked": {"linewidth": 1.7, "marker": "o", "markersize": 3.5},
    "steps": {"linewidth": 1.7, "drawstyle": "steps-pre"},
    "short": {"linewidth": 1.7, "linestyle": (0, (4, 1.5))},
    "dotted": {"linewidth": 1.7, "linestyle": (0, (1, 1.2))},
    "mixed": {"linewidth": 1.7, "linestyle": (0, (4, 1.2, 1, 1.2))},
    "circles": {**CIRCLES, "linewidth": 1.6, "markersize": 4, "markevery": 0.09},
    "squares": {**SQUARES, "linewidth": 1.6, "markersize": 4, "markevery": 0.1},
    "triangles": {**TRIANGLES, "linewidth": 1.6, "markersize": 4.5, "markevery": 0.11},
    "diamonds": {**DIAMONDS, "linewidth": 1.6, "markersize": 4, "markevery": 0.12},
    "crosses": {"linewidth": 1.6, "linestyle": (0, (8, 3)), "marker": "x", "markersize": 5, "markevery": 0.13},
}


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        label: what the legend calls it; "" keeps it out.
        points: pairs (x, y); those that are not finite are left out.
        colour: a CSS colour.
        form: thin (the raw values), strong (their course), marked (a marker at each point), dashed (a level), steps
            (what holds from one point up to the next, as it was at the later one); and for lines that are told apart
            without colours too: short (dashes), dotted, mixed (dashes and dots), or one of :data:`TOLD_APART`.
        band: triples (x, low, high) of an area around it, such as an interval.
    """

    label: str
    points: Sequence[tuple[float, float]]
    colour: str = BLUE
    form: Form = "strong"
    band: Sequence[tuple[float, float, float]] = ()


def chart(
    title: str,
    x_label: str,
    y_label: str,
    lines: Iterable[Line],
    *,
    log: bool = False,
    log_x: bool = False,
    zero: bool = False,
) -> str:
    """A chart as an ``<svg>`` element that needs nothing outside itself; the same data give the same text.

    Args:
        title: stands above it; also keeps the ids inside the element apart from those of other charts on the page.
        x_label: with the unit.
        y_label: with the unit.
        lines: what to draw, the last on top.
        log: a logarithmic y axis.
        log_x: a logarithmic x axis.
        zero: a y axis that starts at zero (unless it is logarithmic), so that what is flat looks flat.

    Example:
        >>> picture = chart("Loss", "steps", "nats", [Line("training", [(1, 4.0), (2, 3.5)])])
        >>> picture.startswith("<svg"), "training" in picture
        (True, True)
    """
    with _axes(title, 2.9) as drawing:
        axes = drawing.axes
        _draw(axes, lines)
        if log_x:
            axes.set_xscale("log")
            _number(axes.xaxis, *axes.get_xlim())
        if log:
            axes.set_yscale("log")
            _number(axes.yaxis, *axes.get_ylim())
        elif zero:
            axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
        axes.set_xlabel(printable(x_label))
        axes.set_ylabel(printable(y_label))
    return drawing.element


def bars(title: str, x_label: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars from zero, each with its number, as an ``<svg>`` element like that of :func:`chart`.

    Args:
        title: stands above them.
        x_label: with the unit.
        rows: label, value (0 or more) and CSS colour of each, the first on top.

    Example:
        >>> picture = bars("Perplexity", "per word", [("bigrams", 300.0, "#9aa5ad"), ("LSTM", 100.0, BLUE)])
        >>> picture.startswith("<svg"), "bigrams" in picture, "300" in picture
        (True, True, True)
    """
    labels, values, colours = zip(*rows, strict=True)
    with _axes(title, 0.8 + 0.26 * len(rows)) as drawing:
        axes = drawing.axes
        axes.grid(visible=False, axis="y")
        drawn = axes.barh([printable(label) for label in labels], values, color=colours, height=0.7)
        axes.bar_label(drawn, [f"{value:,.4g}" for value in values], padding=4)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.12 * max(values))
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(printable(x_label))
    return drawing.element


@dataclass
class _Drawing:
    axes: Axes
    element: str = ""


@contextlib.contextmanager
def _axes(title: str, inches: float) -> Iterator[_Drawing]:
    """Axes to draw on; afterwards the picture as an element."""
    import matplotlib
    from matplotlib.figure import Figure

    written = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(5.4, inches), layout="constrained")
        drawing = _Drawing(figure.add_subplot())
        drawing.axes.set_title(printable(title), loc="left", fontweight="bold", fontsize=10.5)
        yield drawing
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawing.element = _element(written.getvalue(), title)


def smoothed(points: Sequence[tuple[float, float]], share: float = 0.02) -> list[tuple[float, float]]:
    """The mean of each point and its neighbours, so that a course is seen through the noise of single batches.

    Args:
        points: pairs (x, y) in the order of x.
        share: of the points that one mean takes in, from 0 to 1.

    Example:
        >>> smoothed([(0, 1.0), (1, 3.0), (2, 5.0), (3, 1.0)], share=0.75)
        [(0, 2.0), (1, 3.0), (2, 3.0), (3, 3.0)]
    """
    half = int(len(points) * share) // 2
    sums = [0.0, *accumulate(y for _, y in points)]
    out = []
    for place, (x, _) in enumerate(points):
        start, end = max(0, place - half), min(len(points), place + half + 1)
        out.append((x, (sums[end] - sums[start]) / (end - start)))
    return out


def thinned(points: Sequence[tuple[float, float]], most: int = _MOST_POINTS) -> list[tuple[float, float]]:
    """At most ``most`` points: neighbours are replaced by their mean, so that a long run makes no longer page.

    Example:
        >>> thinned([(0, 1.0), (1, 3.0), (2, 5.0), (3, 7.0)], most=2)
        [(0.5, 2.0), (2.5, 6.0)]
    """
    finite = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    if len(finite) <= most:
        return finite
    edges = [round(len(finite) * part / most) for part in range(most + 1)]
    groups = (finite[start:end] for start, end in pairwise(edges))
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def _draw(axes: Axes, lines: Iterable[Line]) -> None:
    labelled = 0
    for line in lines:
        points = thinned(line.points)
        label = printable(line.label) or "_nolegend_"
        if line.band:
            across, low, high = zip(*line.band, strict=True)
            axes.fill_between(across, low, high, color=line.colour, alpha=0.16, linewidth=0)
        axes.plot([x for x, _ in points], [y for _, y in points], color=line.colour, label=label, **_FORMS[line.form])
        labelled += bool(line.label)
    if labelled > _MOST_INSIDE:  # they would stand in the way of the lines
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    elif labelled:
        axes.legend(frameon=False)


def _number(axis: Axis, low: float, high: float) -> None:
    """Numbers along a logarithmic axis."""
    from matplotlib.ticker import LogLocator, NullLocator

    # Over a few decades powers of ten alone would leave the axis nearly without numbers.
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1e4 * low else (1,)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:,g}" if high < 1e6 else _brief)


def _brief(x: float, _place: float) -> str:
    """A large number of an axis.

    Example:
        >>> _brief(2e6, 0), _brief(50_000, 0)
        ('2M', '50k')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if x >= size:
            return f"{x / size:g}{letter}"
    return f"{x:g}"


def _element(document: str, title: str) -> str:
    """The ``<svg>`` of a document, as wide as its place, with ids that no other chart of the page has."""
    prefix = re.sub(r"\W+", "-", title.lower())
    svg = document[document.index("<svg") :]
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'(url\(|href=")#', rf"\1#{prefix}-", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL).strip()
