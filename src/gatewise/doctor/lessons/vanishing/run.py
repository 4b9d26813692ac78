"""The lesson's runs and its page."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatewise.cells.registry import find
from gatewise.cells.spec import Cell
from gatewise.doctor.lessons.characters import CharacterModel, Text, documentation, loss, train
from gatewise.doctor.lessons.figures import figure, look
from gatewise.doctor.lessons.lesson import Plan
from gatewise.doctor.lessons.page import Page, Picture, Row, Table
from gatewise.doctor.lessons.practice import Budget, made, side_by_side
from gatewise.gradients.curves import Curve
from gatewise.gradients.jacobians import jacobian_norms
from gatewise.gradients.memory import gradient_memory

CELLS: dict[str, Cell] = {
    "sigmoid RNN": find("rnn", nonlinearity="sigmoid"),
    "tanh RNN": find("rnn"),
    "ReLU RNN, identity start": find("rnn", nonlinearity="relu", start="identity"),
    "GRU": find("gru"),
    "LSTM, forget bias 0": find("lstm", forget_bias=0.0),
    "LSTM, forget bias 1": find("lstm", forget_bias=1.0),
}
BUDGET = Budget(updates=600, batch=32, hidden=48, rate=0.005)
WIDTH = 16
DISTANCE, READ, TARGETS = 100, 300, 6
"""How far back is measured, how many characters are read, and from how many places in them."""


@dataclass(frozen=True)
class Measured:
    """One network, before or after training.

    Attributes:
        cell: as readers know it.
        seed: of its start.
        trained: whether it was trained.
        loss: on held-out text, in nats per character.
        curves: state -> spectral norm of dh_t/d(that state at k) by distance.
    """

    cell: str
    seed: int
    trained: bool
    loss: float
    curves: dict[str, Curve]

    @property
    def path(self) -> Curve:
        """That of the state which carries: the memory where there is one, else h."""
        return self.curves["memory"] if "memory" in self.curves else self.curves["hidden"]


def before_and_after(model: CharacterModel, cell: str, seed: int, text: Text) -> list[Measured]:
    """Measure a network, train it, and measure it again."""
    fresh = _measured(model, cell, seed, text, trained=False)
    for _ in train(model, text, seed, BUDGET):
        pass
    return [fresh, _measured(model, cell, seed, text, trained=True)]


def _measured(model: CharacterModel, cell: str, seed: int, text: Text, trained: bool) -> Measured:
    subject = model.subject(text, 0, READ)
    norms = jacobian_norms(subject, max_distance=DISTANCE, targets=TARGETS)
    return Measured(cell, seed, trained, loss(model, text), dict(norms.spectral))


def run(plan: Plan) -> Page:
    """Measure every cell with every seed, before and after training."""
    text = documentation()
    plan.say(f"vanishing: the text has {len(text.training):,} characters")
    who = [(name, seed) for name in CELLS for seed in plan.seeds]
    jobs = []
    for name, seed in who:
        build = functools.partial(CharacterModel, CELLS[name], len(text.alphabet), WIDTH, BUDGET.hidden)
        jobs.append(functools.partial(before_and_after, made(seed, build), name, seed, text))

    def done(count: int) -> None:
        name, seed = who[count - 1]
        plan.say(f"vanishing: {count} of {len(jobs)} networks are trained and measured ({name}, seed {seed})")

    return page([one for found in side_by_side(jobs, done) for one in found])


def page(found: Sequence[Measured]) -> Page:
    """What the measurements say."""
    return Page(
        "vanishing",
        "Vanishing: what is left of a change t - k steps later",
        _finding(found),
        (
            Picture("norms", _CAPTION, _drawn(found)),
            _WHAT,
            "## In numbers",
            Table("memory", _MEMORY, _memory_rows(found)),
            Table("norms", _NORMS, _norm_rows(found), on_page=False),
        ),
    )


_CAPTION = (
    "Spectral norm of the Jacobian against the distance, the median over the seeds: of dh_t/dh_k for the RNNs and the "
    "GRU, of dh_t/dc_k for the LSTMs, whose memory c is what carries. Left before, right after training on a text. "
    "1 means that a change arrives as large as it was."
)
_WHAT = f"""
## What is measured

A change of the state at step k arrives at step t multiplied by the product of the t - k Jacobians of the steps in
between (CS224n notes, 2019, part V, equations 14 to 16). Its spectral norm is the largest factor by which any change
arrives; here it is computed exactly, in float64, from {TARGETS} places of {READ} characters of held-out text, and of
these the geometric mean is taken. Where it falls on a straight line on the logarithmic axis, it shrinks by the same
factor at every step: the gradient vanishes. The bound of the notes for the sigmoid RNN is the norm of R over 4 for
each step.

The text is the documentation inside Python, character by character; each network has {BUDGET.hidden} units and
{BUDGET.updates} updates of {BUDGET.batch} windows of 64 characters by Adam at a rate of {BUDGET.rate}, gradients
clipped at length {BUDGET.threshold:g}. That is a short training, the same for all.
""".strip()
_MEMORY = (
    "Distance from which on the norm stays below 1 % of its start, in characters (inf: not within "
    f"{DISTANCE}), for each seed, and the median loss on held-out text in nats per character:"
)
_NORMS = "Geometric means of the norms by distance, for every network and state:"


def _memory_rows(found: Sequence[Measured]) -> list[Row]:
    rows: list[Row] = []
    for trained in (False, True):
        for cell in CELLS:
            group = [one for one in found if (one.cell, one.trained) == (cell, trained)]
            memory = {f"seed {one.seed}": round(gradient_memory(one.path), 1) for one in group}
            told = "after" if trained else "before"
            rows.append({"cell": cell, "training": told, **memory, "loss": statistics.median(o.loss for o in group)})
    return rows


def _norm_rows(found: Sequence[Measured]) -> list[Row]:
    return [
        {
            "cell": one.cell,
            "training": "after" if one.trained else "before",
            "seed": one.seed,
            "by": f"dh_t/d{state[0] if state == 'hidden' else 'c'}_k",
            "distance": distance,
            "norm": math.exp(log),
        }
        for one in found
        for state, curve in one.curves.items()
        for distance, log in zip(curve.distances.tolist(), curve.mean_log.tolist(), strict=True)
    ]


def _finding(found: Sequence[Measured]) -> str:
    told = []
    for trained in (False, True):
        reach = {
            cell: statistics.median(gradient_memory(o.path) for o in found if (o.cell, o.trained) == (cell, trained))
            for cell in CELLS
        }
        order = sorted(reach.items(), key=lambda item: item[1])
        told.append("; ".join(f"{cell}: {_reached(distance)}" for cell, distance in order))
    return (
        "the change of a state is down to 1 % of its start after so many characters (median over the seeds): before "
        f"training {told[0]}. After training {told[1]}."
    )


def _reached(distance: float) -> str:
    return f"{distance:.0f}" if distance < math.inf else f"more than {DISTANCE}"


def _drawn(found: Sequence[Measured]) -> Figure:
    with figure(2, height=4.2, sharey=True) as (drawing, axes):
        for one, trained in zip(axes, (False, True), strict=True):
            _curves(one, [each for each in found if each.trained == trained])
            one.set_title("after training" if trained else "before training")
            one.set_xlabel("distance t − k in characters")
        axes[0].set_ylabel("spectral norm of dh_t/ds_k, no unit")
        axes[0].set_yscale("log")
        axes[0].set_ylim(1e-12, 1e3)
        drawing.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return drawing


def _curves(axes: Axes, found: Sequence[Measured]) -> None:
    for place, cell in enumerate(CELLS):
        curves = [one.path for one in found if one.cell == cell]
        distances = curves[0].distances.tolist()
        logs = [
            statistics.median(curve.mean_log[number].item() for curve in curves) for number in range(len(distances))
        ]
        points = [(d, math.exp(log)) for d, log in zip(distances, logs, strict=True) if log > -math.inf]
        axes.plot(*zip(*points, strict=True), label=cell, **look(place, markevery=(1 + place, 7)))
