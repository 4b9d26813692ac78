"""LSTM that forgets exactly as much as it takes in."""

from __future__ import annotations

from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Parameters, States


class CoupledLSTM(Cell):
    """Long short-term memory with coupled input and forget gate: f = 1 - i.

    ::

        i = sigmoid(W_i x + R_i h + b_i)
        o = sigmoid(W_o x + R_o h + b_o)
        c' = (1 - i) c + i tanh(W_g x + R_g h + b_g)
        h' = o tanh(c')

    Source: the variant CIFG of Greff et al. 2017, LSTM: A Search Space Odyssey (arXiv:1503.04069), without peepholes.

    Initialisation: U(-1/sqrt(H), 1/sqrt(H)), then the bias of the input gate is ``-forget_bias`` in all, because
    1 - sigmoid(a) = sigmoid(-a): the memory is kept as in ``lstm`` with the same ``forget_bias``.

    Args:
        forget_bias: the bias at the start of 1 - i, which forgets; None leaves what was drawn.

    Example:
        >>> CoupledLSTM().parameters(3, 5)["weight_hh"].shape
        (15, 5)
    """

    W = Input(("input", "cell", "output"))
    R = Matrix("H", ("input", "cell", "output"), bias=True)
    forget_bias: float | None = 1.0

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The equation above, for one time step."""
        gate = x + p.R(s.hidden)
        i, o = sigmoid(gate.input), sigmoid(gate.output)
        memory = s.memory + i * (tanh(gate.cell) - s.memory)
        return s.next(hidden=o * tanh(memory), memory=memory)

    def initialise(self, p: Parameters) -> None:
        """Keep the memory: b_W = -forget_bias, b_R = 0 in the input gate."""
        if self.forget_bias is not None:
            p.W.bias.input.fill_(-self.forget_bias)
            p.R.bias.input.fill_(0.0)
