"""Training small networks on made-up tasks: the same budget for every cell, one network for each cell and seed.

Letters: T time, B batch, X input, H hidden, K outputs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from gatewise.cells.spec import Cell
from gatewise.layers.recurrent import Recurrent
from gatewise.training.clipping import clip_by_norm, gradient_norm
from gatewise.training.optimizers import AdamW

HELD_OUT = 2**31
"""Added to a seed it gives that of the held-out sequences. Torch's generator sees the lowest 32 bits of a seed only."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Task:
    """Sequences made by a rule, and what a network is to say of them.

    Attributes:
        name: as readers know it.
        inputs: X.
        outputs: K.
        last: how many steps at the end are answered; the loss sees nothing else.
        draw: (B, generator) -> inputs [T, B, X] and targets, as the loss takes them.
        loss: answers [last, B, K] and targets -> a number to be made small.
        error: answers and targets -> how wrong they are, for readers.
        solved: the error at or below which the task counts as solved.
    """

    name: str
    inputs: int
    outputs: int
    last: int
    draw: Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
    loss: Callable[[Tensor, Tensor], Tensor]
    error: Callable[[Tensor, Tensor], float]
    solved: float


@dataclass(frozen=True)
class Budget:
    """What every cell gets alike.

    Attributes:
        updates: of the weights, at most; training ends when the task is solved.
        batch: B.
        hidden: H.
        rate: of Adam (betas 0.9 and 0.999).
        threshold: the greatest length of the gradient.
        every: updates from one look at the held-out batch to the next.
        held_out: sequences of the held-out batch.
    """

    updates: int
    batch: int = 32
    hidden: int = 32
    rate: float = 0.01
    threshold: float = 1.0
    every: int = 25
    held_out: int = 512


@dataclass(frozen=True)
class Course:
    """How a network learnt.

    Attributes:
        updates: when the held-out batch was looked at, 0 first.
        errors: the task's error then.
        solved_at: the update after which the error was small enough for the first time, or None.
    """

    updates: tuple[int, ...]
    errors: tuple[float, ...]
    solved_at: int | None


class Reader(nn.Module):
    """A layer that reads a sequence, and a linear map from its state to the answer: a_t = W h_t + b.

    Args:
        cell: of the layer.
        inputs: X.
        hidden: H.
        outputs: K.
        last: how many steps at the end are answered.

    Example:
        >>> from gatewise.cells.registry import find
        >>> tuple(Reader(find("gru"), 2, 8, 1, last=3)(torch.zeros(10, 4, 2)).shape)
        (3, 4, 1)
    """

    def __init__(self, cell: Cell, inputs: int, hidden: int, outputs: int, last: int = 1) -> None:
        super().__init__()
        self.layer, self.out, self.last = Recurrent(cell, inputs, hidden), nn.Linear(hidden, outputs), last

    def forward(self, inputs: Tensor) -> Tensor:
        """[T, B, X] -> [last, B, K]."""
        output, _ = self.layer(inputs)
        answers: Tensor = self.out(output[-self.last :])
        return answers


def made(seed: int, build: Callable[[], Result]) -> Result:
    """What ``build`` makes with torch's random numbers seeded; they go on afterwards as if nothing had been drawn.

    Example:
        >>> torch.equal(made(1, lambda: torch.rand(2)), made(1, lambda: torch.rand(2)))
        True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()


def practise(task: Task, network: nn.Module, seed: int, budget: Budget) -> Course:
    """Train a network until it has solved the task or the budget is used up.

    Args:
        task: what to learn.
        network: trained in place; [T, B, X] -> [last, B, K].
        seed: of the sequences; the same for every cell gives the same sequences.
        budget: how long and how.

    An error that is no number counts as not solved.
    """
    drawn = torch.Generator().manual_seed(seed)
    held_out = task.draw(budget.held_out, torch.Generator().manual_seed(HELD_OUT + seed))
    learner = Learner(network, budget)
    updates, errors = [0], [_error(task, network, held_out)]
    while not errors[-1] <= task.solved and updates[-1] < budget.updates:
        for _ in range(min(budget.every, budget.updates - updates[-1])):
            inputs, targets = task.draw(budget.batch, drawn)
            learner.update(task.loss(network(inputs), targets))
        updates.append(min(updates[-1] + budget.every, budget.updates))
        errors.append(_error(task, network, held_out))
    return Course(tuple(updates), tuple(errors), updates[-1] if errors[-1] <= task.solved else None)


class Learner:
    """Adam with clipping, one update after another.

    Args:
        network: whose parameters it trains.
        budget: rate and threshold.
    """

    def __init__(self, network: nn.Module, budget: Budget) -> None:
        self.network, self.budget = network, budget
        self.optimizer = AdamW(list(network.parameters()), decay=0.0, beta1=0.9, beta2=0.999)

    def update(self, loss: Tensor) -> None:
        """One step down the gradient of a loss; none where the gradient is not finite."""
        self.network.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        norm = gradient_norm(gradients)
        if norm < float("inf"):  # false for NaN as well
            clip_by_norm(gradients, norm, self.budget.threshold)
            self.optimizer.step(self.budget.rate)


@torch.no_grad()
def _error(task: Task, network: nn.Module, held_out: tuple[Tensor, Tensor]) -> float:
    inputs, targets = held_out
    return task.error(network(inputs), targets)


def side_by_side(
    jobs: Sequence[Callable[[], Result]], done: Callable[[int], None] = lambda _count: None
) -> list[Result]:
    """Run jobs on all cores, each on one thread; what they return does not depend on how many cores there are.

    Args:
        jobs: in the order of the results; they draw no random numbers from torch's own generator.
        done: is told after each how many are done.

    Example:
        >>> side_by_side([lambda: 1, lambda: 2])
        [1, 2]
    """
    with _one_thread(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = [pool.submit(job) for job in jobs]
        results = []
        try:
            for future in futures:
                results.append(future.result())
                done(len(results))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return results


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
