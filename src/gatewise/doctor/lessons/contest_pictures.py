"""The pictures of a contest: when each cell solved each task, and how its error fell."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gatewise.doctor.lessons.contest import Match, Outcome, grouped
from gatewise.doctor.lessons.figures import REFERENCE, figure, look

_LOWEST = 1e-3
"""Where an error of 0 is drawn on a logarithmic axis."""


def dots(matches: Sequence[Match], outcomes: Sequence[Outcome]) -> Figure:
    """Updates to solve each task, for each cell and seed."""
    names = list(dict.fromkeys(one.cell for one in outcomes))
    rows = (len(matches) + 1) // 2
    with figure(2, rows, height=2.2 * rows, sharey=True) as (drawing, axes):
        for one, match in zip(axes, matches, strict=False):
            _dots(one, names, match, outcomes)
        axes[0].set_yticks(range(len(names)), names)
        axes[0].set_ylim(len(names) - 0.5, -0.5)
        for one in axes[len(matches) :]:
            one.set_visible(False)
    return drawing


def _dots(axes: Axes, names: Sequence[str], match: Match, outcomes: Sequence[Outcome]) -> None:
    most = match.budget.updates
    axes.axvline(most, **REFERENCE)
    for place, name in enumerate(names):
        found = [one.course.solved_at for one in outcomes if (one.task, one.cell) == (match.task.name, name)]
        for number, at in enumerate(found):
            face = {} if at is not None else {"markerfacecolor": "white"}
            height = place + 0.24 * (number - (len(found) - 1) / 2)
            axes.plot(most if at is None else at, height, **look(place, linestyle="none", markersize=6, **face))
    axes.set_xlim(0, most * 1.06)
    axes.set_title(match.task.name)
    axes.set_xlabel("updates until solved")


def curves(matches: Sequence[Match], outcomes: Sequence[Outcome]) -> Figure:
    """Error against updates, the median over seeds, for each cell."""
    rows = (len(matches) + 1) // 2
    with figure(2, rows, height=0.8 + 2.3 * rows) as (drawing, axes):
        for one, match in zip(axes, matches, strict=False):
            _curves(one, match, outcomes)
        for one in axes[len(matches) :]:
            one.set_visible(False)
        handles, labels = axes[0].get_legend_handles_labels()
        drawing.legend(handles, labels, loc="outside lower center", ncols=3)
    return drawing


def _curves(axes: Axes, match: Match, outcomes: Sequence[Outcome]) -> None:
    groups = [(cell, found) for (task, cell), found in grouped(outcomes).items() if task == match.task.name]
    for place, (cell, found) in enumerate(groups):
        steps = max((one.course.updates for one in found), key=len)
        errors = [statistics.median(_at(one, number) for one in found) for number in range(len(steps))]
        axes.plot(steps, errors, label=cell, **look(place, markevery=(place, 6), markersize=4))
    axes.axhline(match.task.solved, **REFERENCE, label="counts as solved")
    axes.set_yscale("log")
    axes.set_title(match.task.name)
    axes.set_xlabel("updates")
    axes.set_ylabel("squared error" if match.task.outputs == 1 else "share wrong")


def _at(one: Outcome, number: int) -> float:
    """The error at a look; after the last look of a network that had solved the task, its last error."""
    return max(one.course.errors[min(number, len(one.course.errors) - 1)], _LOWEST)
