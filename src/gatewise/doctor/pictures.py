"""The pictures of the page, as SVG: lines are told apart by dashes and markers, and every axis has its unit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gatewise.doctor.examination import Examination, LevelExamination
from gatewise.doctor.rules.reach import left
from gatewise.doctor.run_record import RunRecord
from gatewise.doctor.tables import Picture
from gatewise.doctor.thresholds import KEPT
from gatewise.drawing.colours import BLUE, GREY
from gatewise.drawing.curves import TOLD_APART, Line, chart, smoothed
from gatewise.gradients.curves import Curve
from gatewise.gradients.levels import name_of
from gatewise.gradients.memory import gradient_memory
from gatewise.training.layer_names import told as named

_LEAST = math.log(1e-6)  # below it nothing is learnt; it would only press what matters into a corner
_MOST = math.log(1e10)


def pictures(examination: Examination) -> list[Picture]:
    """Those of a network, in the order of the page."""
    made: list[Picture | None] = [_jacobian(level, examination) for level in examination.levels]
    made += [_loss(examination), _shares(examination), _behaviour(examination)]
    for level in examination.levels:
        made += [_gates(level), _carried(level, examination)]
    return [picture for picture in made if picture is not None]


def run_pictures(record: RunRecord) -> list[Picture]:
    """Those of a training run."""
    return [picture for picture in (_course(record), _norms(record), _ratios(record)) if picture is not None]


def _jacobian(level: LevelExamination, examination: Examination) -> Picture:
    unit = examination.unit
    lines = list(_curves([(f"by {state}", curve) for state, curve in level.jacobians.spectral.items()]))
    first = next(iter(level.jacobians.spectral.values()))
    bound = level.bound.log_at(first.distances)
    if bound is not None:
        points = _finite(zip(first.distances.tolist(), bound.tolist(), strict=True))
        lines.append(Line("bound from the weights", points, GREY, "dashed"))
    svg = chart(
        f"{level.name.capitalize()}: how far back its output depends",
        f"distance in {unit}s",
        "spectral norm of the Jacobian",
        lines,
        log=True,
    )
    return Picture(
        svg, "A falling line is forgetting, a rising one explosion. The area holds 80 % of the places looked back from."
    )


def _loss(examination: Examination) -> Picture | None:
    if examination.loss is None or not examination.loss.states:
        return None
    longest: dict[str, tuple[str, Curve]] = {}
    for part in examination.loss.states:
        level = name_of(part.layer, part.reverse)
        if level not in longest or _reach(part.curve) > _reach(longest[level][1]):
            longest[level] = (f"{level}, {part.state}", part.curve)
    lines = list(_curves(list(longest.values())))
    start = max(float(curve.mean_log.max()) for _, curve in longest.values())
    if math.isfinite(start) and start < _MOST:
        ends = [0.0, max((point[0] for line in lines for point in (*line.points, *line.band)), default=1.0)]
        lines.append(Line("1 % of the greatest", [(end, math.exp(start) * KEPT) for end in ends], GREY, "dashed"))
    svg = chart(
        "How far back the loss depends",
        f"distance in {examination.unit}s",
        "norm of the gradient, nats",
        lines,
        log=True,
    )
    return Picture(
        svg, "Of each layer the state that remembers longest. What lies below the dashed line teaches next to nothing."
    )


def _reach(curve: Curve) -> tuple[float, float]:
    return gradient_memory(curve, KEPT), left(curve)


def _shares(examination: Examination) -> Picture | None:
    if not examination.shares:
        return None
    lines = [
        Line(
            f"{name_of(share.layer, share.reverse)}, {share.parameter}",
            list(zip(share.distances.tolist(), (100 * share.cumulative).tolist(), strict=True)),
            *TOLD_APART[place % len(TOLD_APART)],
        )
        for place, share in enumerate(examination.shares)
    ]
    title, across = "Where the gradient of the weights comes from", f"distance in {examination.unit}s"
    svg = chart(title, across, "% of it from within that distance", lines, zero=True)
    return Picture(svg, "A line that is at 100 % early has learnt from its nearest past alone.")


def _behaviour(examination: Examination) -> Picture | None:
    found, unit = examination.behaviour, examination.unit
    if found is None:
        return None
    band = list(zip(found.distances, found.low.tolist(), found.high.tolist(), strict=True))
    points = list(zip(found.distances, found.worsening.tolist(), strict=True))
    level = [(found.distances[0], 0.0), (found.distances[-1], 0.0)]
    lines = [Line("no difference", level, GREY, "dashed"), Line(f"a {unit} replaced", points, BLUE, "marked", band)]
    svg = chart(
        f"What it makes use of: a {unit} is replaced",
        f"distance of the replaced {unit} in {unit}s",
        "worsening of the loss, nats",
        lines,
        log_x=len(found.distances) > 2,
    )
    counts = "its area is above the dashed line, and it worsens the loss by at least 1 % of the most"
    farthest = f"The farthest {unit} that counts stands {found.length} back: {counts}."
    return Picture(svg, farthest if found.length else f"No {unit} counts surely: one does where {counts}.")


def _gates(level: LevelExamination) -> Picture | None:
    if not level.gates:
        return None
    lines = []
    for place, gate in enumerate(level.gates):
        counts = gate.histogram.double().sum(0)
        shares = (100 * counts / counts.sum()).tolist()
        points = [((bin + 0.5) / len(shares), share) for bin, share in enumerate(shares)]
        lines.append(Line(gate.gate, points, *TOLD_APART[place % len(TOLD_APART)]))
    svg = chart(
        f"{level.name.capitalize()}: what its gates do", "value of the gate", "% of all values", lines, zero=True
    )
    return Picture(svg, "0 is shut, 1 open. A heap at one end is a gate that hardly learns any more.")


def _carried(level: LevelExamination, examination: Examination) -> Picture | None:
    if not level.carrying:
        return None
    lines = []
    for place, state in enumerate(level.carrying):
        lives = sorted(state.half_life.tolist())
        points = [(100 * (rank + 1) / len(lives), life) for rank, life in enumerate(lives) if 0 < life < math.inf]
        lines.append(Line(f"{state.state}, kept by {state.by}", points, *TOLD_APART[place % len(TOLD_APART)]))
    if not any(line.points for line in lines):
        return None
    title = f"{level.name.capitalize()}: how long its units keep what they hold"
    svg = chart(title, "% of the units, the shortest first", f"half-life in {examination.unit}s", lines, log=True)
    return Picture(svg, "After one half-life half of it is left. Units at the right end carry what lies far back.")


def _course(record: RunRecord) -> Picture | None:
    losses, validation = record.numbers("loss"), record.numbers("validation_loss")
    if not losses:
        return None
    lines = [Line("training", smoothed(losses), *TOLD_APART[0]), Line("validation", validation, *TOLD_APART[1])]
    return Picture(chart("Loss", "steps", "loss per unit", [line for line in lines if line.points]), "")


def _norms(record: RunRecord) -> Picture | None:
    layers = record.by_layer("gradient_norm_by_layer") or {"all layers": record.numbers("gradient_norm")}
    return _by_layer(
        "Gradient norm by layer", "norm before clipping", layers, "A layer far below the others gets hardly any signal."
    )


def _ratios(record: RunRecord) -> Picture | None:
    layers = {
        name: [(x, 100 * y) for x, y in points] for name, points in record.by_layer("update_ratio_by_layer").items()
    }
    return _by_layer(
        "How far a step moves the weights", "% of their length", layers, "Around 0.1 % is usual; more early on."
    )


def _by_layer(title: str, y_label: str, layers: dict[str, list[tuple[int, float]]], caption: str) -> Picture | None:
    lines = [
        Line(
            named(layer),
            smoothed([(step, value) for step, value in points if value > 0]),
            *TOLD_APART[place % len(TOLD_APART)],
        )
        for place, (layer, points) in enumerate(layers.items())
    ]
    drawn = [line for line in lines if line.points]
    return Picture(chart(title, "steps", y_label, drawn, log=True), caption) if drawn else None


def _curves(named: Sequence[tuple[str, Curve]]) -> Iterator[Line]:
    """The mean of each curve, with the area between its 10 % and 90 %."""
    for place, (label, curve) in enumerate(named):
        colour, form = TOLD_APART[place % len(TOLD_APART)]
        distances = curve.distances.tolist()
        band = [
            (distance, math.exp(_within(low)), math.exp(_within(high)))
            for distance, low, high in zip(distances, curve.low.tolist(), curve.high.tolist(), strict=True)
            if high > _LEAST and low < _MOST
        ]
        yield Line(label, _finite(zip(distances, curve.mean_log.tolist(), strict=True)), colour, form, band)


def _finite(pairs: Iterator[tuple[int, float]]) -> list[tuple[float, float]]:
    return [(distance, math.exp(log)) for distance, log in pairs if _LEAST < log < _MOST]


def _within(log: float) -> float:
    return max(_LEAST, min(_MOST, log))
