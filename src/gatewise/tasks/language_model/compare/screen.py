"""What a comparison shows while it goes on: a line for each model as it begins and ends, and a bar on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from gatewise.tasks.language_model.compare.row import Row
from gatewise.training.bar import Bar
from gatewise.training.monitor import Monitor, Silent, duration

_ENDED = {"patience": ", since validation stopped improving", "time": ", when its time was over", "done": ""}


class Screen:
    """Writes lines, each only once, and makes the monitors of the runs.

    Args:
        out: where to; a bar is drawn where it is a terminal.
    """

    def __init__(self, out: TextIO) -> None:
        self.out, self.told = out, set[str]()

    def said(self, line: str) -> None:
        """Write a line, unless it was written before."""
        if line not in self.told:
            self.told.add(line)
            print(line, file=self.out, flush=True)

    def begin(self, name: str, tokens: int, seconds: float) -> Monitor:
        """Say which network is trained now; the monitor of its run."""
        self.said(f"{name}, {tokens:,} tokens: training for {duration(seconds)} at most")
        return _OnTerminal(self, name) if self.out.isatty() else _Elsewhere(self)

    def end(self, row: Row) -> None:
        """Say what a model came to."""
        how = f"{row.seconds:.1f} s"
        if row.model != "ngram":
            how += f", {row.epochs:,.1f} epochs{_ENDED[row.ended]}"
        self.said(f"{row.model}, {row.tokens:,} tokens: perplexity {row.perplexity:,.2f} after {how}")


class _Elsewhere(Silent):
    """Only what a person should know."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen

    def said(self, line: str) -> None:
        """Write it."""
        self.screen.said(line)


class _OnTerminal(Bar):
    """A bar that goes away when the run is over, without a line for each validation."""

    def __init__(self, screen: Screen, name: str) -> None:
        super().__init__(passing=True, name=name)
        self.screen = screen

    def recorded(self, record: Mapping[str, Any]) -> None:
        """Nothing: there may be hundreds."""

    def said(self, line: str) -> None:
        """Write a line above the bar, unless it was written before."""
        if line not in self.screen.told:
            self.screen.told.add(line)
            super().said(line)
