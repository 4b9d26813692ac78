"""The tasks that long memory is measured with since 1997: adding, copying, temporal order.

Letters: T time, B batch, X input, K outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gatewise.doctor.lessons.practice import Task

SYMBOLS, COPIED = 4, 3
"""Of copying: how many symbols there are, and how many of them are to be kept."""


def adding(length: int) -> Task:
    """Add two marked numbers of a sequence of random numbers.

    x_t = (u_t, m_t) with u_t from U(0, 1) and m_t = 1 at one step of each half, else 0; the answer after the last step
    is the sum of the two marked u. Who always says 1 has a mean squared error of 1/6.

    Args:
        length: T, at least 2.

    Source: Hochreiter & Schmidhuber 1997, experiment 4, in the form of Le, Jaitly & Hinton 2015 (arXiv:1504.00941).

    Example:
        >>> inputs, targets = adding(10).draw(3, torch.Generator().manual_seed(0))
        >>> tuple(inputs.shape), bool((inputs[..., 1].sum(0) == 2).all())
        ((10, 3, 2), True)
    """

    def draw(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        half, rows = length // 2, torch.arange(batch)
        numbers, marks = torch.rand(length, batch, generator=generator), torch.zeros(length, batch)
        marks[torch.randint(half, (batch,), generator=generator), rows] = 1.0
        marks[half + torch.randint(length - half, (batch,), generator=generator), rows] = 1.0
        return torch.stack([numbers, marks], -1), (numbers * marks).sum(0)

    def loss(answers: Tensor, targets: Tensor) -> Tensor:
        return (answers[0, :, 0] - targets).square().mean()

    return Task(f"adding, T = {length}", 2, 1, 1, draw, loss, lambda a, t: loss(a, t).item(), solved=0.01)


def copying(gap: int) -> Task:
    """Say again, at the end, the symbols that stood at the beginning.

    COPIED symbols, ``gap`` blanks, a mark, then blanks while the symbols are to be said; one-hot inputs. The error is
    the share of wrong symbols; who guesses has 1 - 1 / SYMBOLS.

    Args:
        gap: steps between the last symbol and the first answer, at least 1.

    Source: Hochreiter & Schmidhuber 1997, in the form of Arjovsky, Shah & Bengio 2016 (arXiv:1511.06464), section 5.1.

    Example:
        >>> inputs, targets = copying(20).draw(3, torch.Generator().manual_seed(0))
        >>> tuple(inputs.shape), tuple(targets.shape)
        ((26, 3, 6), (3, 3))
    """
    blank, mark, length = SYMBOLS, SYMBOLS + 1, gap + 2 * COPIED

    def draw(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        symbols = torch.randint(SYMBOLS, (COPIED, batch), generator=generator)
        read = torch.full((length, batch), blank)
        read[:COPIED] = symbols
        read[COPIED + gap - 1] = mark
        return functional.one_hot(read, SYMBOLS + 2).float(), symbols

    return Task(f"copying, gap {gap}", SYMBOLS + 2, SYMBOLS, COPIED, draw, _cross_entropy, _share_wrong, solved=0.01)


def temporal_order(length: int) -> Task:
    """Say in which order two symbols came, among distractors.

    One of X, Y at a step from T/10 to T/5, one of X, Y at a step from T/2 to 3T/5, elsewhere one of four distractors;
    one-hot inputs. The answer after the last step is XX, XY, YX or YY; who guesses is wrong in 3 of 4.

    Args:
        length: T, at least 10.

    Source: Hochreiter & Schmidhuber 1997, experiment 6a.

    Example:
        >>> inputs, targets = temporal_order(20).draw(3, torch.Generator().manual_seed(0))
        >>> tuple(inputs.shape), bool((inputs[..., 4:].sum((0, 2)) == 2).all())
        ((20, 3, 6), True)
    """

    def draw(batch: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        read, rows = torch.randint(4, (length, batch), generator=generator), torch.arange(batch)
        symbols = torch.randint(2, (2, batch), generator=generator)
        for place, first in enumerate((length // 10, length // 2)):
            read[first + torch.randint(length // 10 + 1, (batch,), generator=generator), rows] = 4 + symbols[place]
        return functional.one_hot(read, 6).float(), (2 * symbols[0] + symbols[1])[None]

    return Task(f"temporal order, T = {length}", 6, 4, 1, draw, _cross_entropy, _share_wrong, solved=0.01)


def _cross_entropy(answers: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(answers.flatten(0, 1), targets.flatten())


def _share_wrong(answers: Tensor, targets: Tensor) -> float:
    return (answers.argmax(-1) != targets).float().mean().item()
