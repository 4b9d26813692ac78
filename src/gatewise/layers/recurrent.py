"""The general recurrent layer: any cell, any depth, one direction or both, every kind of batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.cells.registry import find
from gatewise.cells.spec import Cell
from gatewise.layers.errors import ArgumentError, InputError
from gatewise.layers.lengths import Lengths
from gatewise.layers.stack import Stack
from gatewise.layers.states import States


class Recurrent(Stack):
    """Run a cell over sequences: h_t = step(x_t, h_{t-1}), layer over layer, in one direction or both.

    Letters: B batch, T time, X input, H hidden, P projection, S = layers * directions, N rows of a PackedSequence.

    Args:
        cell: a registered name (``gatewise.cells.registry.CELLS``) or a cell with its constants, also one of your own.
        input_size: X, at least 1.
        hidden_size: H, at least 1.
        num_layers: how many layers stand over each other, at least 1.
        bias: whether the cell's biases are there.
        batch_first: tensors with a batch axis are [B, T, X] instead of [T, B, X]; states are not concerned.
        dropout: rate 0 to 1 at which each number between two layers is set to zero.
        bidirectional: a second set of parameters reads every sequence from its own end; outputs stand side by side.
        proj_size: P, for cells with a projection.
        residual: every layer but the first adds the output of the layer below to its own; needs ``num_layers`` >= 2.
        locked_dropout: rate 0 to 1; as dropout, but with one mask for all time steps of a sequence.
        weight_dropout: rate 0 to 1 at which each weight of the recurrent matrices is zero for a whole forward pass.
        zoneout: rate 0 to 1 at which a unit keeps its old state at a step; one number or a mapping from state to rate.
        initial_state: what None as state means: ``"zero"``, or ``"learned"`` parameters ``initial_<state>`` [S, width].
        runner: ``"auto"``, or the only one allowed to run: ``"reference"``, ``"torch"``, ``"fused"``. ``repr`` says
            which and why, ``runner_used`` which one it was; one step without gradient on a CPU is left to the
            reference by "auto", and so is what runs under torch.func or its like where torch's kernels cannot. Second
            derivatives through "fused" are right and take the reference's time; under autocast it has none.
        device: of the parameters.
        dtype: of the parameters.

    Raises:
        SettingError: an argument out of its range, or arguments that do not go together.

    Sources: dropout Zaremba et al. 2014; locked dropout Gal & Ghahramani 2016; weight dropout Merity et al. 2018;
    zoneout Krueger et al. 2017; residual connections Wu et al. 2016 (arXiv:1609.08144v2), section 3.1.

    Example:
        >>> layer = Recurrent("gru", 3, 4)
        >>> output, state = layer(torch.randn(5, 2, 3), lengths=[1, 5])
        >>> tuple(output.shape), tuple(state["hidden"].shape)
        ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        cell: Cell | str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        residual: bool = False,
        locked_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        zoneout: float | Mapping[str, float] = 0.0,
        initial_state: Literal["zero", "learned"] = "zero",
        runner: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if initial_state not in ("zero", "learned"):
            message = f"initial_state must be 'zero' or 'learned', but {initial_state!r} was given"
            raise ArgumentError(message, where="Recurrent")
        super().__init__(
            _cell(cell),
            input_size,
            hidden_size,
            num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            proj_size=proj_size,
            residual=residual,
            locked_dropout=locked_dropout,
            weight_dropout=weight_dropout,
            zoneout=zoneout,
            learned_start=initial_state == "learned",
            runner=runner,
            device=device,
            dtype=dtype,
        )

    def extra_repr(self) -> str:
        """The cell with its constants, the sizes, whatever differs from the default, and the runner with the reason."""
        return f"{self.cell!r}, {super().extra_repr()}"

    def forward(
        self,
        input: Tensor | PackedSequence,
        state: Mapping[str, Tensor] | None = None,
        *,
        lengths: Lengths | None = None,
    ) -> tuple[Tensor | PackedSequence, States]:
        """Run whole sequences.

        Args:
            input: [T, B, X] ([B, T, X] with ``batch_first``), or one sequence [T, X], or a PackedSequence.
            state: name -> [S, B, width] ([S, width] for one sequence) at the start; None as ``initial_state`` says.
            lengths: of each sequence, 0 to T, in any order; what stands beyond is never read.

        Returns:
            The output, of the same kind and order as the input, zeros beyond the lengths; and the state after each
            sequence's own last step, which for length 0 is the initial one.

        Raises:
            ShapeError: the input, the state or the lengths do not fit the layer or each other.

        Example:
            >>> layer = Recurrent("lstm", 3, 4, bidirectional=True, batch_first=True)
            >>> output, state = layer(torch.randn(2, 5, 3))
            >>> tuple(output.shape), {name: tuple(value.shape) for name, value in state.items()}
            ((2, 5, 8), {'hidden': (2, 2, 4), 'memory': (2, 2, 4)})
        """
        output, final, _ = self._run(input, state, lengths)
        return output, final

    def trajectory(
        self,
        input: Tensor | PackedSequence,
        state: Mapping[str, Tensor] | None = None,
        *,
        lengths: Lengths | None = None,
    ) -> tuple[Tensor | PackedSequence, States, States]:
        """Run whole sequences and return every state after every step.

        Args and errors as of `forward`.

        Returns:
            Output and final state as `forward` returns them, and name -> [S, T, B, width] ([S, T, width] for one
            sequence; [S, N, width] in the order of its rows for a PackedSequence), zeros beyond the lengths.

        Example:
            >>> layer = Recurrent("lstm", 3, 4)
            >>> output, state, states = layer.trajectory(torch.randn(5, 2, 3))
            >>> tuple(states["memory"].shape), torch.equal(states["memory"][:, -1], state["memory"])
            ((1, 5, 2, 4), True)
        """
        output, final, states = self._run(input, state, lengths, keep_states=True)
        return output, final, states or {}

    def step(self, input: Tensor, state: Mapping[str, Tensor] | None = None) -> tuple[Tensor, States]:
        """Run one time step, for text that comes word by word.

        Args:
            input: [B, X].
            state: name -> [S, B, width] as the step before returned it; None at the start.

        Returns:
            The output [B, output_size] and the state to hand to the next step.

        Raises:
            ShapeError: the input or the state does not fit; the layer is bidirectional; or it is in training with a
                mask that would have to outlive the step (locked and weight dropout).

        Example:
            >>> layer = Recurrent("gru", 3, 4)
            >>> output, state = layer.step(torch.randn(2, 3))
            >>> output, state = layer.step(torch.randn(2, 3), state)
            >>> tuple(output.shape)
            (2, 4)
        """
        if self.bidirectional:
            message = "a bidirectional layer needs the whole sequence"
            raise InputError(message, where="Recurrent.step", fix="call the layer itself")
        if self.training and (self.locked_dropout or self.weight_dropout):
            message = "locked and weight dropout keep their masks over a sequence, which a single step has not"
            raise InputError(message, where="Recurrent.step", fix="call .eval() first")
        if not isinstance(input, Tensor) or input.dim() != 2:
            message = "the input of one step is not a tensor of two axes"
            raise InputError(message, where="Recurrent.step", fix="give [batch, features]")
        output, final, _ = self._run(input.unsqueeze(1 if self.batch_first else 0), state, None)
        assert isinstance(output, Tensor)
        return output.squeeze(1 if self.batch_first else 0), final

    def start(self, batch: int) -> States:
        """The state that None stands for, for ``batch`` sequences: name -> [S, batch, width].

        Example:
            >>> Recurrent("gru", 3, 4).start(2)["hidden"].shape
            torch.Size([1, 2, 4])
        """
        return self.initial_states(batch, next(iter(self.weights(0).values())))


def _cell(cell: object) -> Cell:
    if isinstance(cell, str):
        return find(cell)
    if not isinstance(cell, Cell):
        came = f"the class {cell.__name__}" if isinstance(cell, type) else type(cell).__name__
        fix = "give a name, or a cell such as MyCell()"
        raise ArgumentError(f"the cell came as {came}", where="Recurrent", fix=fix)
    return cell
