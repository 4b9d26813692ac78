"""Which runner computes a scan, and why: one door, and never a silent change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.settings.nearest import did_you_mean

if TYPE_CHECKING:
    from torch import Tensor

    from gatewise.scan.transforms import Transform

RUNNERS = ("auto", "reference", "torch", "fused")
"""What can be asked for."""


@dataclass(frozen=True)
class Choice:
    """The runner that a scan will use.

    Args:
        name: "reference", "torch" or "fused".
        reason: why, in words.

    Example:
        >>> Choice("reference", "asked for").name
        'reference'
    """

    name: str
    reason: str


def choose(
    cell: Cell,
    *,
    runner: str = "auto",
    zoneout: bool = False,
    keep_states: bool = False,
    parameter: Tensor | None = None,
    bias: bool = True,
    sizes: tuple[int, int, int] | None = None,
    transform: Transform | None = None,
    uniform: bool = True,
) -> Choice:
    """The runner for a scan: the engine where it can do what is asked, else torch where it can, else the reference.

    Args:
        cell: the cell.
        runner: "auto", or the one that must run.
        zoneout: whether zoneout is asked for.
        keep_states: whether all states of every step are asked for.
        parameter: one of the cell's, which tells device and dtype; None: float32 on the CPU.
        bias: whether the layer has biases.
        sizes: (X, H, P) of the layer, at which the program of a user's own cell is compared with its step; None: it
            is not.
        transform: what the call is under, see ``transforms.transform_of``; None for none, or where no call is made.
        uniform: whether all sequences are equally long.

    Raises:
        SettingError: an unknown runner, or one that cannot do what is asked, with the reason.

    Example:
        >>> from gatewise.cells import find
        >>> choose(find("lstm"), runner="torch").name, choose(find("simple_gru"), runner="reference").reason
        ('torch', 'asked for')
    """
    if runner not in RUNNERS:
        raise SettingError(f"unknown runner {runner!r}", where="runner", fix=did_you_mean(runner, RUNNERS))
    if runner == "reference":
        return Choice("reference", "asked for")
    under = transform if transform is not None and transform.name else None
    obstacles = {
        "fused": lambda: _obstacle_to_fused(cell, parameter, bias, sizes, under),
        "torch": lambda: _obstacle_to_torch(cell, zoneout, keep_states),
    }
    if runner != "auto":
        if obstacle := obstacles[runner]():
            named = 'use runner="auto" or "torch", which are made of torch\'s operations'
            fix = named if runner == "fused" and under else "use auto or reference"
            raise SettingError(f"the {runner} runner cannot run this: {obstacle}", where="runner", fix=fix)
        return Choice(runner, "asked for")
    against_fused = obstacles["fused"]()
    if not against_fused:
        return Choice("fused", f"the engine runs {cell.name}")
    against_torch = obstacles["torch"]() or _obstacle_under(under, uniform)
    if not against_torch:
        return Choice("torch", f"torch has a kernel for {cell.name}; {against_fused}")
    return Choice("reference", f"{against_torch}; {against_fused}")


def _obstacle_to_torch(cell: Cell, zoneout: bool, keep_states: bool) -> str:
    """What keeps torch's kernels from computing this; empty where nothing does."""
    if cell.torch_twin() is None:
        constants = ", ".join(f"{name}={value}" for name, value in cell.constants().items())
        return f"torch has no kernel for {cell.name}{f'({constants})' if constants else ''}"
    if zoneout:
        return "torch's kernels have no zoneout"
    if keep_states and len(cell.state) > 1:
        return "torch's kernels return the states other than the output for the last step only"
    return ""


def _obstacle_under(transform: Transform | None, uniform: bool) -> str:
    """What speaks against torch's kernels under a transform; by name they run all the same, and torch may refuse."""
    if transform is None:
        return ""
    if not transform.kernels:
        return f"torch's kernels cannot run under {transform.name}"
    return "" if uniform else f"torch's kernels read the lengths of sequences, which {transform.name} hides"


def _obstacle_to_fused(
    cell: Cell, parameter: Tensor | None, bias: bool, sizes: tuple[int, int, int] | None, transform: Transform | None
) -> str:
    """What keeps the engine from computing this; empty where nothing does."""
    if transform is not None:
        return f"the engine cannot run under {transform.name}"
    if not engine_is_built():
        return "the engine is not built here"
    from gatewise.scan.fused.runner import obstacle  # the extension may be missing

    return obstacle(cell, parameter, bias, sizes)


def instruction_set() -> str:
    """The instruction set that the engine uses here; ``"none"`` where it is not built.

    Raises:
        SettingError: GATEWISE_ISA names one that cannot run here.

    Example:
        >>> instruction_set() in ("amx", "avx512_bf16", "avx512", "avx2", "neon", "portable", "none")
        True
    """
    if not engine_is_built():
        return "none"
    from gatewise.scan.fused.runner import chosen_instruction_set  # the extension may be missing

    return chosen_instruction_set()


@cache
def engine_is_built() -> bool:
    """Whether the engine was compiled when gatewise was installed."""
    return find_spec("gatewise.scan._engine") is not None
