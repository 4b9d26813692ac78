"""The reference runner: the cell's step in a loop, on any device, differentiable to any order.

Rows enter and leave the batch as sequences begin and end, so nothing is masked and no padding exists. The input's
product is taken for all time steps at once.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gatewise.cells.bundles import Gates, States
from gatewise.cells.spec import Cell
from gatewise.errors import ShapeError
from gatewise.scan.bind import Binding
from gatewise.scan.noise import Zoneout, blend
from gatewise.scan.packed import Packed
from gatewise.scan.result import Scan

Named = dict[str, Tensor]


def run_reference(
    cell: Cell,
    parameters: Mapping[str, Tensor],
    x: Packed,
    initial: Mapping[str, Tensor],
    *,
    reverse: bool = False,
    zoneout: Zoneout | None = None,
    keep_states: bool = False,
) -> Scan:
    """Run the cell's step over every time step; arguments as in ``gatewise.scan.run``.

    Returns:
        the scan; states and outputs have the dtype of the parameters, under autocast too.
    """
    p = Binding(cell, parameters)
    gates = p.input_gates(x.data)
    steps = torch.split(gates.tensor, list(x.batch_sizes))
    old = {} if zoneout is None else zoneout.shares(x, {name: initial[name].size(1) for name in cell.state})
    rows = _Entering(initial) if reverse else _Leaving()
    states = {name: initial[name][: 0 if reverse else x.rows].to(gates.tensor.dtype) for name in cell.state}
    kept: dict[str, list[Tensor]] = {name: [] for name in (cell.state if keep_states else [cell.output_state])}
    times = range(len(x.batch_sizes))
    for time in reversed(times) if reverse else times:
        states = rows.resize(states, x.batch_sizes[time])
        new = _advance(cell, Gates(gates.names, steps[time]), states, p)
        states = {name: blend(states[name], new[name], old[name][time]) if name in old else new[name] for name in new}
        for name, trace in kept.items():
            trace.append(states[name])
    whole = {name: torch.cat(trace[::-1] if reverse else trace) for name, trace in kept.items()}
    return Scan(whole[cell.output_state], rows.final(states), whole if keep_states else None, "reference")


def _advance(cell: Cell, x: Gates, states: Named, p: Binding) -> Named:
    """The equation once: states of the declared widths in the precision of the scan."""
    new = cell.step(x, States(states), p).as_dict()
    for name, before in states.items():
        if new[name].shape != before.shape:
            message = f"the state {name} is {list(before.shape)} before the step, but {list(new[name].shape)} after it"
            raise ShapeError(message, where=f"cell {cell.name}: step")
    return {name: state.to(x.tensor.dtype) for name, state in new.items()}


class _Leaving:
    """Forward in time: the shortest sequences, the last rows, leave first; their states are kept as final."""

    def __init__(self) -> None:
        self._gone: list[Named] = []

    def resize(self, states: Named, rows: int) -> Named:
        if rows == len(next(iter(states.values()))):
            return states
        self._gone.append({name: state[rows:] for name, state in states.items()})
        return {name: state[:rows] for name, state in states.items()}

    def final(self, states: Named) -> Named:
        if not self._gone:
            return states
        return {
            name: torch.cat([state, *(gone[name] for gone in reversed(self._gone))]) for name, state in states.items()
        }


class _Entering:
    """Backward in time: the longest sequences begin, the others enter with their initial state at their own ends."""

    def __init__(self, initial: Mapping[str, Tensor]) -> None:
        self._initial = initial

    def resize(self, states: Named, rows: int) -> Named:
        present = len(next(iter(states.values())))
        if rows == present:
            return states
        return {
            name: torch.cat([state, self._initial[name][present:rows].to(state.dtype)])
            for name, state in states.items()
        }

    def final(self, states: Named) -> Named:
        return states
