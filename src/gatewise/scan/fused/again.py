"""Gradients through the equation once more, for whatever wants to look into them: second derivatives, batches of them.

The engine's backward pass is no operation of torch, so torch cannot differentiate it. Where somebody will, the
reference runner computes the scan again from what it was given, and torch differentiates that, to any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.errors import SettingError
from gatewise.scan.noise import Zoneout
from gatewise.scan.packed import Packed
from gatewise.scan.reference import run_reference
from gatewise.scan.stored.cell import program_in


@dataclass(frozen=True)
class Again:
    """A scan that can be computed once more by the reference runner.

    Args:
        cell: the cell.
        batch_sizes: of its sequences.
        zoneout: as the scan had it; ``kept`` has seen it.
        reverse: whether time ran backwards.
        keep_states: whether all states of all steps were asked for.
        low: whether products were rounded to bfloat16, which the equation would do in other places.
    """

    cell: Cell
    batch_sizes: tuple[int, ...]
    zoneout: Zoneout | None
    reverse: bool
    keep_states: bool
    low: bool

    def gradients(
        self,
        names: Sequence[str],
        tensors: Sequence[Tensor],
        needed: Sequence[bool],
        outcomes: Sequence[Tensor | None],
        what: str,
    ) -> list[Tensor | None]:
        """The gradients of a scan with respect to what it was given, as operations that torch can follow.

        Args:
            names: of the states, then of the parameters.
            tensors: x, then one for each name.
            needed: which of the tensors want a gradient.
            outcomes: the gradients of all states of all steps (or of the outputs alone), then of the final states.
            what: what the engine cannot do, for the message.

        Returns:
            one for each tensor, None where it is not needed; differentiable where gradients are recorded.

        Raises:
            SettingError: the scan was one of bfloat16, or its cell has no equation.
        """
        self._check(what)
        record = torch.is_grad_enabled()
        with torch.enable_grad(), torch.autocast("cpu", enabled=False):
            # a view for each, so that a tensor that stands in two places, or is made of another, has its own gradient
            apart = [tensor.view_as(tensor) if need else tensor for tensor, need in zip(tensors, needed, strict=True)]
            pairs = [
                (result, gradient)
                for result, gradient in zip(self._results(names, apart), outcomes, strict=True)
                if result is not None and gradient is not None and result.requires_grad
            ]
            wanted = [tensor for tensor, need in zip(apart, needed, strict=True) if need]
            results, given = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            found = torch.autograd.grad(results, wanted, given, create_graph=record, materialize_grads=True)
        made = iter(found)
        return [next(made) if need else None for need in needed]

    def _check(self, what: str) -> None:
        if self.low:
            fix = 'leave autocast, or give runner="reference"'
            raise SettingError(f"the fused runner has no {what} under autocast", where="runner", fix=fix)
        if program_in(self.cell) is not None:
            message = f"the fused runner has no {what} for a cell that is known by its program only"
            raise SettingError(message, where="runner", fix="load the model with the code of its cell")

    def _results(self, names: Sequence[str], tensors: Sequence[Tensor]) -> list[Tensor | None]:
        """All states of all steps (or the outputs alone) and the final states, in the order of their names."""
        count = len(self.cell.state)
        states = names[:count]
        initial = dict(zip(states, tensors[1 : count + 1], strict=True))
        parameters = dict(zip(names[count:], tensors[count + 1 :], strict=True))
        scan = run_reference(
            self.cell,
            parameters,
            Packed(tensors[0], self.batch_sizes),
            initial,
            reverse=self.reverse,
            zoneout=self.zoneout,
            keep_states=self.keep_states,
        )
        every = scan.states or {self.cell.output_state: scan.outputs}
        return [*(every.get(name) for name in states), *(scan.final[name] for name in states)]


def kept(zoneout: Zoneout | None) -> Zoneout | None:
    """The zoneout as it is now, whatever is written to its tensor before the backward pass."""
    return zoneout and replace(zoneout, rates=dict(zoneout.rates), rows=zoneout.rows.clone())
