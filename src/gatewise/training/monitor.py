"""Who watches a run: the contract, plain lines, and nothing at all."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO


@dataclass(frozen=True)
class Run:
    """What a monitor is told before the first step.

    Attributes:
        name: of the task.
        unit: what its losses are a mean over, in the singular.
        nats: whether exp(loss) is a perplexity.
        folder: of the run.
        step: steps done already (0 for a new run).
        steps: the last step.
        parameters: how many numbers are trained.
        limit: seconds of training and validation after which it ends in any case; 0: none.
        selects_by: the measure of a validation that says what is best.
    """

    name: str
    unit: str
    nats: bool
    folder: Path
    step: int
    steps: int
    parameters: int
    limit: float = 0.0
    selects_by: str = "loss"


class Monitor(Protocol):
    """What the loop tells; nothing comes back, so a monitor cannot change a run."""

    def begin(self, run: Run) -> None:
        """The run begins, or goes on."""
        ...

    def stepped(self, step: int, loss: float, units: int, seconds: float) -> None:
        """A step is done; called at every one, so it must be quick.

        Args:
            step: its number, from 1.
            loss: mean per unit of this step.
            units: units trained on so far.
            seconds: wall time of training alone so far.
        """
        ...

    def recorded(self, record: Mapping[str, Any]) -> None:
        """A line went to ``metrics.jsonl`` (:mod:`gatewise.training.metrics` says what it holds)."""
        ...

    def said(self, line: str) -> None:
        """Something that a person should know."""
        ...

    def ended(self) -> None:
        """The run is over, in whatever way."""
        ...


class Silent:
    """Watches nothing.

    Example:
        >>> Silent().said("a line that nobody reads")
    """

    def begin(self, run: Run) -> None:
        """Nothing."""

    def stepped(self, step: int, loss: float, units: int, seconds: float) -> None:
        """Nothing."""

    def recorded(self, record: Mapping[str, Any]) -> None:
        """Nothing."""

    def said(self, line: str) -> None:
        """Nothing."""

    def ended(self) -> None:
        """Nothing."""


class Lines(Silent):
    """A plain line for each line of ``metrics.jsonl``, for logs and pipes.

    Args:
        out: where to; standard error if None.
    """

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._run: Run | None = None

    def begin(self, run: Run) -> None:
        """Say what begins."""
        self._run = run
        goes_on = f"from step {run.step:,} " if run.step else ""
        end = f"to step {run.steps:,}" + (f", or for {duration(run.limit)}" if run.limit else "")
        self.said(f"training {run.name} {goes_on}{end}: {run.parameters:,} parameters, in {run.folder}")

    def recorded(self, record: Mapping[str, Any]) -> None:
        """Write the line."""
        if self._run is not None:
            self.said(describe(record, self._run))

    def said(self, line: str) -> None:
        """Write it."""
        print(line, file=self._out, flush=True)


def watch(out: TextIO | None = None) -> Monitor:
    """The monitor that suits an output: a bar on a terminal, lines elsewhere.

    Args:
        out: where to; standard error if None.

    Example:
        >>> import io
        >>> type(watch(io.StringIO())).__name__
        'Lines'
    """
    out = out or sys.stderr
    if not out.isatty():
        return Lines(out)
    from rich.console import Console

    from gatewise.training.bar import Bar

    return Bar(Console(file=out))


def describe(record: Mapping[str, Any], run: Run) -> str:
    """A line of ``metrics.jsonl`` for a reader.

    Example:
        >>> run = Run("lm", "token", True, Path("runs/a"), 0, 2000, 10)
        >>> record = {"step": 50, "epoch": 0.5, "loss": 2.0, "learning_rate": 0.1, "gradient_norm": 0.7, "clipped": 0.0,
        ...           "skipped": 0.0, "units_per_second": 1234.5, "seconds": 10.0}
        >>> describe(record, run)
        'step 50/2,000, epoch 0.50: loss 2.0000, perplexity 7.39, rate 0.1, norm 0.7, 1,234 tokens/s, 6 min 30 s left'
        >>> describe(record | {"validation_loss": 1.0, "best": True}, run).partition(", 1,234 tokens/s, ")[2]
        '6 min 30 s left; validation loss 1.0000, perplexity 2.72, best so far'
    """
    norm = record["gradient_norm"]
    left = time_left(run, record["step"], record["seconds"], record["seconds"] / record["step"])
    parts = [
        losses(record["loss"], run.nats),
        f"rate {record['learning_rate']:.3g}",
        "norm none" if norm is None else f"norm {norm:.3g}",
        *(f"{record[share]:.0%} {share}" for share in ("clipped", "skipped") if record[share]),
        f"{record['units_per_second']:,.0f} {run.unit}s/s",
        f"{duration(left)} left",
    ]
    line = f"step {steps_of(run, record['step'])}, epoch {record['epoch']:.2f}: {', '.join(parts)}"
    if "validation_loss" in record:
        line += f"; {validation(record, run)}"
    return line


def time_left(run: Run, step: int, seconds: float, per_step: float) -> float:
    """Seconds until a run ends, by its steps or by its time.

    Args:
        run: as it began.
        step: steps done.
        seconds: wall time of training so far.
        per_step: seconds that a step takes.

    Example:
        >>> run = Run("lm", "token", True, Path("runs/a"), 0, 2000, 10, limit=60.0)
        >>> time_left(run, 100, 20.0, 0.2), time_left(run, 1990, 20.0, 0.2)
        (40.0, 2.0)
    """
    by_steps = (run.steps - step) * per_step
    return max(0.0, min(by_steps, run.limit - seconds)) if run.limit else by_steps


def steps_of(run: Run, step: int) -> str:
    """A step, of how many where that is known: a run with a time limit may end before its last step.

    Example:
        >>> steps_of(Run("lm", "token", True, Path("runs/a"), 0, 2000, 10), 50)
        '50/2,000'
    """
    return f"{step:,}" if run.limit else f"{step:,}/{run.steps:,}"


def validation(record: Mapping[str, Any], run: Run) -> str:
    """What a validation measured, in words: the loss, every other measure of the task, and whether it is the best.

    Example:
        >>> run = Run("lm", "token", True, Path("runs/a"), 0, 2000, 10)
        >>> validation({"validation_loss": 2.0, "validation_unknown_share": 0.031, "best": False}, run)
        'validation loss 2.0000, perplexity 7.39, unknown share 0.031'
    """
    best = "best so far" if run.selects_by == "loss" else f"best {run.selects_by.replace('_', ' ')} so far"
    others = (
        f", {name.removeprefix('validation_').replace('_', ' ')} {value:.4g}"
        for name, value in record.items()
        if name.startswith("validation_") and name != "validation_loss"
    )
    return f"validation {losses(record['validation_loss'], run.nats)}{''.join(others)}{f', {best}' * record['best']}"


def losses(loss: float | None, nats: bool) -> str:
    """A loss in words, with its perplexity where it has one.

    Example:
        >>> losses(2.0, nats=True), losses(None, nats=True)
        ('loss 2.0000, perplexity 7.39', 'loss none')
    """
    if loss is None or not math.isfinite(loss):
        return "loss none"
    return f"loss {loss:.4f}" + (f", perplexity {math.exp(min(loss, 700)):,.2f}" if nats else "")


def duration(seconds: float) -> str:
    """A time in words.

    Example:
        >>> duration(5), duration(150), duration(7260)
        ('5 s', '2 min 30 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
