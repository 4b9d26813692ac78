"""The lesson's runs and its page."""

from __future__ import annotations

import dataclasses
import functools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional

from gatewise.cells.spec import Cell
from gatewise.doctor.lessons.contest import CELLS
from gatewise.doctor.lessons.far_word.sentences import CLAUSES, NAMES, WORDS, draw, spoken
from gatewise.doctor.lessons.figures import REFERENCE, figure, look
from gatewise.doctor.lessons.lesson import Plan
from gatewise.doctor.lessons.page import Page, Picture, Row, Table
from gatewise.doctor.lessons.practice import HELD_OUT, Budget, Learner, Reader, made, side_by_side

TRAINED = (0, 5, 10, 20, 40, 80)
"""k of the sentences trained on; each batch has one of them."""
TRIED = (*TRAINED, 160)
WIDTH = 16
"""Of the vector of a word."""
BUDGET = Budget(updates=1200, batch=64, hidden=48, rate=0.005, held_out=512)
LONGER = 4
"""Times as many updates in the long lesson."""


class Completer(nn.Module):
    """Reads words and scores every word as the next one: a = W h_T + b.

    Args:
        cell: of the layer.
        hidden: H.
    """

    def __init__(self, cell: Cell, hidden: int) -> None:
        super().__init__()
        self.vectors, self.reader = nn.Embedding(len(WORDS), WIDTH), Reader(cell, WIDTH, hidden, len(WORDS))

    def forward(self, words: Tensor) -> Tensor:
        """[T, B] -> scores of all words [B, V]."""
        scores: Tensor = self.reader(self.vectors(words))[0]
        return scores


@dataclass(frozen=True)
class Accuracy:
    """What one network came to.

    Attributes:
        cell: as readers know it.
        seed: of its start and its sentences.
        right: k -> share of held-out sentences that it completed rightly.
    """

    cell: str
    seed: int
    right: dict[int, float]


def train(network: Completer, seed: int, budget: Budget = BUDGET) -> dict[int, float]:
    """Train a network, the whole budget long, and try it on held-out sentences of every k.

    Args:
        network: trained in place.
        seed: of the sentences.
        budget: how long and how.

    Returns:
        k -> share of sentences completed rightly.
    """
    drawn, learner = torch.Generator().manual_seed(seed), Learner(network, budget)
    for _ in range(budget.updates):
        between = TRAINED[int(torch.randint(len(TRAINED), (), generator=drawn))]
        words, answers = draw(budget.batch, between, drawn)
        learner.update(functional.cross_entropy(network(words), answers))
    held_out = torch.Generator().manual_seed(HELD_OUT + seed)
    return {between: _right(network, *draw(budget.held_out, between, held_out)) for between in TRIED}


@torch.no_grad()
def _right(network: Completer, words: Tensor, answers: Tensor) -> float:
    right: float = (network(words).argmax(-1) == answers).float().mean().item()
    return right


def run(plan: Plan) -> Page:
    """Train every cell with every seed and try it at every distance."""
    budget = dataclasses.replace(BUDGET, updates=LONGER * BUDGET.updates) if plan.long else BUDGET
    who = [(name, seed) for name in CELLS for seed in plan.seeds]
    jobs = [
        functools.partial(train, made(seed, functools.partial(Completer, CELLS[name], budget.hidden)), seed, budget)
        for name, seed in who
    ]

    def done(count: int) -> None:
        name, seed = who[count - 1]
        plan.say(f"far-word: {count} of {len(jobs)} networks are trained ({name}, seed {seed})")

    found = side_by_side(jobs, done)
    return page([Accuracy(name, seed, right) for (name, seed), right in zip(who, found, strict=True)], budget)


def page(found: Sequence[Accuracy], budget: Budget = BUDGET) -> Page:
    """What the accuracies say."""
    rows: list[Row] = [
        {"cell": one.cell, "seed": one.seed, **{f"k = {between}": share for between, share in one.right.items()}}
        for one in found
    ]
    return Page(
        "far-word",
        "The far word: what a network still knows k words later",
        _finding(found),
        (
            Picture("accuracy", _CAPTION, _drawn(found)),
            _told(budget),
            "## In numbers",
            Table("accuracy", f"Share of {BUDGET.held_out} held-out sentences completed rightly:", rows),
        ),
    )


_CAPTION = (
    "Share of sentences completed with the right name against the number k of words in between: the median over the "
    "seeds, with a bar from the lowest to the highest. The dotted line is what naming either of the two gives; "
    f"sentences with k above {TRAINED[-1]} were not trained on."
)


def _told(budget: Budget) -> str:
    words, answers = draw(1, 17, torch.Generator().manual_seed(2))
    return f"""
## The task

```text
{spoken(words[:, 0])} ___        ({WORDS[answers[0]]})
```

Two of {len(NAMES)} names walk in, k words of other clauses follow ({len(CLAUSES)} clauses in any order, cut anywhere),
then one of the two says hi to the other. The last word is right only if both names are still known. This is the
example of the CS224n notes (2019), part V, section 2.3. Every cell reads vectors of {WIDTH} numbers for each word, has
{budget.hidden} units and gets the same {budget.updates} updates of {budget.batch} sentences (k one of
{", ".join(map(str, TRAINED))}, drawn for each batch), by Adam at a rate of {budget.rate} with gradients clipped at
length {budget.threshold:g}; the loss is that of the last word alone. A cell that fails here has not learnt it within
these updates: `gatewise doctor --lesson far-word --long` gives each {LONGER} times as many.
""".strip()


def _finding(found: Sequence[Accuracy]) -> str:
    far = TRAINED[-1]
    shares = {cell: _median(found, cell, far) for cell in dict.fromkeys(one.cell for one in found)}
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    told = "; ".join(f"{cell}: {share:.0%}" for cell, share in ranked)
    return (
        f"with {far} words in between, sentences completed rightly (median over the seeds) are {told}. "
        "Naming either of the two would give 50%."
    )


def _median(found: Sequence[Accuracy], cell: str, between: int) -> float:
    return statistics.median(one.right[between] for one in found if one.cell == cell)


def _drawn(found: Sequence[Accuracy]) -> Figure:
    cells = list(dict.fromkeys(one.cell for one in found))
    with figure(height=3.9) as (drawing, (axes,)):
        for place, cell in enumerate(cells):
            shares = [[one.right[between] for one in found if one.cell == cell] for between in TRIED]
            middle = [statistics.median(share) for share in shares]
            spread = [
                [m - min(share) for m, share in zip(middle, shares, strict=True)],
                [max(share) - m for m, share in zip(middle, shares, strict=True)],
            ]
            shifted = [number + 0.09 * (place - (len(cells) - 1) / 2) for number in range(len(TRIED))]
            axes.errorbar(shifted, middle, spread, label=cell, capsize=2, elinewidth=0.9, **look(place))
        axes.axhline(0.5, **REFERENCE, label="either of the two")
        axes.set_xticks(range(len(TRIED)), list(map(str, TRIED)))
        axes.set_ylim(0, 1.06)
        axes.set_xlabel("k, words in between")
        axes.set_ylabel("share completed rightly")
        axes.set_title("Jane said hi to ___")
        drawing.legend(loc="outside lower center", ncols=3)
    return drawing
