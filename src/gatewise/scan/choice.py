"""Which runner computes a scan, and why: one door, and never a silent change."""

from __future__ import annotations

from dataclasses import dataclass

from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.settings.nearest import did_you_mean

RUNNERS = ("auto", "reference", "torch")
"""What can be asked for."""


@dataclass(frozen=True)
class Choice:
    """The runner that a scan will use.

    Args:
        name: "reference" or "torch".
        reason: why, in words.

    Example:
        >>> Choice("reference", "asked for").name
        'reference'
    """

    name: str
    reason: str


def choose(cell: Cell, *, runner: str = "auto", zoneout: bool = False, keep_states: bool = False) -> Choice:
    """The runner for a scan: torch where it computes exactly this cell and nothing else is asked, else the reference.

    Args:
        cell: the cell.
        runner: "auto", or the one that must run.
        zoneout: whether zoneout is asked for.
        keep_states: whether all states of every step are asked for.

    Raises:
        SettingError: an unknown runner, or one that cannot do what is asked, with the reason.

    Example:
        >>> from gatewise.cells import find
        >>> choose(find("lstm")).name, choose(find("rnn", nonlinearity="sigmoid")).reason
        ('torch', 'torch has no kernel for rnn(nonlinearity=sigmoid, start=uniform)')
    """
    if runner == "fused":
        raise SettingError("the fused runner is not built yet", where="runner", fix="use auto, reference or torch")
    if runner not in RUNNERS:
        raise SettingError(f"unknown runner {runner!r}", where="runner", fix=did_you_mean(runner, RUNNERS))
    if runner == "reference":
        return Choice("reference", "asked for")
    obstacle = _obstacle(cell, zoneout, keep_states)
    if runner == "torch":
        if obstacle:
            raise SettingError(
                f"the torch runner cannot run this: {obstacle}", where="runner", fix="use auto or reference"
            )
        return Choice("torch", "asked for")
    return Choice("reference", obstacle) if obstacle else Choice("torch", f"torch has a kernel for {cell.name}")


def _obstacle(cell: Cell, zoneout: bool, keep_states: bool) -> str:
    """What keeps torch's kernels from computing this; empty where nothing does."""
    if cell.torch_twin() is None:
        constants = ", ".join(f"{name}={value}" for name, value in cell.constants().items())
        return f"torch has no kernel for {cell.name}{f'({constants})' if constants else ''}"
    if zoneout:
        return "torch's kernels have no zoneout"
    if keep_states and len(cell.state) > 1:
        return "torch's kernels return the states other than the output for the last step only"
    return ""
