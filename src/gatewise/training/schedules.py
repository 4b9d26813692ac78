"""The learning rate as a function of the step, as a multiple of the highest."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gatewise.training.settings import TrainingSettings

_START = 25.0  # one-cycle rises from 1/25 and ends at 1/25 of 1e-4, as torch's OneCycleLR by default
_END = 1e4
_RATIO = 32.0  # slanted begins and ends at 1/32, as in the paper
_PLACES = 10_000


def constant(step: int, steps: int, warmup: float, final: float) -> float:
    """1 after a linear rise over the share ``warmup`` of the steps.

    Args:
        step: the step to be done, from 0.
        steps: all steps of the run.
        warmup: share of them in [0, 1).
        final: not used.

    Example:
        >>> [constant(step, 10, 0.2, 0.0) for step in range(4)]
        [0.5, 1.0, 1.0, 1.0]
    """
    del final
    return min(1.0, (step + 1) / max(1, round(warmup * steps)))


def cosine(step: int, steps: int, warmup: float, final: float) -> float:
    """A linear rise, then half a cosine down to ``final``.

    f(t) = final + (1 - final) (1 + cos(pi t / T)) / 2,  t and T counted from the end of the rise.

    Args:
        step: the step to be done, from 0.
        steps: all steps of the run.
        warmup: share of them in which the rate rises, in [0, 1).
        final: the value at the end, in [0, 1].

    Source: Loshchilov & Hutter, "SGDR", arXiv:1608.03983, equation 5, without restarts.

    Example:
        >>> [round(cosine(step, 4, 0.0, 0.0), 3) for step in range(4)]
        [1.0, 0.854, 0.5, 0.146]
    """
    rise = round(warmup * steps)
    if step < rise:
        return constant(step, steps, warmup, final)
    return final + (1 - final) * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise))) / 2


def one_cycle(step: int, steps: int, warmup: float, final: float) -> float:
    """Half a cosine up from 1/25 over the share ``warmup`` of the steps (0.3 is usual), another down to 1/250000.

    Args:
        step: the step to be done, from 0.
        steps: all steps of the run.
        warmup: share of them in which the rate rises, in [0, 1).
        final: not used.

    Source: Smith & Topin, "Super-Convergence", arXiv:1708.07120, with the cosines of torch's OneCycleLR.

    Example:
        >>> [round(one_cycle(step, 10, 0.3, 0.0), 3) for step in (0, 2, 9)]
        [0.04, 1.0, 0.0]
    """
    del final
    top = max(0.0, warmup * steps - 1)
    if step < top:
        return _half_cosine(1 / _START, 1.0, step / top)
    return _half_cosine(1.0, 1 / (_START * _END), min(1.0, (step - top) / max(1.0, steps - 1 - top)))


def slanted(step: int, steps: int, warmup: float, final: float) -> float:
    """The slanted triangle: straight up from 1/32 over the share ``warmup`` of the steps (0.1 is usual), then down.

    f(t) = (1 + 31 p) / 32,  p = t / c where t < c, else 1 - (t - c) / (T - c),  c = floor(warmup T)

    Args:
        step: the step to be done, t, from 0.
        steps: all steps of the run, T.
        warmup: share of them in which the rate rises, in [0, 1).
        final: not used.

    Source: Howard & Ruder, "Universal Language Model Fine-tuning for Text Classification", arXiv:1801.06146,
    equation 3, with its ratio of 32.

    Example:
        >>> [round(slanted(step, 10, 0.2, 0.0), 3) for step in (0, 1, 2, 6, 9)]
        [0.031, 0.516, 1.0, 0.516, 0.152]
    """
    del final
    top = int(warmup * steps)
    height = step / top if step < top else 1 - (step - top) / max(1, steps - top)
    return (1 + height * (_RATIO - 1)) / _RATIO


@dataclass
class Plateau:
    """The schedule that waits for validation: a factor that falls whenever nothing has improved.

    Attributes:
        factor: what the learning rate is multiplied by now.
        best: the lowest finite cost so far (the loss, or what the task selects by, lower being better), or None.
        waited: validations since then, or since the factor fell.

    Example:
        >>> plateau = Plateau()
        >>> for cost in (2.0, 1.0, 1.5):
        ...     plateau.validated(cost, factor=0.5, patience=0)
        >>> plateau.factor
        0.5
    """

    factor: float = 1.0
    best: float | None = None
    waited: int = 0

    def validated(self, cost: float, factor: float, patience: int) -> None:
        """Take note of a validation; after more than ``patience`` without improvement the rate falls.

        A cost that is not finite is no improvement, whatever came before.
        """
        if math.isfinite(cost) and (self.best is None or cost < self.best):
            self.best, self.waited = cost, 0
            return
        self.waited += 1
        if self.waited > patience:
            self.factor, self.waited = self.factor * factor, 0


SCHEDULES: dict[str, Callable[[int, int, float, float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "one-cycle": one_cycle,
    "slanted": slanted,
    "plateau": constant,  # times Plateau.factor
}


def place(step: int, steps: int, used: float) -> tuple[int, int]:
    """Where a run with a time limit stands in its schedule: a place among so many places, as the schedules take them.

    Args:
        step: the step to be done, from 0.
        steps: after which the run ends in any case.
        used: share of the time that is used up.

    Example:
        >>> place(10, 100, used=0.5), place(60, 100, used=0.5)
        ((5000, 10000), (6000, 10000))
    """
    return min(_PLACES - 1, int(_PLACES * max(step / steps, used))), _PLACES


def learning_rate(settings: TrainingSettings, step: int, steps: int, plateau: Plateau) -> float:
    """The learning rate of a step.

    Args:
        settings: the schedule and its numbers.
        step: the step to be done, from 0.
        steps: all steps of the run.
        plateau: the factor that validation has left.

    Example:
        >>> learning_rate(TrainingSettings(learning_rate=0.1, schedule="constant"), 50, 100, Plateau())
        0.1
    """
    shape = SCHEDULES[settings.schedule]
    return settings.learning_rate * plateau.factor * shape(step, steps, settings.warmup, settings.final_rate)


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
