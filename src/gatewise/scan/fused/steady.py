"""Weights that do not change for a while: the engine makes what it needs of them once, and runs a layer in one call.

Letters: N rows of all time steps, B sequences, X input, D directions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.errors import ShapeError
from gatewise.scan import _engine
from gatewise.scan.fused.runner import chosen_instruction_set, engine_of, units_of
from gatewise.scan.transforms import transform_of

_KINDS: dict[torch.dtype, Any] = {torch.float32: _engine.Steady32, torch.float64: _engine.Steady64}


class SteadyLayer:
    """A cell over sequences in one direction or both, without gradients.

    Args:
        cell: one that the engine can run, with these weights.
        directions: the parameters by the cell's names, forwards and perhaps backwards; they must not change while this
            lives.
        input_size: X.
        state_widths: the width of each state, by name.

    Example:
        >>> from gatewise.cells import find
        >>> cell = find("gru")
        >>> weights = {name: torch.ones(spec.shape) for name, spec in cell.parameters(3, 5).items()}
        >>> outputs, final = SteadyLayer(cell, [weights], 3, {"hidden": 5})(
        ...     torch.zeros(4, 3), (2, 1, 1), {"hidden": torch.zeros(1, 2, 5)}
        ... )
        >>> outputs.shape, final["hidden"].shape
        (torch.Size([4, 5]), torch.Size([1, 2, 5]))
    """

    def __init__(
        self,
        cell: Cell,
        directions: Sequence[Mapping[str, Tensor]],
        input_size: int,
        state_widths: Mapping[str, int],
    ) -> None:
        engine = engine_of(cell, bias=len(directions[0]) == len(cell.declared()))
        program = engine.program
        vectors = [[_memory(weights[one.name]) for one in program.vectors] for weights in directions]
        matrices = [[_memory(weights[one.name]) for one in program.matrices] for weights in directions]
        x = matrices[0][0].new_empty(0, input_size)
        self.dtype = x.dtype
        self.states = [state.name for state in program.states]
        states = [x.new_empty(0, state_widths[name]) for name in self.states]
        self._layer = _KINDS[self.dtype](
            engine.code,
            units_of(engine, x, states, vectors[0], matrices[0]),
            chosen_instruction_set(),
            [[one.numpy() for one in direction] for direction in vectors],
            [[one.numpy() for one in direction] for direction in matrices],
        )

    def runs(self, rows: Tensor) -> bool:
        """Whether it may be called with these rows: an ordinary call, of its own type of numbers, without gradients."""
        return (
            rows.dtype == self.dtype
            and rows.device.type == "cpu"
            and not torch.is_grad_enabled()
            and not torch.is_autocast_enabled("cpu")
            and not transform_of((rows,)).name
        )

    def __call__(
        self, rows: Tensor, batch_sizes: Sequence[int], initial: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run all time steps.

        Args:
            rows: [N, X], time step after time step.
            batch_sizes: how many sequences run at each time step, never growing, the longest first.
            initial: state -> [D, B, width].

        Returns:
            The outputs of the directions side by side, [N, D * width], and the final states, each [D, B, width].

        Raises:
            ShapeError: numbers of another type than the weights.
            Refusal: sizes that do not go together.
        """
        given = {name: _memory(initial[name]) for name in self.states}
        self._check_types(rows, given)
        directions, _, width = given[self.states[0]].shape
        outputs = rows.new_empty(rows.size(0), directions * width)
        final = {name: torch.empty_like(state) for name, state in given.items()}
        self._layer.forward(
            batch_sizes,
            torch.get_num_threads(),
            _memory(rows).numpy(),
            [state.numpy() for state in given.values()],
            outputs.numpy(),
            [state.numpy() for state in final.values()],
        )
        return outputs, final

    def _check_types(self, rows: Tensor, initial: Mapping[str, Tensor]) -> None:
        """Refuse another type of numbers: the engine would fill a copy, and what is returned stay unset."""
        for name, given in {"x": rows, **initial}.items():
            if given.dtype != self.dtype:
                message = f"{name} is {given.dtype}, the weights {self.dtype}"
                raise ShapeError(message, where="SteadyLayer", fix=f"convert it, .to({self.dtype})")


def _memory(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous()
