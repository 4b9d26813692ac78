"""Several cells on the same tasks, with the same budget and seeds, and what came of it as rows."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gatewise.cells.registry import find
from gatewise.cells.spec import Cell
from gatewise.doctor.lessons.page import Row
from gatewise.doctor.lessons.practice import Budget, Course, Reader, Task, made, practise, side_by_side

CELLS: dict[str, Cell] = {
    "tanh RNN": find("rnn"),
    "ReLU RNN, identity start": find("rnn", nonlinearity="relu", start="identity"),
    "GRU": find("gru"),
    "LSTM, forget bias 1": find("lstm"),
    "LSTM, forget bias 3": find("lstm", forget_bias=3.0),
}
"""Who takes part, by the name that readers see."""


@dataclass(frozen=True)
class Match:
    """One task with the budget that every cell gets for it."""

    task: Task
    budget: Budget


@dataclass(frozen=True)
class Outcome:
    """What one network came to.

    Attributes:
        task: the task's name.
        cell: the cell's, as in the mapping of cells.
        seed: of its start and its sequences.
        course: how it learnt.
    """

    task: str
    cell: str
    seed: int
    course: Course


def contest(
    matches: Sequence[Match],
    cells: Mapping[str, Cell],
    seeds: Sequence[int],
    said: Callable[[str], None],
) -> list[Outcome]:
    """Train every cell on every task with every seed, on all cores.

    Args:
        matches: tasks and budgets.
        cells: by the names that readers see.
        seeds: one network each.
        said: is told how far it has come.

    Example:
        >>> from gatewise.doctor.lessons.remember.tasks import adding
        >>> outcomes = contest([Match(adding(4), Budget(2, every=1))], {"GRU": find("gru")}, [7], lambda line: None)
        >>> outcomes[0].cell, outcomes[0].course.updates
        ('GRU', (0, 1, 2))
    """
    plans = [(match, name, seed) for match in matches for name in cells for seed in seeds]
    jobs = []
    for match, name, seed in plans:
        task, hidden = match.task, match.budget.hidden
        build = functools.partial(Reader, cells[name], task.inputs, hidden, task.outputs, task.last)
        jobs.append(functools.partial(practise, task, made(seed, build), seed, match.budget))

    def done(count: int) -> None:
        match, name, seed = plans[count - 1]
        said(f"{count} of {len(jobs)} networks are trained ({match.task.name}: {name}, seed {seed})")

    courses = side_by_side(jobs, done)
    return [
        Outcome(match.task.name, name, seed, course) for (match, name, seed), course in zip(plans, courses, strict=True)
    ]


def solved_rows(outcomes: Sequence[Outcome], seeds: Sequence[int]) -> list[Row]:
    """A row for each task and cell: updates to solve it for each seed (None: not solved), and the median last error."""
    return [
        {
            "task": task,
            "cell": cell,
            **{f"seed {one.seed}": one.course.solved_at for one in found},
            "solved": f"{sum(one.course.solved_at is not None for one in found)} of {len(seeds)}",
            "median last error": statistics.median(one.course.errors[-1] for one in found),
        }
        for (task, cell), found in grouped(outcomes).items()
    ]


def course_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """A row for each look at a held-out batch."""
    return [
        {"task": one.task, "cell": one.cell, "seed": one.seed, "updates": updates, "error": error}
        for one in outcomes
        for updates, error in zip(one.course.updates, one.course.errors, strict=True)
    ]


def grouped(outcomes: Sequence[Outcome]) -> dict[tuple[str, str], list[Outcome]]:
    """(task, cell) -> its outcomes, in the order in which they come."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault((one.task, one.cell), []).append(one)
    return groups


def quickest(outcomes: Sequence[Outcome]) -> dict[str, tuple[list[str], float]]:
    """Task -> the cells that solved it soonest and their median updates; no cell and infinity where none did mostly.

    The median is over seeds; a network that has not solved the task counts as infinity.
    """
    medians: dict[str, dict[str, float]] = {}
    for (task, cell), found in grouped(outcomes).items():
        ats = [math.inf if one.course.solved_at is None else one.course.solved_at for one in found]
        medians.setdefault(task, {})[cell] = statistics.median(ats)
    least = {task: min(cells.values()) for task, cells in medians.items()}
    return {
        task: ([cell for cell, median in cells.items() if median == least[task] < math.inf], least[task])
        for task, cells in medians.items()
    }
