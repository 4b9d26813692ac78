"""The torch runner: torch's own kernels (cuDNN, oneDNN, ATen) for the cells that are exactly torch's."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.scan.packed import Packed
from gatewise.scan.result import Scan


def run_torch(
    cell: Cell,
    parameters: Mapping[str, Tensor],
    x: Packed,
    initial: Mapping[str, Tensor],
    *,
    reverse: bool = False,
    keep_states: bool = False,
) -> Scan:
    """Run the cell's twin in torch over the sequences; arguments as in ``gatewise.scan.run``.

    Sequences of one length go through torch's padded call (oneDNN on a CPU), others through its packed one. A scan in
    reverse reads each sequence from its own end through a permutation of the rows.

    Returns:
        the scan, in the dtypes that torch returns (under autocast, a lower precision for the LSTM).
    """
    order = x.reversal() if reverse and not x.uniform else None
    rows = x.data if order is None else x.data.index_select(0, order)
    names = [declared.name for declared in cell.declared() if declared.name in parameters]
    weights = [parameters[name] for name in names]
    begin = [initial[name].unsqueeze(0).contiguous() for name in cell.state]
    if x.uniform:
        sequence = rows.view(len(x.batch_sizes), x.rows, rows.size(1))
        result = _call(cell, (sequence.flip(0) if reverse else sequence,), begin, weights, (False,))
        outputs = (result[0].flip(0) if reverse else result[0]).flatten(0, 1)
    else:
        result = _call(cell, (rows, torch.tensor(x.batch_sizes)), begin, weights, ())
        outputs = result[0] if order is None else result[0].index_select(0, order)
    final = {name: state.squeeze(0) for name, state in zip(cell.state, result[1:], strict=True)}
    return Scan(outputs, final, {cell.output_state: outputs} if keep_states else None, "torch")


def _call(
    cell: Cell, sequence: tuple[Tensor, ...], begin: list[Tensor], weights: list[Tensor], batch_first: tuple[bool, ...]
) -> tuple[Tensor, ...]:
    """``torch._VF.lstm`` and its like: one layer, one direction, no dropout."""
    function = getattr(torch._VF, str(cell.torch_twin()))
    state = tuple(begin) if len(begin) > 1 else begin[0]
    bias = any(declared.kind == "bias" for declared in cell.declared()) and len(weights) > len(
        cell.declared(bias=False)
    )
    arguments = (weights, bias, 1, 0.0, torch.is_grad_enabled(), False, *batch_first)
    result: tuple[Tensor, ...]
    if len(sequence) == 1:
        result = function(sequence[0], state, *arguments)
    else:
        result = function(sequence[0], sequence[1], state, *arguments)
    return result
