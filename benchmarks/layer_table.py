"""The figures that the engine has to reach, and the Markdown table that says whether it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Cells = tuple[str, ...]

TWINS: Cells = ("lstm", "gru", "rnn")
OTHERS: Cells = ("peephole_lstm", "layer_norm_lstm", "simple_gru", "cho_gru", "coupled_lstm", "own_cell")


@dataclass(frozen=True)
class Figure:
    """A ratio of two sides, or one side itself, and its goal.

    Args:
        over: the side above the line.
        under: the side below it; empty: the figure is ``over`` itself.
        goal: (cell, hidden units) -> the goal; None where there is none.
        at_most: whether the goal is an upper limit.
    """

    over: str
    under: str
    goal: Callable[[str, int], float | None]
    at_most: bool = False

    @property
    def name(self) -> str:
        """As the head of a column."""
        return f"{self.over} / {self.under}" if self.under else f"{self.over} itself"

    def told(self, middle: Mapping[str, float], cell: str, hidden: int) -> str:
        """The figure with its goal, in bold where it is missed; a dash where a side was not measured.

        Example:
            >>> figure = Figure("torch fp32", "fused fp32", lambda cell, hidden: 1.5)
            >>> figure.told({"torch fp32": 3.0, "fused fp32": 1.0}, "gru", 200)
            '3.00 (1.5)'
            >>> figure.told({"torch fp32": 1.0, "fused fp32": 1.0}, "gru", 200)
            '**1.00** (1.5)'
        """
        if self.over not in middle or (self.under and self.under not in middle):
            return "–"
        value = middle[self.over] / (middle[self.under] if self.under else 1.0)
        goal = self.goal(cell, hidden)
        if goal is None:
            return f"{value:.2f}"
        missed = value > goal if self.at_most else value < goal
        return f"{f'**{value:.2f}**' if missed else f'{value:.2f}'} ({goal:g})"


def flat(value: float | None, cells: Cells = ()) -> Callable[[str, int], float | None]:
    """The same goal at every size; for some cells only, if any are named."""
    return lambda cell, _: value if not cells or cell in cells else None


def fp32_training(cell: str, hidden: int) -> float:
    """Forward and backward against torch in float32."""
    if cell == "lstm":
        return 1.15
    return 1.5 if hidden <= 256 else 1.1


FIGURES: dict[str, tuple[Figure, ...]] = {
    "training": (
        Figure("torch fp32", "fused fp32", fp32_training),
        Figure("torch fp32", "fused bf16", flat(3.7, ("lstm", "gru"))),
        Figure("torch bf16", "fused bf16", flat(2.2, ("lstm", "gru"))),
    ),
    "scoring": (Figure("torch fp32", "fused fp32", flat(1.3)), Figure("torch fp32", "fused bf16", flat(4.0))),
    "cells": (
        Figure("reference fp32", "fused fp32", flat(10.0)),
        Figure("our lstm fp32", "fused fp32", flat(0.85, ("own_cell",))),
        Figure("our lstm bf16", "fused bf16", flat(0.85, ("own_cell",))),
    ),
    "ragged": (
        Figure("ragged fp32", "padded fp32", flat(0.6), at_most=True),
        Figure("ragged bf16", "padded bf16", flat(0.6), at_most=True),
    ),
    "memory": (
        Figure("fused fp32", "torch fp32", flat(1.0), at_most=True),
        Figure("fused bf16", "torch bf16", flat(1.0), at_most=True),
    ),
    "first call": (Figure("fused fp32", "", flat(150.0), at_most=True),),
    "streaming": (
        Figure("torch cell fp32", "fused fp32", flat(None)),
        Figure("torch layer fp32", "fused fp32", flat(None)),
    ),
}
"""Measure -> its figures; the measures in the order in which they run."""

UNITS = {"memory": "MiB", "streaming": "us"}
"""Measure -> unit, where it is not milliseconds."""
FACTORS = {"MiB": 1.0, "us": 1e6, "ms": 1e3}
"""Unit -> what a sample is multiplied by."""


def unit(what: str) -> str:
    """What a measure is told in."""
    return UNITS.get(what, "ms")


def head(what: str, sides: Cells) -> str:
    """The first two lines of a measure's table."""
    columns = ["cell", "T, B, I, H", "malloc", *(f"{side}, {unit(what)}" for side in sides)]
    columns += [f"{figure.name} (goal)" for figure in FIGURES[what]]
    return f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"


def row(what: str, sides: Cells, cell: str, size: tuple[int, ...], malloc: str, middle: Mapping[str, float]) -> str:
    """One case: the median of each side, then the figures."""
    medians = [f"{middle[side]:.3g}" if side in middle else "–" for side in sides]
    figures = [figure.told(middle, cell, size[-1]) for figure in FIGURES[what]]
    return f"| {' | '.join([cell, ', '.join(map(str, size)), malloc, *medians, *figures])} |"
