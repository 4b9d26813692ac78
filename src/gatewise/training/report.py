"""``report.html``: what a run did, on one page that needs nothing outside itself and runs no script."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gatewise.storage import write_atomically
from gatewise.training.curves import BLUE, GREEN, GREY, ORANGE, Line, chart, printable, smoothed

Row = Mapping[str, Any]
_CSS = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.5rem 4rem; background: #f7f8f8; color: #263038;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .8rem; }
.lead { margin: 0 0 1.4rem; color: #5b6770; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; }
.fact, figure, pre, table { background: #fff; border: 1px solid #e1e5e7; border-radius: 8px; }
.fact { padding: .7rem .9rem; } .fact b { display: block; font-size: 1.2rem; overflow-wrap: anywhere; }
.fact span { color: #5b6770; font-size: .85rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; padding: .7rem; } svg { display: block; width: 100%; height: auto; font-family: inherit; }
pre { padding: .9rem 1.1rem; margin: 0 0 .8rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font: .9rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.settings { columns: 24rem; column-gap: 1rem; }
table { border-collapse: separate; border-spacing: 0; width: 100%; margin: 0 0 1rem; break-inside: avoid; }
caption { text-align: left; font-weight: 600; padding: .2rem 0; }
td { padding: .25rem .8rem; border-top: 1px solid #eef1f2; font-size: .9rem; overflow-wrap: anywhere; }
tr:first-child td { border-top: 0; } td:first-child { color: #5b6770; width: 45%; }
footer { margin-top: 2rem; color: #5b6770; font-size: .85rem; }
"""


def write(
    folder: str | Path,
    rows: Sequence[Row],
    *,
    title: str,
    unit: str = "token",
    nats: bool = True,
    facts: Mapping[str, str] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    samples: Sequence[str] = (),
) -> Path:
    """Write ``report.html`` into a run folder, atomically, and return its path.

    Args:
        folder: the run folder.
        rows: what ``metrics.jsonl`` holds, in its order; see :func:`page`.
        title: what was trained.
        unit: what the loss is the mean over, in the singular.
        nats: whether the loss is a negative natural log probability, so that its exponential is a perplexity.
        facts: figures for the head of the page, by name, beside those the rows give.
        settings: tables of settings, by name.
        samples: texts that the model wrote.

    Raises:
        GatewiseError: the file cannot be written; one that was there is left as it was.

    Example:
        >>> import tempfile
        >>> row = {"event": "train", "step": 1, "seconds": 0.5, "loss": 4.0}
        >>> write(tempfile.mkdtemp(), [row], title="a run").name
        'report.html'
    """
    path = Path(folder) / "report.html"
    text = page(rows, title=title, unit=unit, nats=nats, facts=facts or {}, settings=settings or {}, samples=samples)
    write_atomically(path, text.encode("utf-8"))
    return path


def page(
    rows: Sequence[Row],
    *,
    title: str,
    unit: str,
    nats: bool = True,
    facts: Mapping[str, str],
    settings: Mapping[str, Mapping[str, Any]],
    samples: Sequence[str],
) -> str:
    """The whole page; every text that came from outside is escaped.

    Rows with ``event`` "train" have ``step``, ``seconds`` (of training), ``loss`` (mean nats) and may have
    ``gradient_norm``, ``clipped`` (share of the steps since the row before), ``learning_rate`` and
    ``tokens_per_second``; rows with ``event`` "valid" have ``step``, ``seconds`` and ``loss``. Others are passed over.

    Example:
        >>> text = page([], title="<b>", unit="token", facts={}, settings={}, samples=["a & b"])
        >>> "&lt;b&gt;" in text, "a &amp; b" in text, "<script" in text
        (True, True, False)
    """
    train = [row for row in rows if row.get("event") == "train"]
    valid = [row for row in rows if row.get("event") == "valid"]
    told = {**_facts(train, valid, unit, nats), **facts}
    drawn = charts(train, valid, unit, nats)
    meaning = ", in nats; perplexity is its exponential" if nats else ""
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="lead">Loss is the mean over {_text(unit)}s{meaning}. Time is that of training alone.</p>',
        '<div class="facts">' + "".join(_fact(name, value) for name, value in told.items()) + "</div>",
        "<h2>Curves</h2>" if drawn else "",
        '<div class="charts">' + "".join(f"<figure>{svg}</figure>" for svg in drawn) + "</div>",
        "<h2>Samples</h2>" if samples else "",
        *(f"<pre>{_text(sample)}</pre>" for sample in samples),
        "<h2>Settings</h2>" if settings else "",
        '<div class="settings">' + "".join(_table(name, table) for name, table in settings.items()) + "</div>",
        "<footer>Written by gatewise. The numbers behind the curves are in metrics.jsonl beside this page.</footer>",
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_text(title)}</title>'
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_CSS}</style></head>\n<body>\n{body}\n</body></html>\n'
    )


def charts(train: Sequence[Row], valid: Sequence[Row], unit: str = "token", nats: bool = True) -> list[str]:
    """The curves as SVG: loss and perplexity over steps and minutes, gradient norm, clipped share, learning rate.

    Example:
        >>> len(charts([{"step": 1, "seconds": 60.0, "loss": 2.0}], []))
        4
    """
    measures = [("Loss", "loss", f"{'nats' if nats else 'loss'} per {unit}")]
    if nats:
        measures.append(("Perplexity", "perplexity", f"perplexity per {unit}"))
    drawn = []
    for name, y, label in measures:
        for across, x, x_label in (("steps", "step", "steps"), ("time", "minutes", "minutes of training")):
            lines = _course(train, valid, x, y)
            if any(line.points for line in lines):
                drawn.append(chart(f"{name} over {across}", x_label, label, lines, log=y == "perplexity"))
    return drawn + _of_the_steps(train)


def _of_the_steps(train: Sequence[Row]) -> list[str]:
    """What the rows tell beside the loss; a row without a figure draws nothing."""
    drawn = []
    norms, clipped, rates = (_points(train, "step", y) for y in ("gradient_norm", "clipped", "learning_rate"))
    if norms:
        lines = [Line("", norms, GREY, "thin"), Line("", smoothed(norms), BLUE)]
        drawn.append(chart("Gradient norm", "steps", "norm before clipping", lines, log=True))
    if clipped:
        percent = [(x, 100 * y) for x, y in clipped]
        lines = [Line("", percent, GREY, "thin"), Line("", smoothed(percent, 0.05), ORANGE)]
        drawn.append(chart("Clipped steps", "steps", "% of steps", lines))
    if rates:
        drawn.append(chart("Learning rate", "steps", "learning rate", [Line("", rates, GREEN)]))
    return drawn


def _course(train: Sequence[Row], valid: Sequence[Row], x: str, y: str) -> list[Line]:
    raw = _points(train, x, y)
    return [
        Line("", raw, BLUE, "thin"),
        Line("training", smoothed(raw), BLUE),
        Line("validation", _points(valid, x, y), ORANGE, "marked"),
    ]


def _points(rows: Sequence[Row], x: str, y: str) -> list[tuple[float, float]]:
    pairs = ((_value(row, x), _value(row, y)) for row in rows)
    return [(across, up) for across, up in pairs if across is not None and up is not None]


def _value(row: Row, name: str) -> float | None:
    """A number of a row; minutes and perplexity are worked out from seconds and loss."""
    source = {"minutes": "seconds", "perplexity": "loss"}.get(name, name)
    number = row.get(source)
    if number is None or not math.isfinite(number):
        return None
    if name == "perplexity":
        return math.exp(number) if number < 50 else None
    return float(number / 60 if name == "minutes" else number)


def _facts(train: Sequence[Row], valid: Sequence[Row], unit: str, nats: bool) -> dict[str, str]:
    facts = {}
    losses = [(loss, row["step"]) for row in valid if (loss := _value(row, "loss")) is not None]
    if losses:
        best, step = min(losses)
        facts[f"best validation loss, {'nats ' if nats else ''}per {unit} (step {step})"] = f"{best:.4f}"
        if nats:
            facts[f"perplexity per {unit}"] = f"{math.exp(best):.2f}" if best < 50 else "beyond e^50"
    if train:
        last = train[-1]
        facts["steps"] = f"{last['step']:,}"
        facts["of training"] = _duration(last["seconds"])
        speeds = sorted(value for row in train if (value := _value(row, f"{unit}s_per_second")) is not None)
        if speeds:
            facts[f"{unit}s per second (median)"] = f"{speeds[len(speeds) // 2]:,.0f}"
    return facts


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _fact(name: str, value: str) -> str:
    return f'<div class="fact"><b>{_text(value)}</b><span>{_text(name)}</span></div>'


def _table(name: str, table: Mapping[str, Any]) -> str:
    rows = "".join(f"<tr><td>{_text(key)}</td><td>{_text(_shown(value))}</td></tr>" for key, value in table.items())
    return f"<table><caption>{_text(name)}</caption>{rows}</table>"


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value) or "none"
    return "none" if value is None or value == "" else f"{value:g}" if isinstance(value, float) else str(value)


def _text(value: str) -> str:
    """Printable and escaped for HTML."""
    return html.escape(printable(value))
