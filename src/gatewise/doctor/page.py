"""``doctor.html``: the verdict, pictures, the text in colour, and the numbers, on one page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from gatewise.doctor.diagnosis import Diagnosis, sentence
from gatewise.doctor.examination import Examination
from gatewise.doctor.findings import Finding
from gatewise.doctor.pictures import pictures, run_pictures
from gatewise.doctor.shading import coloured
from gatewise.doctor.tables import Picture, Table, tables
from gatewise.drawing.letters import printable
from gatewise.training.report import document

_STYLE = """<style>
.finding { background: #fff; border: 1px solid #e1e5e7; border-left: 6px solid #9aa5ad; border-radius: 8px;
  padding: .6rem .9rem; margin: 0 0 .7rem; max-width: 50rem; }
.finding p { margin: .15rem 0; } .finding .advice { color: #39434b; }
.finding .behind { color: #5b6770; font-size: .85rem; }
.fault { border-left: 10px solid #d1622b; } .warning { border-left: 8px double #d1622b; }
.label { font-weight: 700; letter-spacing: .03em; }
figcaption { color: #5b6770; font-size: .85rem; padding: .3rem .2rem 0; }
.shaded { background: #fff; border: 1px solid #e1e5e7; border-radius: 8px; padding: .3rem 1rem; max-width: 60rem; }
.scroll { overflow-x: auto; } .rows td, .rows th { font-size: .85rem; }
</style>"""


def page(diagnosis: Diagnosis) -> str:
    """The whole page; every text that came from outside is escaped."""
    examination, record = diagnosis.examination, diagnosis.record
    parts = [
        _STYLE,
        f"<h1>{_text(diagnosis.name)}</h1>",
        f'<p class="lead">{_text(diagnosis.lead)}</p>',
        *_verdict(diagnosis),
        *(f'<p class="lead">{_text(note)}</p>' for note in diagnosis.notes),
        *(_network(examination, diagnosis.unit) if examination else []),
        *(_section("Its training", _figures(run_pictures(record))) if record else []),
        *(_section("Numbers", map(_table, tables(examination))) if examination else []),
        _footer(diagnosis),
    ]
    return document(f"doctor: {diagnosis.name}", parts)


def _verdict(diagnosis: Diagnosis) -> list[str]:
    quiet = ['<div class="finding"><p>Nothing is wrong with it.</p></div>'] if diagnosis.healthy else []
    return ["<h2>Verdict</h2>", *quiet, *map(_finding, diagnosis.findings)]


def _finding(finding: Finding) -> str:
    label = "" if finding.severity == "note" else f'<span class="label">{finding.severity.upper()}</span> '
    advice = f'<p class="advice">→ {_text(sentence(finding.advice))}</p>' if finding.advice else ""
    return (
        f'<div class="finding {finding.severity}"><p>{label}{_text(sentence(finding.sentence))}</p>{advice}'
        f'<p class="behind">{_text(_behind(finding))}</p></div>'
    )


def _behind(finding: Finding) -> str:
    """The number behind a finding, and the threshold that it passed."""
    if finding.value is None:
        return finding.measure
    limit = "" if finding.limit is None else f" (threshold {finding.limit:.4g})"
    return f"{finding.measure}: {finding.value:.4g}{limit}"


def _network(examination: Examination, unit: int | None) -> list[str]:
    drawn = _section("How far back it reaches, and what its gates do", _figures(pictures(examination)))
    shaded = [f'<div class="shaded">{block}</div>' for block in coloured(examination, unit)]
    return [*drawn, *_section("The text, in colour", shaded)]


def _figures(drawn: Iterable[Picture]) -> list[str]:
    figures = [f"<figure>{picture.svg}<figcaption>{_text(picture.caption)}</figcaption></figure>" for picture in drawn]
    return [f'<div class="charts">{"".join(figures)}</div>'] if figures else []


def _section(title: str, parts: Iterable[str]) -> list[str]:
    kept = list(parts)
    return [f"<h2>{_text(title)}</h2>", *kept] if kept else []


def _table(table: Table) -> str:
    head, *lines = table.rows
    body = "".join(f"<tr>{_cells(line, 'td')}</tr>" for line in lines)
    note = f'<p class="lead">{_text(table.note)}</p>' if table.note else ""
    return (
        f'<div class="scroll"><table class="rows"><caption>{_text(table.title)}</caption>'
        f"<tr>{_cells(head, 'th')}</tr>{body}</table></div>{note}"
    )


def _cells(cells: Sequence[str], kind: str) -> str:
    return "".join(f"<{kind}>{_text(cell)}</{kind}>" for cell in cells)


def _footer(diagnosis: Diagnosis) -> str:
    files = ", ".join(f"{name}.csv" for name in diagnosis.rows)
    beside = f" The numbers, all of them, are in {files} beside this page." if files else ""
    return f"<footer>Written by gatewise doctor.{_text(beside)}</footer>"


def _text(value: str) -> str:
    return html.escape(printable(value))
