"""``report.html``: what a run did, on one page that needs nothing outside itself and runs no script."""

from __future__ import annotations

import html
import json
import math
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from gatewise.drawing.colours import BLUE, GREEN, GREY, ORANGE, VIOLET
from gatewise.drawing.curves import Line, chart, smoothed
from gatewise.drawing.letters import printable
from gatewise.storage import write_atomically
from gatewise.training.layer_names import level
from gatewise.training.metrics import read_metrics
from gatewise.training.monitor import duration
from gatewise.training.run_files import CONFIG, METRICS, SUMMARY
from gatewise.training.selection import Selection

Row = Mapping[str, Any]
_LOSS = Selection("loss")
_DRAWABLE = 50.0  # nats; the perplexity of more has 22 digits
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
.rows td { width: auto; text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.rows td:first-child { width: auto; text-align: left; } .wide { max-width: 50rem; margin: 0 0 1rem; }
th { padding: .25rem .8rem; font-size: .85rem; font-weight: 600; text-align: right; color: #5b6770; }
th:first-child { text-align: left; }
footer { margin-top: 2rem; color: #5b6770; font-size: .85rem; }
"""


def write(folder: str | Path) -> Path:
    """Write ``report.html`` into a run folder, atomically, from the files that lie there.

    These are ``metrics.jsonl``, ``summary.json`` (a :class:`~gatewise.training.result.Result` with ``samples``) and,
    where there is one, ``config.toml``.

    Args:
        folder: the run folder.

    Returns:
        The path of the report.

    Raises:
        GatewiseError: the file cannot be written; one that was there is left as it was.

    Example:
        >>> import json, pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> summary = {"name": "lm", "unit": "token", "nats": True, "stopped": "done", "steps": 0, "epochs": 0.0,
        ...     "units": 0, "seconds": 0.0, "units_per_second": 0.0, "best_step": 0, "best": {"loss": 2.0},
        ...     "selects_by": {"measure": "loss", "higher": False}, "unfrozen_at": [],
        ...     "parameters": 10, "settings": {"seed": 0}, "versions": {"torch": "2.13.0"}, "samples": []}
        >>> _ = (folder / "metrics.jsonl").write_text("")
        >>> _ = (folder / "summary.json").write_text(json.dumps(summary))
        >>> write(folder).name
        'report.html'
    """
    folder = Path(folder)
    summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    config = folder / CONFIG
    settings = (
        tomllib.loads(config.read_text(encoding="utf-8")) if config.exists() else {"training": summary["settings"]}
    )
    text = page(
        read_metrics(folder / METRICS),
        title=f"{summary['name']}: {folder.resolve().name}",
        unit=summary["unit"],
        nats=summary["nats"],
        selects_by=Selection(**summary["selects_by"]),
        facts=_facts(summary),
        settings={**settings, "versions": summary["versions"]},
        samples=summary["samples"],
    )
    path = folder / "report.html"
    write_atomically(path, text.encode("utf-8"))
    return path


def page(
    rows: Sequence[Row],
    *,
    title: str,
    unit: str,
    nats: bool = True,
    selects_by: Selection = _LOSS,
    facts: Mapping[str, str],
    settings: Mapping[str, Mapping[str, Any]],
    samples: Sequence[str],
) -> str:
    """The whole page; every text that came from outside is escaped.

    Args:
        rows: the lines of ``metrics.jsonl``; :mod:`gatewise.training.metrics` says what they hold.
        title: the heading.
        unit: what the loss is the mean over, in the singular.
        nats: whether the loss is a negative natural log probability, so that its exponential is a perplexity.
        selects_by: the measure of a validation that says what is best.
        facts: what stands in the boxes at the head, by name.
        settings: tables of settings, by name.
        samples: texts.

    Example:
        >>> text = page([], title="<b>", unit="token", facts={}, settings={}, samples=["a & b"])
        >>> "&lt;b&gt;" in text, "a &amp; b" in text, "<script" in text
        (True, True, False)
    """
    drawn = charts(rows, unit, nats, selects_by.measure)
    alarms = [alarm for row in rows for alarm in row.get("alarms", ())]
    meaning = ", in nats; perplexity is its exponential" if nats else ""
    kept = f" The weights of the {'highest' if selects_by.higher else 'lowest'} {_words(selects_by.measure)} are kept."
    parts = [
        f"<h1>{_text(title)}</h1>",
        f'<p class="lead">Loss is the mean over {_text(unit)}s{meaning}. Time is that of training alone.'
        f"{_text(kept) if selects_by != _LOSS else ''}</p>",
        '<div class="facts">' + "".join(_fact(name, value) for name, value in facts.items()) + "</div>",
        "<h2>What went wrong</h2>" if alarms else "",
        *(f"<p>Step {alarm['step']:,}: {_text(alarm['line'])}.</p>" for alarm in alarms),
        "<h2>Curves</h2>" if drawn else "",
        '<div class="charts">' + "".join(f"<figure>{svg}</figure>" for svg in drawn) + "</div>",
        "<h2>Samples</h2>" if samples else "",
        *(f"<pre>{_text(sample)}</pre>" for sample in samples),
        "<h2>Settings</h2>" if settings else "",
        '<div class="settings">' + "".join(_table(name, table) for name, table in settings.items()) + "</div>",
        "<footer>Written by gatewise. The numbers behind the curves are in metrics.jsonl beside this page.</footer>",
    ]
    return document(title, parts)


def document(title: str, parts: Iterable[str]) -> str:
    """A page of HTML with the style of the reports.

    Args:
        title: of the window.
        parts: HTML, one under the other; "" is left out.

    Example:
        >>> document("a < b", ["<p>c</p>"]).splitlines()[0]
        '<!doctype html>'
    """
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_text(title)}</title>'
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_CSS}</style></head>\n<body>\n{body}\n</body></html>\n'
    )


def charts(rows: Sequence[Row], unit: str = "token", nats: bool = True, selects_by: str = "loss") -> list[str]:
    """The curves as SVG: what selects, loss, perplexity, gradient norm, clipped share, learning rate, speed and so on.

    What no row has a number for is not drawn.

    Example:
        >>> len(charts([{"step": 1, "seconds": 60.0, "loss": 2.0}, {"step": 2, "loss": None}], nats=False))
        2
    """
    drawn = []
    measures = [("Loss", "loss", f"{'nats' if nats else 'loss'} per {unit}")]
    if selects_by != "loss":
        name = _words(selects_by)
        measures.insert(0, (name[:1].upper() + name[1:], selects_by, name))
    if nats:
        measures.append(("Perplexity", "perplexity", f"perplexity per {unit}"))
    for name, y, label in measures:
        for across, x, x_label in (("steps", "step", "steps"), ("time", "minutes", "minutes of training")):
            lines = _losses(rows, x, y)
            if any(line.points for line in lines):
                drawn.append(chart(f"{name} over {across}", x_label, label, lines, log=y == "perplexity"))
    others = [svg for name, *rest in _OTHERS if (svg := _other(rows, name, *rest))]
    return drawn + others + [svg for name, *rest in _BY_LAYER if (svg := _by_layer(rows, name, *rest))]


_OTHERS = (
    ("gradient_norm", "Gradient norm", "step", "norm before clipping", BLUE),
    ("clipped_percent", "Clipped steps", "step", "% of the steps", ORANGE),
    ("learning_rate", "Learning rate", "step", "learning rate", GREEN),
    ("layer_groups", "Layer groups that are trained", "step", "groups", BLUE),
    ("units_per_second", "Speed", "minutes", "units per second", BLUE),
    ("memory", "Memory in use", "minutes", "MiB", GREEN),
)
_BY_LAYER = (
    ("gradient_norm_by_layer", "Gradient norm by layer", "norm before clipping"),
    ("update_ratio_by_layer", "Change of the weights in one step", "share of their length"),
)
_COLOURS = (BLUE, ORANGE, GREEN, VIOLET, GREY)
_FORMS: tuple[Literal["strong", "short", "dotted", "mixed"], ...] = ("strong", "short", "dotted", "mixed")
_FROM: dict[str, tuple[str, Callable[[float], float | None]]] = {
    "minutes": ("seconds", lambda seconds: seconds / 60),
    "perplexity": ("loss", lambda loss: math.exp(loss) if loss < _DRAWABLE else None),
    "validation_perplexity": ("validation_loss", lambda loss: math.exp(loss) if loss < _DRAWABLE else None),
    "clipped_percent": ("clipped", lambda share: 100 * share),
}


def _losses(rows: Sequence[Row], x: str, y: str) -> list[Line]:
    raw, validation = _points(rows, x, y), Line("validation", _points(rows, x, f"validation_{y}"), ORANGE, "marked")
    training = [Line("", raw, BLUE, "thin"), Line("training", smoothed(raw), BLUE)]
    return [*training, validation] if raw else [validation]


def _other(rows: Sequence[Row], name: str, title: str, x: str, label: str, colour: str) -> str:
    points = _points(rows, x, name)
    if not points:
        return ""
    across = "minutes of training" if x == "minutes" else "steps"
    if name == "learning_rate":  # it is set, not measured: there is no noise to smooth
        return chart(title, across, label, [Line("", points, colour)])
    if name == "layer_groups":
        return chart(title, across, label, [Line("", _corners(points), colour, "steps")], zero=True)
    lines = [Line("", points, GREY, "thin"), Line("", smoothed(points), colour)]
    log = name == "gradient_norm" and all(y > 0 for _, y in points)
    return chart(title, across, label, lines, log=log, zero=True)


def _by_layer(rows: Sequence[Row], name: str, title: str, label: str) -> str:
    """One line for each layer; their forms differ as well as their colours, and the two repeat at different places."""
    layers = dict.fromkeys(layer for row in rows for layer in row.get(name, {}))
    lines: list[Line] = []
    for place, (layer, called) in enumerate(zip(layers, _brief(list(layers)), strict=True)):
        points = _points([{"x": row["step"], "y": row.get(name, {}).get(layer)} for row in rows], "x", "y")
        positive = smoothed([point for point in points if point[1] > 0])
        if positive:
            lines.append(Line(called, positive, _COLOURS[place % len(_COLOURS)], _FORMS[place % len(_FORMS)]))
    return chart(title, "steps", label, lines, log=True) if lines else ""


def _brief(layers: Sequence[str]) -> list[str]:
    """What a legend calls layers: of the modules they are in only as many as tell them apart.

    Example:
        >>> _brief(["encoder.words", "encoder.recurrent.l0", "encoder.recurrent.l0_reverse", "a.output", "b.output"])
        ['words', 'recurrent 1', 'recurrent 1, back', 'a.output', 'b.output']
    """
    named = [level(layer) or (layer, None, False) for layer in layers]
    paths = {name: name.split(".") for name, _, _ in named}
    ends = Counter(".".join(path[-many:]) for path in paths.values() for many in range(1, len(path) + 1))
    brief = {}
    for name, path in paths.items():
        tails = (".".join(path[-many:]) for many in range(1, len(path) + 1))
        brief[name] = next((tail for tail in tails if ends[tail] == 1), name)
    return [
        brief[name] + ("" if number is None else f" {number + 1}") + ", back" * reverse
        for name, number, reverse in named
    ]


def _points(rows: Sequence[Row], x: str, y: str) -> list[tuple[float, float]]:
    pairs = ((_value(row, x), _value(row, y)) for row in rows)
    return [(across, up) for across, up in pairs if across is not None and up is not None]


def _corners(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points at both sides of each change, with the first and the last: of whole numbers there is no mean to draw.

    Example:
        >>> _corners([(1, 1.0), (2, 1.0), (3, 1.0), (4, 2.0), (5, 2.0), (6, 2.0)])
        [(1, 1.0), (3, 1.0), (4, 2.0), (6, 2.0)]
    """
    last = len(points) - 1
    changes = {place for place in range(last) if points[place][1] != points[place + 1][1]}
    kept = {0, last} | changes | {place + 1 for place in changes}
    return [points[place] for place in sorted(kept)]


def _value(row: Row, name: str) -> float | None:
    """A number of a row, or one that is worked out from it; None where there is none to draw."""
    source, convert = _FROM.get(name, (name, float))
    number = row.get(source)
    return None if number is None or not math.isfinite(number) else convert(number)


def _facts(summary: Mapping[str, Any]) -> dict[str, str]:
    unit, best, selects_by = summary["unit"], summary["best"], summary["selects_by"]["measure"]
    loss, at = best.get("loss"), f"(step {summary['best_step']:,})"
    facts = {}
    if selects_by != "loss":
        facts[f"best validation, {_words(selects_by)} {at}"] = f"{best[selects_by]:.4g}"
    if loss is not None:
        measure = f"{'nats' if summary['nats'] else 'loss'} per {unit}"
        facts[f"best validation, {measure} {at}" if selects_by == "loss" else f"its {measure}"] = f"{loss:.4f}"
    if loss is not None and summary["nats"] and loss < _DRAWABLE:
        facts[f"perplexity per {unit}"] = f"{math.exp(loss):,.2f}"
    facts |= {_words(name): f"{value:.4g}" for name, value in best.items() if name not in ("loss", selects_by)}
    if summary["unfrozen_at"]:
        steps = ", ".join(f"{step:,}" for step in summary["unfrozen_at"])
        facts["steps from which the layer groups were trained, the last group first"] = steps
    return facts | {
        "parameters": f"{summary['parameters']:,}",
        "steps": f"{summary['steps']:,}",
        "epochs": f"{summary['epochs']:.2f}",
        "of training": duration(summary["seconds"]),
        f"{unit}s per second": f"{summary['units_per_second']:,.0f}",
        "why it ended": summary["stopped"],
    }


def _words(measure: str) -> str:
    return measure.replace("_", " ")


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
