"""A cell's equation as a few numbers, so that a saved model can tell it from another with the same declarations."""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.cells.bundles import Gates, States
from gatewise.cells.spec import Cell
from gatewise.scan.bind import Binding

_ROWS, _INPUT, _HIDDEN, _PROJECTION, _STEPS = 2, 4, 12, 6, 2


def probe(cell: Cell) -> tuple[float | None, ...]:
    """What two steps of the equation make of fixed parameters, inputs and states: two sums over each state of a step.

    Computed in float64 and rounded to nine digits. Random numbers are left as they were.

    Args:
        cell: a cell with its constants.

    Returns:
        The sums; None stands for one that is not finite. Nothing for an equation that cannot be run at X = 4, H = 12
        and P = 6 in float64: such a one is known by its declarations only.

    Example:
        >>> from gatewise.cells import find
        >>> len(probe(find("gru"))), probe(find("gru")) == probe(find("cho_gru"))
        (4, False)
    """
    with torch.no_grad(), torch.random.fork_rng(devices=[]), torch.autocast("cpu", enabled=False):
        torch.manual_seed(0)
        try:
            return tuple(_rounded(number) for number in _sums(cell))
        except Exception:  # the user's own code: whatever it raises at these sizes, the model has others
            return ()


def _sums(cell: Cell) -> list[float]:
    sizes = _HIDDEN, _PROJECTION if cell.has_projection else 0
    p = Binding(cell, {name: _numbers(*spec.shape) for name, spec in cell.parameters(_INPUT, *sizes).items()})
    states = {name: _numbers(_ROWS, width) for name, width in cell.state_widths(*sizes).items()}
    gates = p.input_gates(_numbers(_STEPS * _ROWS, _INPUT))
    found = []
    for rows in torch.split(gates.tensor, _ROWS):
        states = cell.step(Gates(gates.names, rows), States(states), p).as_dict()
        for name in cell.state:
            found += [(states[name].double() * weights).sum().item() for weights in _weights(states[name])]
    return found


def _numbers(*shape: int) -> Tensor:
    """Numbers between -0.7 and 0.7 without a pattern that an equation could have too."""
    count = torch.Size(shape).numel()
    places = torch.arange(1, count + 1, dtype=torch.float64, device="cpu")
    return (0.7 * (places * places * 0.37 + count).sin()).view(shape)


def _weights(state: Tensor) -> tuple[Tensor, Tensor]:
    weights = _numbers(*state.shape)
    return weights, weights.flip(0, 1)


def _rounded(number: float) -> float | None:
    return float(f"{number:.9g}") if abs(number) < float("inf") else None
