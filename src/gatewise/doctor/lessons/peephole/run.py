"""The lesson's runs and its page."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gatewise.cells.registry import find
from gatewise.cells.spec import Cell
from gatewise.doctor.lessons.contest import Match, Outcome, contest
from gatewise.doctor.lessons.contest_page import contest_parts
from gatewise.doctor.lessons.lesson import Plan
from gatewise.doctor.lessons.page import Page
from gatewise.doctor.lessons.peephole.spikes import INTERVALS, timing
from gatewise.doctor.lessons.practice import Budget

CELLS: dict[str, Cell] = {
    "LSTM, forget bias 1": find("lstm"),
    "peepholes, forget bias 1": find("peephole_lstm"),
    "LSTM, forget bias 3": find("lstm", forget_bias=3.0),
    "peepholes, forget bias 3": find("peephole_lstm", forget_bias=3.0),
}
BUDGET = Budget(updates=1000, hidden=8, held_out=256)
DISTANCES = (5, 10, 15, 20)
LONG = (30, 49)
_TASK = f"""
## The task

Spikes come n or n + 1 steps apart, with even odds, {INTERVALS} intervals in a sequence; between two spikes nothing
happens. At each spike the network says which of the two the last interval was. The first spike comes at a random step,
so counting from the beginning is no help. Error: share of wrong answers; solved at 1 % (who guesses has 50 %).

A gate of the ordinary LSTM sees the memory only through the hidden state, that is through the output gate: what that
shuts out, no gate can act on. A peephole is a weight from a unit's memory to its own gates. Gers & Schraudolph 2000,
*Recurrent nets that time and count*, gave LSTM these weights for tasks like this one, and report that it tells 49 steps
from 50 with them. Their network, sequences and training are others, and their training is far longer.

Both cells have {BUDGET.hidden} units (peepholes add 3 weights for each), read batches of {BUDGET.batch} new sequences,
and are trained by Adam at a rate of {BUDGET.rate} with gradients clipped at length {BUDGET.threshold:g}, for at most
{BUDGET.updates} updates; every {BUDGET.every} updates they are tried on {BUDGET.held_out} sequences of their own.
`gatewise doctor --lesson peephole --long` adds n = {LONG[0]} and {LONG[1]} with six times the updates.
""".strip()
_DOTS = (
    "Updates until spikes n and n + 1 steps apart were told apart, a mark for each seed, further left is sooner; a "
    "hollow mark on the dotted line stands for a network that had not solved it when its updates were used up."
)
_CURVES = (
    "Share of wrong answers on held-out sequences, the median over the seeds, and the share at which the task counts "
    "as solved; 0 is drawn at 0.001."
)


def run(plan: Plan) -> Page:
    """Train both cells, at two forget biases, on every distance with every seed."""
    matches = [Match(timing(n), BUDGET) for n in DISTANCES]
    if plan.long:
        matches += [Match(timing(n), Budget(updates=6000, hidden=8, held_out=256)) for n in LONG]
    outcomes = contest(matches, CELLS, plan.seeds, lambda line: plan.say(f"peephole: {line}"))
    return page(matches, outcomes, plan.seeds)


def page(matches: Sequence[Match], outcomes: Sequence[Outcome], seeds: Sequence[int]) -> Page:
    """What the outcomes say."""
    return Page(
        "peephole",
        "Peepholes: measuring time between spikes",
        _finding(outcomes),
        contest_parts(matches, outcomes, seeds, dots_say=_DOTS, curves_say=_CURVES, tasks=_TASK),
    )


def _finding(outcomes: Sequence[Outcome]) -> str:
    parts = []
    for task in dict.fromkeys(one.task for one in outcomes):
        solved = {
            kind: [one.course.solved_at is not None for one in outcomes if one.task == task and kind in one.cell]
            for kind in ("LSTM", "peepholes")
        }
        told = ", ".join(
            f"{sum(found)} of {len(found)} networks {name} peepholes"
            for name, found in (("without", solved["LSTM"]), ("with", solved["peepholes"]))
        )
        parts.append(f"*{task}*: {told}")
    sooner = [
        _compared(one, other)
        for one in outcomes
        for other in outcomes
        if (one.task, one.seed, one.cell) == (other.task, other.seed, other.cell.replace("peepholes", "LSTM"))
        and one is not other
    ]
    return (
        f"told n from n + 1 steps within the updates allowed: {'; '.join(parts)}. Of {len(sooner)} pairs alike but for "
        f"the peepholes, the network with them was sooner in {sooner.count(1)}, later in {sooner.count(-1)}, and level "
        f"in {sooner.count(0)}."
    )


def _compared(without: Outcome, with_them: Outcome) -> int:
    """1 where peepholes were sooner, -1 where they were later, 0 where both took as long or neither solved it."""
    one, other = (math.inf if o.course.solved_at is None else o.course.solved_at for o in (without, with_them))
    return (other < one) - (other > one)
