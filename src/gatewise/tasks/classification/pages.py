"""A folder with what an evaluation found: a page, the confusion plot, and all mistakes as JSON lines."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

from gatewise.drawing.confusion import confusion_chart
from gatewise.drawing.letters import printable
from gatewise.measures import ClassificationReport
from gatewise.measures.counts import HEADS
from gatewise.storage import make_folder, write_atomically
from gatewise.tasks.classification.evaluation import Evaluation, Mistake, one_line
from gatewise.training.report import document

PAGE, PLOT, MISTAKES = "index.html", "confusion.svg", "mistakes.jsonl"
_SHOWN = 100


def write(folder: Path, found: Evaluation, title: str) -> None:
    """Write the files; those that are there are replaced.

    Args:
        folder: made if it is not there.
        found: the measures.
        title: of the page.

    Raises:
        GatewiseError: the system refuses.
    """
    make_folder(folder)
    report = found.report
    plot = confusion_chart(report.matrix, report.labels) if isinstance(report, ClassificationReport) else ""
    lines = (json.dumps(mistake.to_dict(), ensure_ascii=False) for mistake in found.mistakes)
    write_atomically(folder / MISTAKES, "".join(f"{line}\n" for line in lines).encode("utf-8"))
    if plot:
        write_atomically(folder / PLOT, plot.encode("utf-8"))
    write_atomically(folder / PAGE, page(found, title, plot).encode("utf-8"))


def page(found: Evaluation, title: str, plot: str) -> str:
    """The page: measures, a row for each label, the confusion plot, and the mistakes that the model was surest of."""
    rows = [[label, *counts.cells()] for label, counts in zip(found.report.labels, found.report.counts, strict=True)]
    told = found.mistakes[:_SHOWN]
    heading = f"Mistakes: {len(found.mistakes):,} of {found.report.texts:,} texts"
    heading += f", the {len(told)} that the model was surest of" if len(told) < len(found.mistakes) else ""
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="lead">{_text(one_line(found.to_dict()))}</p>',
        "<h2>Labels</h2>",
        _table(["label", *HEADS], rows),
        f"<h2>Confusion</h2><figure>{plot}</figure>" if plot else "",
        f"<h2>{_text(heading)}</h2>",
        *(_mistake(mistake) for mistake in told),
        f"<footer>Written by gatewise. All mistakes are in {MISTAKES} beside this page.</footer>",
    ]
    return document(title, parts)


def _mistake(mistake: Mistake) -> str:
    gold, given = (", ".join(labels) or "no label" for labels in (mistake.gold, mistake.predicted))
    head = f"{mistake.where}: {gold} taken for {given} ({mistake.told()})"
    return f'<p class="lead">{_text(head)}</p><pre>{_text(mistake.text)}</pre>'


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="rows wide"><tr>{head}</tr>{body}</table>'


def _text(value: str) -> str:
    return html.escape(printable(value))
