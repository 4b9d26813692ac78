"""The torch runner: torch's own kernels (cuDNN, oneDNN, ATen) for the cells that are exactly torch's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.scan.packed import Packed
from gatewise.scan.result import Scan

ONEDNN_SUPPORT = {torch.bfloat16: "_is_mkldnn_bf16_supported", torch.float16: "_is_mkldnn_fp16_supported"}
"""The question to torch.ops.mkldnn whether this processor has kernels of a dtype."""


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
        the scan, in the dtypes that torch returns (under autocast, a lower precision for some cells).
    """
    names = [declared.name for declared in cell.declared() if declared.name in parameters]
    bias = len(names) == len(cell.declared())
    weights = side_by_side(names, parameters) if x.data.is_cuda else [parameters[name] for name in names]
    begin = [initial[name].unsqueeze(0).contiguous() for name in cell.state]
    if cell.has_projection and x.data.device.type == "cpu" and not torch.compiler.is_dynamo_compiling():
        _hear_projection_warning()
    call = _Twin(cell, begin, (weights, bias, 1, 0.0, torch.is_grad_enabled(), False))
    sequences = Packed(_castable(x.data), x.batch_sizes)
    outputs, final = (_padded if x.uniform else _packed)(call, sequences, reverse)
    states = {cell.output_state: outputs} if keep_states else None
    return Scan(outputs, dict(zip(cell.state, final, strict=True)), states, "torch")


class _Twin:
    """``torch._VF.lstm`` and its like: one layer, one direction, no dropout."""

    def __init__(self, cell: Cell, begin: list[Tensor], arguments: tuple[object, ...]) -> None:
        self._function: Any = getattr(torch._VF, str(cell.torch_twin()))
        self._begin = tuple(begin) if len(begin) > 1 else begin[0]
        self._arguments = arguments

    def __call__(self, *sequence: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Outputs and final states, for ([T, B, X]) or for ([N, X], batch sizes)."""
        layout = (False,) if len(sequence) == 1 else ()  # batch_first, which only the padded call has
        outputs, *final = self._function(*sequence, self._begin, *self._arguments, *layout)
        return outputs, [state.squeeze(0) for state in final]


def _padded(call: _Twin, x: Packed, reverse: bool) -> tuple[Tensor, list[Tensor]]:
    sequence = x.data.view(len(x.batch_sizes), x.rows, x.data.size(1))
    outputs, final = call(sequence.flip(0) if reverse else sequence)
    return (outputs.flip(0) if reverse else outputs).flatten(0, 1), final


def _packed(call: _Twin, x: Packed, reverse: bool) -> tuple[Tensor, list[Tensor]]:
    order = x.reversal() if reverse else None
    outputs, final = call(x.data if order is None else x.data.index_select(0, order), torch.tensor(x.batch_sizes))
    return outputs if order is None else outputs.index_select(0, order), final


def _castable(data: Tensor) -> Tensor:
    """The input, in autocast's precision where oneDNN has no recurrent kernel of it on this processor.

    Given float32 under autocast, torch goes to oneDNN and raises there; given what autocast would make of it, it does
    not.
    """
    if data.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return data
    low = torch.get_autocast_dtype("cpu")
    supported = low not in ONEDNN_SUPPORT or getattr(torch.ops.mkldnn, ONEDNN_SUPPORT[low])()
    return data if supported else data.to(low)


@cache
def _hear_projection_warning() -> None:
    """Let torch say once, unheard, that oneDNN has no projection: it says so on the first such call of a process."""
    tiny = torch.ones(1, 1, 1), (torch.ones(1, 1, 1), torch.ones(1, 1, 2))
    weights = [torch.ones(8, 1), torch.ones(8, 1), torch.ones(1, 2)]
    with warnings.catch_warnings(), torch.autocast("cpu", enabled=False):
        warnings.filterwarnings("ignore", message="LSTM with projections is not supported with oneDNN")
        torch._VF.lstm(*tiny, weights, False, 1, 0.0, False, False, False)


def side_by_side(names: list[str], parameters: Mapping[str, Tensor]) -> list[Tensor]:
    """Copies of the parameters in one piece of memory, weights before biases, as cuDNN expects them.

    It would copy them itself at every call, with a warning; here weights that a layer has just dropped out are no
    special case.
    """
    order = sorted(names, key=lambda name: name.startswith("bias"))
    flat = torch.cat([parameters[name].flatten() for name in order])
    pieces = torch.split(flat, [parameters[name].numel() for name in order])
    views = {name: piece.view_as(parameters[name]) for name, piece in zip(order, pieces, strict=True)}
    return [views[name] for name in names]
