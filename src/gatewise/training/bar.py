"""The monitor for a terminal: one line that moves."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from gatewise.training.monitor import Run, duration, losses, steps_of, time_left, validation

_PERIOD = 0.25  # seconds between two drawings, each of which takes a few milliseconds
_MEMORY = 0.98  # decay of the mean loss that is shown


class Bar:
    """A bar with loss, perplexity, speed and the time left; what is said appears above it.

    It is drawn by the training thread itself, at most four times a second.

    Args:
        console: where to draw; standard error if None.
        name: what stands before the bar; "": the task, and the run is said above it.
        passing: whether the bar goes away when the run is over.
    """

    def __init__(self, console: Console | None = None, name: str = "", passing: bool = False) -> None:
        self._name = name
        self._console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[done]}"),
            TextColumn("{task.fields[told]}"),
            console=self._console,
            auto_refresh=False,
            transient=passing,
        )
        self._run: Run | None = None
        self._line: TaskID | None = None
        self._drawn = -math.inf
        self._sum, self._weight = 0.0, 0.0
        self._units_before = 0
        self._seconds_before = 0.0

    def begin(self, run: Run) -> None:
        """Draw the empty bar."""
        self._run = run
        if not self._name:
            self.said(f"training {run.name}: {run.parameters:,} parameters, in {run.folder}")
        done = steps_of(run, run.step)
        self._line = self._progress.add_task(self._name or run.name, total=1, done=done, told="")
        self._progress.update(self._line, completed=run.step / run.steps)
        self._progress.start()
        # rich hides the cursor; a second Ctrl-C, which ends the process at once, would leave it hidden.
        self._console.show_cursor(True)

    def stepped(self, step: int, loss: float, units: int, seconds: float) -> None:
        """Move the bar, if it was not drawn just now."""
        if math.isfinite(loss):
            self._sum = _MEMORY * self._sum + (1 - _MEMORY) * loss
            self._weight = _MEMORY * self._weight + (1 - _MEMORY)
        if self._run is None or self._line is None:
            return
        if step == self._run.step + 1:  # the first step warms caches up: speed is counted from here
            self._units_before, self._seconds_before = units, seconds
        now = time.monotonic()
        if now - self._drawn >= _PERIOD or step == self._run.steps:
            self._drawn = now
            share = max(step / self._run.steps, seconds / self._run.limit if self._run.limit else 0.0)
            told, done = self._told(step, units, seconds), steps_of(self._run, step)
            self._progress.update(self._line, completed=share, done=done, told=told)
            self._progress.refresh()

    def recorded(self, record: Mapping[str, Any]) -> None:
        """Say what a validation measured; the rest is in the bar."""
        if self._run is not None and "validation_loss" in record:
            told = validation(record, self._run)
            self.said(f"step {record['step']:,}, epoch {record['epoch']:.2f}: {told}")

    def said(self, line: str) -> None:
        """Write a line above the bar."""
        self._progress.console.print(line, markup=False, highlight=False)

    def ended(self) -> None:
        """Leave the bar as it is."""
        self._progress.stop()

    def _told(self, step: int, units: int, seconds: float) -> str:
        assert self._run is not None
        told = losses(self._sum / self._weight if self._weight else None, self._run.nats)
        trained, steps = seconds - self._seconds_before, step - self._run.step - 1
        if trained <= 0 or not steps:
            return told
        speed = (units - self._units_before) / trained
        left = duration(time_left(self._run, step, seconds, trained / steps))
        return f"{told}, {speed:,.0f} {self._run.unit}s/s, {left} left"
