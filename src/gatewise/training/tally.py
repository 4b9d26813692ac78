"""What a step came to, taken into the sums of the run; what went wrong is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatewise.errors import TrainingError
from gatewise.training.health import Limits, Step
from gatewise.training.stepping import Outcome

if TYPE_CHECKING:
    from gatewise.training.loop import Loop

MOST_NOT_FINITE = 3
"""Steps in a row whose gradient is not finite that end a run."""
MEASURED_EVERY = 50
"""Least steps between two whose change of the weights is measured: that takes as long as the update itself."""


class NotFinite(TrainingError):
    """The training went out of the range of numbers."""


def measured(step: int, log_every: int) -> bool:
    """Whether the change of the weights is measured in a step: those before a line of metrics, but not too many.

    Example:
        >>> [[step for step in range(1, 201) if measured(step, log_every)] for log_every in (20, 100)]
        [[60, 120, 180], [100, 200]]
    """
    return step % (-(-MEASURED_EVERY // log_every) * log_every) == 0


def tally(loop: Loop, outcome: Outcome) -> None:
    """Add the outcome of the step that is done to the sums since the last line, and say what a person should know.

    Raises:
        NotFinite: the gradient was not finite in :data:`MOST_NOT_FINITE` steps in a row.
    """
    if not outcome.finite:
        _skipped(loop, outcome)
        return
    progress = loop.progress
    progress.not_finite = 0
    progress.interval.add(outcome)
    settings, loss = loop.settings, outcome.loss / outcome.count
    step = Step(progress.step, loss, outcome.norm, outcome.clipped, outcome.norms)
    for alarm in progress.health.stepped(step, Limits(progress.rate, settings.clip_norm, settings.clip_value)):
        progress.interval.alarms.append({"cause": alarm.cause, "step": alarm.step, "line": alarm.line})
        loop.monitor.said(f"step {alarm.step:,}: {alarm.line}")


def _skipped(loop: Loop, outcome: Outcome) -> None:
    progress, stepper = loop.progress, loop.stepper
    progress.not_finite += 1
    progress.interval.skipped += 1
    what = (
        f"loss {outcome.loss / outcome.count:g}, gradient norm {outcome.norm:g}, learning rate {progress.rate:g}; "
        f"first in {stepper.whence()}"
    )
    after = "; the next batch starts from the initial state" if outcome.dropped else ""
    loop.monitor.said(f"step {progress.step:,} skipped: its gradient is not finite ({what}){after}")
    if progress.not_finite >= MOST_NOT_FINITE:
        raise NotFinite(
            f"the gradient was not finite in {MOST_NOT_FINITE} steps in a row, up to step {progress.step} ({what})",
            fix="lower the learning rate, clip the gradient more, or look at the data",
        )
