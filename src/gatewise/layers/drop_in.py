"""Drop-ins for `torch.nn.RNN`, `GRU` and `LSTM`: change the import, keep the code, the checkpoints and the results."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from gatewise.cells.registry import find
from gatewise.cells.spec import Cell
from gatewise.layers.errors import InputError
from gatewise.layers.lengths import Lengths
from gatewise.layers.stack import Stack


class DropIn(Stack):
    """What the drop-ins share: torch's attributes beside those of every stack; not used by itself."""

    def __init__(
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
        runner: str,
        proj_size: int = 0,
    ) -> None:
        super().__init__(
            cell,
            input_size,
            hidden_size,
            num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            proj_size=proj_size,
            runner=runner,
            device=device,
            dtype=dtype,
        )

    @property
    def mode(self) -> str:
        """torch's word for the kind of layer: "RNN_TANH", "RNN_RELU", "LSTM" or "GRU"."""
        return (self.cell.torch_twin() or self.cell.name).upper()

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction, in torch's order."""
        return [list(self.weights(layer, reverse).values()) for layer, reverse in self._levels()]

    def flatten_parameters(self) -> None:
        """Nothing; here because code written for torch calls it (the runner arranges the weights as it needs them)."""


class OneState(DropIn):
    """What the drop-ins whose only state is h share; not used by itself."""

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None, *, lengths: Lengths | None = None
    ) -> tuple[Tensor | PackedSequence, Tensor]:
        """Run whole sequences.

        Args:
            input: [T, B, X] ([B, T, X] with ``batch_first``), or [T, X], or a PackedSequence.
            hx: [S, B, H] ([S, H] for one sequence) before the first step; None is zeros.
            lengths: of each sequence, 0 to T, in any order.

        Returns:
            The output, of the kind of the input, and h_n of the shape of ``hx``.

        Raises:
            InputError: a shape, dtype, device or length that does not fit.
        """
        state = None if hx is None else {"hidden": hx}
        output, final, _ = self._run(input, state, lengths, labels={"hidden": "hx"})
        return output, final["hidden"]


class RNN(OneState):
    """`torch.nn.RNN`, with ``lengths=``: h' = f(W x + b_W + R h + b_R), f = tanh or ReLU.

    Letters: B batch, T time, X input, H hidden, S = layers * directions.

    Args:
        input_size: X, at least 1.
        hidden_size: H, at least 1.
        num_layers: layers over each other, at least 1.
        nonlinearity: "tanh" or "relu" (and "sigmoid", which torch has not).
        bias: whether there are biases.
        batch_first: tensors with a batch axis are [B, T, X] instead of [T, B, X].
        dropout: rate 0 to 1 between layers.
        bidirectional: a second set of parameters reads every sequence from its own end.
        device: of the parameters.
        dtype: of the parameters.
        proj_size: 0; a projection is for LSTM only, as in torch.
        runner: ``"auto"``, or the only one allowed to run: ``"reference"``, ``"torch"``, ``"fused"``.

    Raises:
        SettingError: an argument out of its range.

    Example:
        >>> output, h_n = RNN(3, 4)(torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(h_n.shape)
        ((5, 2, 4), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        proj_size: int = 0,
        runner: str = "auto",
    ) -> None:
        cell = find("rnn", nonlinearity=nonlinearity)
        self.nonlinearity = nonlinearity
        super().__init__(
            cell,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            runner,
            proj_size,
        )


class GRU(OneState):
    """`torch.nn.GRU`, with ``lengths=``: the gated recurrent unit whose reset gate acts after the recurrent product.

    Letters: B batch, T time, X input, H hidden, S = layers * directions.

    Args:
        input_size: X, at least 1.
        hidden_size: H, at least 1.
        num_layers: layers over each other, at least 1.
        bias: whether there are biases.
        batch_first: tensors with a batch axis are [B, T, X] instead of [T, B, X].
        dropout: rate 0 to 1 between layers.
        bidirectional: a second set of parameters reads every sequence from its own end.
        device: of the parameters.
        dtype: of the parameters.
        proj_size: 0; a projection is for LSTM only, as in torch.
        runner: ``"auto"``, or the only one allowed to run: ``"reference"``, ``"torch"``, ``"fused"``.

    Raises:
        SettingError: an argument out of its range.

    Example:
        >>> output, h_n = GRU(3, 4, num_layers=2)(torch.randn(5, 2, 3), lengths=[0, 5])
        >>> tuple(output.shape), tuple(h_n.shape)
        ((5, 2, 4), (2, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        proj_size: int = 0,
        runner: str = "auto",
    ) -> None:
        cell = find("gru")
        super().__init__(
            cell,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            runner,
            proj_size,
        )


class LSTM(DropIn):
    """`torch.nn.LSTM`, with ``lengths=``; with ``proj_size`` the hidden state is projected from H to P.

    The forget bias is torch's (uniform); `Recurrent` ("lstm") starts it at 1.
    Letters: B batch, T time, X input, H hidden, P projection, S = layers * directions.

    Args:
        input_size: X, at least 1.
        hidden_size: H, at least 1.
        num_layers: layers over each other, at least 1.
        bias: whether there are biases.
        batch_first: tensors with a batch axis are [B, T, X] instead of [T, B, X].
        dropout: rate 0 to 1 between layers.
        bidirectional: a second set of parameters reads every sequence from its own end.
        proj_size: P, 0 (none) to H - 1.
        device: of the parameters.
        dtype: of the parameters.
        runner: ``"auto"``, or the only one allowed to run: ``"reference"``, ``"torch"``, ``"fused"``.

    Raises:
        SettingError: an argument out of its range.

    Example:
        >>> output, (h_n, c_n) = LSTM(3, 4, proj_size=2)(torch.randn(5, 2, 3))
        >>> tuple(output.shape), tuple(h_n.shape), tuple(c_n.shape)
        ((5, 2, 2), (1, 2, 2), (1, 2, 4))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        runner: str = "auto",
    ) -> None:
        cell = find("projected_lstm" if proj_size else "lstm", forget_bias=None)
        super().__init__(
            cell,
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device,
            dtype,
            runner,
            proj_size,
        )

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
        *,
        lengths: Lengths | None = None,
    ) -> tuple[Tensor | PackedSequence, tuple[Tensor, Tensor]]:
        """Run whole sequences.

        Args:
            input: [T, B, X] ([B, T, X] with ``batch_first``), or [T, X], or a PackedSequence.
            hx: (h_0 [S, B, H or P], c_0 [S, B, H]) before the first step (without B for one sequence); None is zeros.
            lengths: of each sequence, 0 to T, in any order.

        Returns:
            The output, of the kind of the input, and (h_n, c_n) of the shapes of ``hx``.

        Raises:
            InputError: a shape, dtype, device or length that does not fit.
        """
        state = None if hx is None else _named_pair(hx, self._where)
        output, final, _ = self._run(input, state, lengths, labels={"hidden": "h_0", "memory": "c_0"})
        return output, (final["hidden"], final["memory"])


def _named_pair(hx: object, where: str) -> dict[str, Tensor]:
    if not isinstance(hx, tuple | list) or len(hx) != 2:
        count = f" of {len(hx)}" if isinstance(hx, tuple | list) else ""
        raise InputError(f"hx came as {type(hx).__name__}{count}", where=where, fix="give the pair (h_0, c_0), or None")
    return {"hidden": hx[0], "memory": hx[1]}
