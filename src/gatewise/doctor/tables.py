"""The numbers behind a verdict as tables: for a terminal, for the page, and whole as rows for files and data frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gatewise.doctor.examination import Examination, LevelExamination
from gatewise.drawing.letters import aligned
from gatewise.gradients.curves import Curve
from gatewise.gradients.levels import name_of
from gatewise.gradients.memory import gradient_memory

PARTS = frozenset(
    ["jacobians", "bounds", "gates", "carried", "states", "loss_gradients", "weight_shares", "behaviour", "surprise"]
)
"""The names of all that may be measured."""
_SHOWN = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


@dataclass(frozen=True)
class Table:
    """Numbers with their meaning.

    Attributes:
        title: what they are, with the unit.
        rows: the heading, then the lines; the first cell of each is its label.
        note: how to read them, in one sentence; "" for none.

    Example:
        >>> print(Table("Gates", (("gate", "mean"), ("forget", "0.81"))).text())
        Gates
          gate    mean
          forget  0.81
    """

    title: str
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def text(self) -> str:
        """For a terminal."""
        return "\n".join([self.title, *(f"  {line}" for line in aligned(self.rows))])


@dataclass(frozen=True)
class Picture:
    """A picture with what is to be seen in it.

    Attributes:
        svg: an ``<svg>`` element.
        caption: how to read it; "" for none.
    """

    svg: str
    caption: str


def tables(examination: Examination) -> list[Table]:
    """What a reader looks at, in the order of the page; what was not measured is left out."""
    made = [_jacobians(examination), _loss(examination), _shares(examination), _behaviour(examination)]
    return [table for table in [*made, _gates(examination), _carried(examination), _matrices(examination)] if table]


def _jacobians(examination: Examination) -> Table | None:
    curves = [
        (f"{level.name}, {state}", curve)
        for level in examination.levels
        for state, curve in level.jacobians.spectral.items()
    ]
    exact = all(curve.exact for _, curve in curves)
    how = "" if exact else ", estimated"
    title = (
        f"How much an output depends on the state D {examination.unit}s before it: norm of the Jacobian (spectral{how})"
    )
    return _by_distance(title, curves)


def _loss(examination: Examination) -> Table | None:
    parts = examination.loss.states if examination.loss else ()
    curves = [(f"{name_of(part.layer, part.reverse)}, {part.state}", part.curve) for part in parts]
    title = f"How much the loss depends on the state D {examination.unit}s before it: norm of its gradient, nats"
    return _by_distance(title, curves)


def _by_distance(title: str, curves: Sequence[tuple[str, Curve]]) -> Table | None:
    if not curves:
        return None
    there = curves[0][1].distances.tolist()
    picked = [distance for distance in _SHOWN if distance <= there[-1]]
    places = [min(range(len(there)), key=lambda place: abs(there[place] - distance)) for distance in picked]
    head = ("D", *(str(there[place]) for place in places), "1 % at")
    rows = [
        (label, *(norm(curve.mean_log.tolist()[place]) for place in places), _gone(curve)) for label, curve in curves
    ]
    return Table(title, (head, *rows), "The last column is the distance from which it stays below 1 % of its start.")


def _gone(curve: Curve) -> str:
    distance = gradient_memory(curve)
    return f"> {curve.distances.tolist()[-1]:,}" if math.isinf(distance) else number(distance)


def _shares(examination: Examination) -> Table | None:
    if not examination.shares:
        return None
    head = ("recurrent weights of", "half", "90 %", "99 %")
    rows = [
        (
            f"{name_of(share.layer, share.reverse)}, {share.parameter}",
            *(_reached(share.cumulative.tolist(), part) for part in (0.5, 0.9, 0.99)),
        )
        for share in examination.shares
    ]
    return Table(f"How many {examination.unit}s back the gradient of the weights comes from", (head, *rows))


def _reached(cumulative: Sequence[float], part: float) -> str:
    return next(
        (str(distance) for distance, share in enumerate(cumulative) if share >= part), f"> {len(cumulative) - 1}"
    )


def _behaviour(examination: Examination) -> Table | None:
    found = examination.behaviour
    if found is None:
        return None
    head = ("D", "nats", "at least", "at most")
    columns = (found.worsening.tolist(), found.low.tolist(), found.high.tolist())
    rows = [
        (str(distance), *(f"{round(column[place], 3) + 0:+.3f}" for column in columns))
        for place, distance in enumerate(found.distances)
    ]
    where, unit = "the end" if found.of_text else "it", examination.unit
    title = f"By how much the loss worsens where the {unit} D before {where} is replaced ({found.samples} tried)"
    return Table(title, (head, *rows), "The interval holds the true mean with a probability of 95 %.")


def _gates(examination: Examination) -> Table | None:
    rows = [
        (
            f"{level.name}, {gate.gate}",
            f"{float(gate.mean.mean()):.2f}",
            f"{float(gate.below.mean()):.0%}",
            f"{float(gate.above.mean()):.0%}",
            str(int(gate.stuck.sum())),
        )
        for level in examination.levels
        for gate in level.gates
    ]
    head = ("gate", "mean", "below 0.1", "above 0.9", "stuck units")
    return Table("What the gates do, over all units and steps", (head, *rows)) if rows else None


def _carried(examination: Examination) -> Table | None:
    rows = []
    for level in examination.levels:
        for state in level.carrying:
            lives = state.half_life.double()
            quantiles = [number(float(lives.quantile(part, interpolation="lower"))) for part in (0.5, 0.9)]
            longest = int(lives.argmax())
            rows.append(
                (
                    f"{level.name}, {state.state}",
                    state.by,
                    *quantiles,
                    f"{number(float(lives[longest]))} (unit {longest})",
                )
            )
    head = ("state", "kept by", "half of the units", "a tenth", "the longest")
    title = f"How long a state is kept: half-lives of the units in {examination.unit}s"
    return Table(title, (head, *rows)) if rows else None


def _matrices(examination: Examination) -> Table | None:
    rows = []
    for level in examination.levels:
        for matrix in level.bound.matrices:
            name = f"{level.name}, {matrix.parameter}" + (f" of {matrix.gate}" if matrix.gate else "")
            radius = "–" if matrix.spectral_radius is None else number(matrix.spectral_radius)
            rows.append((name, number(matrix.spectral_norm), radius))
    if not rows:
        return None
    told = dict.fromkeys(_bound_told(level) for level in examination.levels)
    return Table("Recurrent weights", (("matrix", "spectral norm", "spectral radius"), *rows), " ".join(told))


def _bound_told(level: LevelExamination) -> str:
    bound = level.bound
    if bound.factor is None:
        return f"There is no bound (beta_W beta_h)^D for this cell: {bound.reason}."
    return f"The gradient of {level.name} shrinks or grows by at most {bound.factor:.3g} in each step (beta_W beta_h)."


def norm(log: float) -> str:
    """A norm from its logarithm, in at most seven letters, however small.

    Example:
        >>> norm(0.0), norm(-3.0), norm(-500.0), norm(-math.inf)
        ('1', '0.05', '1e-217', '0')
    """
    if log == -math.inf:
        return "0"
    tens = log / math.log(10)
    return f"{math.exp(log):.2g}" if abs(tens) < 4 else f"1e{tens:+.0f}".replace("+", "")


def number(value: float) -> str:
    """A number in a few letters.

    Example:
        >>> number(12.34), number(0.5), number(1234.0), number(math.inf)
        ('12', '0.5', '1,234', 'never')
    """
    if math.isinf(value):
        return "never"
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"


def whole(examination: Examination) -> dict[str, list[dict[str, Any]]]:
    """Everything that was measured, as rows by name: what a data frame is made of."""
    levels, found = examination.levels, dict[str, list[dict[str, Any]]]()
    found["jacobians"] = [row for level in levels for row in level.jacobians.to_rows()]
    found["bounds"] = [row for level in levels for row in level.bound.to_rows()]
    found["gates"] = [row for level in levels for gate in level.gates for row in gate.to_rows()]
    found["carried"] = [row for level in levels for state in level.carrying for row in state.to_rows()]
    found["states"] = [row for level in levels for state in level.states for row in state.to_rows()]
    found["loss_gradients"] = examination.loss.to_rows() if examination.loss else []
    found["weight_shares"] = [row for share in examination.shares for row in share.to_rows()]
    found["behaviour"] = examination.behaviour.to_rows() if examination.behaviour else []
    found["surprise"] = _surprise(examination)
    return {name: rows for name, rows in found.items() if rows}


def _surprise(examination: Examination) -> list[dict[str, Any]]:
    if examination.surprise is None:
        return []
    tokens = examination.subject.targets or examination.subject.tokens
    pairs = zip(tokens, examination.surprise.tolist(), strict=True)
    return [{"step": step, "token": token, "nats": nats} for step, (token, nats) in enumerate(pairs)]
