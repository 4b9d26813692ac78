"""The lesson's runs and its page."""

from __future__ import annotations

from collections.abc import Sequence

from gatewise.doctor.lessons.contest import CELLS, Match, Outcome, contest, quickest
from gatewise.doctor.lessons.contest_page import contest_parts
from gatewise.doctor.lessons.lesson import Plan
from gatewise.doctor.lessons.page import Page, Table
from gatewise.doctor.lessons.practice import Budget
from gatewise.doctor.lessons.remember import carry
from gatewise.doctor.lessons.remember.tasks import COPIED, SYMBOLS, adding, copying, temporal_order

MATCHES = (
    Match(adding(100), Budget(1200)),
    Match(adding(200), Budget(500)),
    Match(copying(20), Budget(1000)),
    Match(temporal_order(50), Budget(600)),
)
LONG = (Match(adding(400), Budget(3000)), Match(adding(750), Budget(3000)))
_TASKS = f"""
## The tasks

- **Adding**: T pairs of a number from U(0, 1) and a mark; one number in each half is marked. After the last step the
  network says the sum of the two. Error: mean squared error; solved at 0.01 (who always says 1 has 0.167).
- **Copying**: {COPIED} of {SYMBOLS} symbols, a gap of blanks, a mark; then the symbols are to be said again in their
  order. Error: share of wrong symbols; solved at 1 % (who guesses has {1 - 1 / SYMBOLS:.0%}).
- **Temporal order**: among four distractors one of X, Y stands in the second tenth of the sequence and one of X, Y in
  the sixth; after the last step the network says which and in which order. Error: share of wrong answers; solved at
  1 % (who guesses has 75 %).

Every cell has 32 units, reads batches of 32 new sequences, and is trained by Adam at a rate of 0.01 with gradients
clipped at length 1; every 25 updates it is tried on 512 sequences of its own. No setting was chosen for one cell. A
cell that has not solved a task within the updates allowed may do so with more, or at another rate.

Sources: Hochreiter & Schmidhuber 1997, Long short-term memory, experiments 4 and 6a; Le, Jaitly & Hinton 2015
([arXiv:1504.00941](https://arxiv.org/abs/1504.00941)); Arjovsky, Shah & Bengio 2016
([arXiv:1511.06464](https://arxiv.org/abs/1511.06464)). Their sequences are longer and their trainings, too;
`gatewise doctor --lesson remember --long` adds T = 400 and 750.
""".strip()
_CARRY = """
## What the gates can do

The memory of an LSTM is c_t = f c_{t-1} + i g. With f = 1 and i = 0 it is carried unchanged, and its gradient is
exactly 1 at any distance; with f below 1 the gradient is f to the power of the distance. Measured on the layer itself,
8 units in float64 reading random numbers, input gate shut:
""".strip()


def run(plan: Plan) -> Page:
    """Train every cell on every task with every seed."""
    matches = (*MATCHES, *LONG) if plan.long else MATCHES
    outcomes = contest(matches, CELLS, plan.seeds, lambda line: plan.say(f"remember: {line}"))
    return page(matches, outcomes, plan.seeds)


def page(matches: Sequence[Match], outcomes: Sequence[Outcome], seeds: Sequence[int]) -> Page:
    """What the outcomes say."""
    return Page(
        "remember",
        "Remembering: which cell learns to bridge a distance",
        _finding(outcomes),
        (
            *contest_parts(matches, outcomes, seeds, dots_say=_DOTS, curves_say=_CURVES, tasks=_TASKS),
            _CARRY,
            Table("carry", "Memory and its gradient after t - k steps:", carry.rows()),
        ),
    )


_DOTS = (
    "Updates until each task was solved, a mark for each seed, further left is sooner; a hollow mark on the dotted "
    "line stands for a network that had not solved it when its updates were used up."
)
_CURVES = (
    "Error on held-out sequences, the median over the seeds, and the error at which a task counts as solved; an error "
    "of 0 is drawn at 0.001."
)


def _finding(outcomes: Sequence[Outcome]) -> str:
    parts = []
    for task, (best, median) in quickest(outcomes).items():
        names = dict.fromkeys(one.cell for one in outcomes)
        solved = {one.cell for one in outcomes if one.task == task and one.course.solved_at is not None}
        never = "; ".join(name for name in names if name not in solved)
        won = f"soonest {' and '.join(best)}, {median:.0f} updates" if best else "no cell solved it with most seeds"
        parts.append(f"*{task}*: {won}{f' (with no seed: {never})' if never else ''}")
    return (
        f"updates until a task was solved, the median of the seeds. {'. '.join(parts)}. This is about the updates that "
        "were allowed: more of them, or another rate, may change it."
    )
