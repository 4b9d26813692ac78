"""A task of timing: nothing happens between two spikes, and their distance is to be known. T time, B batch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.doctor.lessons.practice import Task

INTERVALS = 4
"""Of a sequence."""
_UNASKED = -100
"""Stands at steps without an answer; torch's cross entropy leaves them out."""


def timing(n: int) -> Task:
    """Say at each spike whether the one before it was n or n + 1 steps earlier.

    x_t is 1 at a spike, else 0. The first spike comes after 0 to n - 1 steps, so that counting from the beginning
    tells nothing; each interval is n or n + 1 steps long, with even odds. Who guesses is wrong in half of them.

    Args:
        n: at least 1.

    Source: Gers & Schraudolph 2000, Recurrent nets that time and count, where spikes 49 and 50 steps apart are told
    apart; their sequences are streams without an end.

    Example:
        >>> inputs, targets = timing(3).draw(1, torch.Generator().manual_seed(0))
        >>> "".join("|" if x else "." for x in inputs[:, 0, 0])
        '..|...|...|..|...|.'
        >>> "".join("?" if t < 0 else str(t.item()) for t in targets[:, 0])
        '??????1???1??0???1?'
    """
    length = n + INTERVALS * (n + 1)

    def draw(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        first = torch.randint(n, (batch,), generator=generator)
        longer = torch.randint(2, (INTERVALS, batch), generator=generator)
        places = first + (n + longer).cumsum(0)
        inputs, targets = torch.zeros(length, batch, 1), torch.full((length, batch), _UNASKED)
        rows = torch.arange(batch)
        inputs[first, rows, 0] = 1.0
        inputs[places, rows, 0] = 1.0
        targets[places, rows] = longer
        return inputs, targets

    return Task(f"n = {n}", 1, 2, length, draw, _loss, _share_wrong, solved=0.01)


def _loss(answers: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(answers.flatten(0, 1), targets.flatten(), ignore_index=_UNASKED)


def _share_wrong(answers: Tensor, targets: Tensor) -> float:
    asked = targets != _UNASKED
    wrong: float = (answers.argmax(-1) != targets)[asked].float().mean().item()
    return wrong
