"""The picture of a comparison, and a page with its table."""

from __future__ import annotations

import html
from pathlib import Path

from gatewise.drawing.colours import BLUE, GREEN, GREY, ORANGE, VIOLET
from gatewise.drawing.curves import Line, chart
from gatewise.storage import write_atomically
from gatewise.tasks.language_model.compare import table
from gatewise.tasks.language_model.compare.row import Comparison, Row
from gatewise.training.report import document

_COLOURS = {"ngram": GREY, "window": GREEN, "rnn": VIOLET, "gru": ORANGE, "lstm": BLUE}
_WIDE = 4.0
"""How many times the lowest perplexity the highest is where a logarithmic axis shows more."""


def write(found: Comparison) -> None:
    """Write ``compare.svg`` and ``compare.html`` into the folder of a comparison.

    Raises:
        GatewiseError: they cannot be written.
    """
    picture = over_sizes(found) if len(found.sizes) > 1 else over_time(found)
    alone = picture.replace("<svg", '<svg style="background: #fff"', 1)
    write_atomically(found.folder / "compare.svg", f'<?xml version="1.0" encoding="utf-8"?>\n{alone}\n'.encode())
    write_atomically(found.folder / "compare.html", page(found, picture).encode())


def over_sizes(found: Comparison) -> str:
    """Perplexity over the number of tokens that were trained on, a line for each model, as SVG."""
    points: dict[str, list[tuple[float, float]]] = {}
    for row in found.rows:
        points.setdefault(row.model, []).append((row.tokens, row.perplexity))
    lines = [Line(name, points[name], _COLOURS[name], "marked") for name in _COLOURS if name in points]
    label = f"perplexity on the {found.text} text"
    return chart("Perplexity over training text", "tokens trained on", label, lines, log=_wide(lines), log_x=True)


def over_time(found: Comparison) -> str:
    """Perplexity on the watched text over the seconds of training, as SVG; that of n-grams is a level."""
    courses = {row.model: found.courses[row.folder] for row in found.rows}
    end = max(seconds for course in courses.values() for seconds, _ in course)
    lines = []
    for name in _COLOURS:
        if name == "ngram" and name in courses:
            seconds, level = courses[name][0]
            lines.append(Line(name, [(seconds, level), (max(end, seconds), level)], _COLOURS[name], "dashed"))
        elif name in courses:
            lines.append(Line(name, courses[name], _COLOURS[name], "marked"))
    label = f"perplexity, {found.watched_tokens:,} validation tokens"
    return chart("Perplexity over time", "seconds of training", label, lines, log=_wide(lines))


def page(found: Comparison, picture: str) -> str:
    """The table, its notes and the picture as a page that needs nothing outside itself."""
    head = "".join(f"<th>{html.escape(' '.join(filter(None, pair)).replace('/ ', '/'))}</th>" for pair in table.HEADS)
    head += "<th>epochs</th><th>ended by</th>"
    rows = "".join(f"<tr>{_name(row)}{_values(row)}</tr>" for row in found.rows)
    return document(
        f"comparison: {found.folder.resolve().name}",
        [
            f"<h1>{html.escape(found.folder.resolve().name)}</h1>",
            f'<p class="lead">{" ".join(map(html.escape, table.notes(found)))}</p>',
            f'<table class="rows"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>',
            f'<figure class="wide">{picture}</figure>',
            "<footer>Written by gatewise. All digits are in compare.csv beside this page.</footer>",
        ],
    )


def _name(row: Row) -> str:
    """The model's name; of a network, with a link to the report of its run."""
    name = html.escape(row.model)
    if row.model == "ngram":
        return f"<td>{name}</td>"
    return f'<td><a href="{html.escape(Path(row.folder).name)}/report.html">{name}</a></td>'


def _values(row: Row) -> str:
    ending = ("", "") if row.parameters is None else (table.epochs(row), row.ended)
    return "".join(f"<td>{html.escape(value)}</td>" for value in (*table.cells(row)[1:], *ending))


def _wide(lines: list[Line]) -> bool:
    values = [value for line in lines for _, value in line.points]
    return max(values) > _WIDE * min(values)
