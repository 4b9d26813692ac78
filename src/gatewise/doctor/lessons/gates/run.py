"""The lesson's runs and its page."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

from gatewise.cells.registry import find
from gatewise.doctor.lessons.characters import CharacterModel, Text, documentation, loss, train
from gatewise.doctor.lessons.figures import figure, look
from gatewise.doctor.lessons.gates.features import correlations, features, named
from gatewise.doctor.lessons.lesson import Plan
from gatewise.doctor.lessons.page import Page, Picture, Row, Table
from gatewise.doctor.lessons.practice import Budget, made, side_by_side
from gatewise.drawing.style import INK
from gatewise.gradients.gate_statistics import carrying
from gatewise.gradients.gates import gate_records

BUDGET = Budget(updates=3000, batch=32, hidden=64, rate=0.005)
WIDTH = 24
READ = 4000
"""Characters of held-out text over which gates are measured."""
SHOWN = 160
"""Characters in the picture of the named units."""


@dataclass(frozen=True)
class Gated:
    """One trained network and what its gates did on the held-out text.

    Attributes:
        seed: of its start.
        loss: on held-out text, in nats per character.
        tokens: the characters read.
        half_life: of the memory of each unit, in characters [H].
        kept: the geometric mean of each forget gate [H].
        memory: the memories after each character [T, H].
    """

    seed: int
    loss: float
    tokens: tuple[str, ...]
    half_life: Tensor
    kept: Tensor
    memory: Tensor


def trained(model: CharacterModel, seed: int, text: Text) -> Gated:
    """Train a network and read its gates."""
    for _ in train(model, text, seed, BUDGET):
        pass
    records = gate_records(model.subject(text, 0, READ))
    (carried,) = carrying(records)
    memory = records.states["memory"].detach()
    return Gated(seed, loss(model, text), records.tokens, carried.half_life, carried.kept, memory)


def run(plan: Plan) -> Page:
    """Train a language model for each seed and look at its forget gates."""
    text = documentation()
    plan.say(f"gates: the text has {len(text.training):,} characters; {len(plan.seeds)} networks are being trained")
    build = functools.partial(CharacterModel, find("lstm"), len(text.alphabet), WIDTH, BUDGET.hidden)
    jobs = [functools.partial(trained, made(seed, build), seed, text) for seed in plan.seeds]
    return page(side_by_side(jobs, lambda count: plan.say(f"gates: {count} of {len(jobs)} networks are trained")))


def page(found: Sequence[Gated]) -> Page:
    """What the gates say; units are named in the network of the first seed."""
    first = found[0]
    values = features("".join(first.tokens))
    chosen = named(correlations(first.memory, list(values.values())), list(values))
    return Page(
        "gates",
        "Gates: for how long each unit keeps what it holds",
        _finding(found, chosen),
        (
            Picture("half-lives", _HALF_LIVES, _sorted_lives(found, chosen)),
            Picture("units", _UNITS, _traces(first, values, chosen)),
            _WHAT,
            "## In numbers",
            Table(
                "named",
                f"The three units that follow something in the text most closely (seed {first.seed}):",
                _named_rows(first, chosen),
            ),
            Table(
                "spread",
                _SPREAD,
                _spread_rows(found),
            ),
            Table("half-lives", "Every unit of every network:", _unit_rows(found), on_page=False),
        ),
    )


_HALF_LIVES = (
    "Half-life of the memory of each unit, sorted, for each seed, on a logarithmic axis. The stars are the three units "
    "named below."
)
_SPREAD = "Half-lives of the units of each network, in characters, and its loss on held-out text in nats per character:"
_UNITS = (
    "Memory of the three named units over a stretch of held-out text (solid), and what each of them follows (dashed, "
    "scaled to the same mean and spread); the characters stand below, · for a space and ¶ for the end of a line."
)


def _listed(names: Iterable[str]) -> str:
    return "\n".join(f"- {name}" for name in names)


_WHAT = f"""
## What is measured

The memory of a unit is c_t = f c_t-1 + i g. If its forget gate were always f, half of what it holds would be left after
ln 2 / -ln f steps: its half-life. f is taken as the geometric mean over {READ:,} characters of held-out text, which is
what the product of the gates comes to.

The model is an LSTM of {BUDGET.hidden} units that reads the documentation inside Python, character by character,
trained for {BUDGET.updates} updates of {BUDGET.batch} windows of 64 characters by Adam at a rate of {BUDGET.rate};
its forget biases begin at 1, a half-life of 2.2.

A unit is named by what it follows: the correlation (Pearson's r) of its memory with features that a person sees in the
text:

{_listed(features("a"))}

The three closest pairs are taken, each unit and each feature once. A correlation does
not say that this is all a unit does. After Karpathy, Johnson & Fei-Fei 2015
([arXiv:1506.02078](https://arxiv.org/abs/1506.02078)), who found such units by eye.
""".strip()

Chosen = Sequence[tuple[int, str, float]]


def _named_rows(first: Gated, chosen: Chosen) -> list[Row]:
    return [
        {
            "unit": unit,
            "follows": feature,
            "r": r,
            "half-life": first.half_life[unit].item(),
            "mean forget gate": first.kept[unit].item(),
        }
        for unit, feature, r in chosen
    ]


def _spread_rows(found: Sequence[Gated]) -> list[Row]:
    shares = {"shortest": 0.0, "10 %": 0.1, "median": 0.5, "90 %": 0.9, "longest": 1.0}
    return [
        {"seed": one.seed}
        | {name: one.half_life.quantile(share, interpolation="nearest").item() for name, share in shares.items()}
        | {"units above 20": int((one.half_life > 20).sum()), "loss": one.loss}
        for one in found
    ]


def _unit_rows(found: Sequence[Gated]) -> list[Row]:
    return [
        {"seed": one.seed, "unit": unit, "half-life": life, "mean forget gate": kept}
        for one in found
        for unit, (life, kept) in enumerate(zip(one.half_life.tolist(), one.kept.tolist(), strict=True))
    ]


def _finding(found: Sequence[Gated], chosen: Chosen) -> str:
    median = sorted(one.half_life.median().item() for one in found)
    longest = sorted(one.half_life.max().item() for one in found)
    told = "; ".join(f"unit {unit} follows *{feature}* (r = {r:.2f})" for unit, feature, r in chosen)
    return (
        f"half of the units forget half of what they hold within {_span(median)} characters, the longest half-life is "
        f"{_span(longest)} (seeds: {', '.join(str(one.seed) for one in found)}). Three units of the first network that "
        f"have a name: {told}."
    )


def _span(numbers: Sequence[float]) -> str:
    low, high = f"{numbers[0]:.1f}", f"{numbers[-1]:.1f}"
    return low if low == high else f"{low} to {high}"


def _sorted_lives(found: Sequence[Gated], chosen: Chosen) -> Figure:
    with figure(height=3.4) as (drawing, (axes,)):
        for place, one in enumerate(found):
            lives = one.half_life.sort(descending=True).values
            lives = lives.clamp(max=lives[lives < math.inf].max().item())
            axes.plot(range(1, len(lives) + 1), lives, label=f"seed {one.seed}", **look(place, markevery=(place, 6)))
        ranks = found[0].half_life.argsort(descending=True).argsort()
        for place, (unit, feature, _) in enumerate(sorted(chosen, key=lambda one: int(ranks[one[0]]))):
            at = (int(ranks[unit]) + 1, found[0].half_life[unit].item())
            axes.plot(*at, marker="*", markersize=14, color="white", markeredgecolor="black", linestyle="none")
            told = (0.5 + 0.04 * place, 0.92 - 0.1 * place)
            line = {"arrowstyle": "-", "color": INK, "linewidth": 0.8, "relpos": (0, 0.5)}
            axes.annotate(f"unit {unit}: {feature}", at, told, textcoords="axes fraction", arrowprops=line, fontsize=9)
        axes.set_yscale("log")
        axes.set_xlabel("units, sorted by half-life")
        axes.set_ylabel("half-life in characters")
        axes.set_title("How long the memory of each unit lasts")
        axes.legend(loc="lower left")
    return drawing


def _traces(first: Gated, values: dict[str, Tensor], chosen: Chosen) -> Figure:
    begin = _eventful(values, chosen)
    stretch = slice(begin, begin + SHOWN)
    with figure(1, len(chosen), width=9.0, height=1.75 * len(chosen) + 0.5, sharex=True) as (drawing, axes):
        for one, (unit, feature, r) in zip(axes, chosen, strict=True):
            memory, value = first.memory[:, unit], values[feature]
            scaled = (value - value.mean()) / value.std() * memory.std() * math.copysign(1, r) + memory.mean()
            one.plot(memory[stretch], label="memory", **look(0, marker=""))
            one.plot(scaled[stretch], label=feature, **look(1, marker="", linewidth=1.3))
            one.set_title(f"unit {unit}: {feature} (r = {r:.2f}, half-life {first.half_life[unit].item():.1f})")
            one.set_ylabel("c, no unit")
            one.grid(visible=False, axis="x")
        shown = [{" ": "·", "\n": "¶"}.get(char, char) for char in first.tokens[stretch]]
        axes[-1].set_xticks(range(len(shown)), shown, fontsize=6.5, family="DejaVu Sans Mono")
        axes[-1].tick_params(axis="x", length=0)
        axes[-1].set_xlim(-1, len(shown))
        axes[-1].set_xlabel("characters of the text")
    return drawing


def _eventful(values: dict[str, Tensor], chosen: Chosen) -> int:
    """Where the stretch begins in which all the features change most, each by its own measure."""
    moved = torch.stack([values[name].diff().abs() / values[name].diff().abs().mean() for _, name, _ in chosen])
    sums = torch.nn.functional.avg_pool1d(moved[None], SHOWN - 1, stride=1)[0]
    return int(sums.clamp(max=3.0).sum(0).argmax())
