"""What benchmarks/layers.py races: layers with the same weights on the same input, each as a call without arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gatewise import nn
from gatewise.cells import Cell, find
from gatewise.cells.user import load_cell

Call = Callable[[], object]

OURS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
TORCH = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
TORCH_CELLS = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell, "rnn": torch.nn.RNNCell}
OWN = "own_cell"
"""LSTM with softsign in place of tanh, from a file that the package does not know."""
OWN_FILE = Path(__file__).resolve().parents[1] / "examples" / "own_cell.py"


@dataclass(frozen=True)
class Size:
    """Time steps, sequences, features of the input, hidden units."""

    time: int
    batch: int
    input: int
    hidden: int


def sides(what: str, cell: str, precisions: tuple[str, ...]) -> tuple[str, ...]:
    """The names of what a measure compares; a name ends with its precision.

    Example:
        >>> sides("training", "lstm", ("bf16",))
        ('fused bf16', 'torch bf16', 'torch fp32')
    """
    names = {
        "training": ("fused", "torch"),
        "scoring": ("fused", "torch"),
        "cells": ("fused", "our lstm"),
        "ragged": ("ragged", "padded"),
        "streaming": ("fused", "torch cell", "torch layer"),
        "memory": ("fused", "torch"),
        "first call": ("fused", "torch") if cell in TORCH else ("fused",),
    }[what]
    found = [f"{name} {precision}" for precision in precisions for name in names]
    always = {"training": "torch fp32", "scoring": "torch fp32", "cells": "reference fp32"}.get(what)
    return tuple(dict.fromkeys([*found, always] if always else found))


def cell_of(name: str) -> Cell:
    """A registered cell, or the user's own."""
    return load_cell(f"{OWN_FILE}:SoftsignLSTM")() if name == OWN else find(name)


@contextmanager
def precise(precision: str) -> Iterator[None]:
    """Float32, or bfloat16 where autocast says so."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        yield


def ours(cell: str, size: Size, runner: str) -> torch.nn.Module:
    """One of our layers: the drop-in where torch has the layer."""
    if cell in OURS:
        return OURS[cell](size.input, size.hidden, runner=runner)
    return nn.Recurrent(cell_of(cell), size.input, size.hidden, runner=runner)


def layer(side: str, cell: str, size: Size) -> torch.nn.Module:
    """The layer of a side; layers of the same parameters have the same weights, drawn from the same numbers."""
    name = side.rpartition(" ")[0]
    torch.manual_seed(1111)
    if name == "torch":
        return TORCH[cell](size.input, size.hidden)
    if name == "our lstm":
        return ours("lstm", size, "fused")
    return ours(cell, size, "reference" if name == "reference" else "fused")


def call(what: str, side: str, cell: str, size: Size) -> Call:
    """What is timed of a side."""
    generator = torch.Generator().manual_seed(1111)
    x = torch.randn(size.time, size.batch, size.input, generator=generator)
    precision = side.rpartition(" ")[2]
    if what == "streaming":
        return streaming(side, cell, size, x[0], precision)
    made = layer(side, cell, size)
    if what == "scoring":
        return scoring(made, x, precision)
    options = {}
    if side.startswith("ragged"):
        options["lengths"] = lengths(size)
    return training(made, x, precision, options, scalar=what == "first call")


def lengths(size: Size) -> Tensor:
    """Uniform between 1 and T, the same in every run."""
    return torch.randint(1, size.time + 1, (size.batch,), generator=torch.Generator().manual_seed(1111))


def training(
    made: torch.nn.Module, x: Tensor, precision: str, options: dict[str, Tensor], *, scalar: bool = False
) -> Call:
    """Forward and backward, to the gradients of the input and of every parameter.

    From a gradient of the output, so that nothing but the layer is timed; or from a ``scalar``, as a loss is, since
    torch imports a third of a second of symbolic algebra when it is first given the gradient of a tensor.
    """
    leaves = [x.requires_grad_(), *made.parameters()]
    gradient: Tensor | None = None

    def run() -> tuple[Tensor, ...]:
        nonlocal gradient
        with precise(precision):
            output, _ = made(x, **options)
        if scalar:
            return (output, *torch.autograd.grad(output.sum(), leaves))
        if gradient is None:  # of the type that the layer returns
            gradient = torch.randn(output.shape, generator=torch.Generator().manual_seed(7)).to(output.dtype)
        return (output, *torch.autograd.grad(output, leaves, gradient))

    return run


def scoring(made: torch.nn.Module, x: Tensor, precision: str) -> Call:
    """Forward only."""

    @torch.inference_mode()
    def run() -> tuple[Tensor, ...]:
        with precise(precision):
            return (made(x)[0],)

    return run


def streaming(side: str, cell: str, size: Size, x: Tensor, precision: str) -> Call:
    """One step of one sequence with its state handed on."""
    torch.manual_seed(1111)
    name = side.rpartition(" ")[0]
    if name == "torch cell":
        step = torch_cell_step(TORCH_CELLS[cell](size.input, size.hidden))
    elif name == "torch layer":
        step = torch_layer_step(TORCH[cell](size.input, size.hidden))
    else:
        step = nn.Recurrent(find(cell, **torch_start(cell)), size.input, size.hidden, runner="fused").eval().step
    state = None

    @torch.inference_mode()
    def run() -> tuple[Tensor, ...]:
        nonlocal state
        with precise(precision):
            output, state = step(x, state)
        return (output,)

    return run


def torch_start(cell: str) -> dict[str, None]:
    """Constants with which our cell starts as torch's does."""
    return {"forget_bias": None} if cell == "lstm" else {}


def torch_cell_step(made: torch.nn.Module) -> Callable[[Tensor, object], tuple[Tensor, object]]:
    """``torch.nn.LSTMCell`` and its like: the state is what they return, its first part the output."""

    def step(x: Tensor, state: object) -> tuple[Tensor, object]:
        state = made(x, state)
        return (state[0] if isinstance(state, tuple) else state), state

    return step


def torch_layer_step(made: torch.nn.Module) -> Callable[[Tensor, object], tuple[Tensor, object]]:
    """``torch.nn.LSTM`` and its like over a sequence of one step."""

    def step(x: Tensor, state: object) -> tuple[Tensor, object]:
        output, state = made(x[None], state)
        return output[0], state

    return step
