"""LSTM whose gates see the memory, in the two forms that are both called so."""

from __future__ import annotations

from typing import Literal

from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Parameters, States, Vector


class PeepholeLSTM(Cell):
    """Long short-term memory with peepholes: each gate also sees the memory, unit by unit.

    ::

        i = sigmoid(W_i x + R_i h + p_i c + b_i)
        f = sigmoid(W_f x + R_f h + p_f c + b_f)
        c' = f c + i tanh(W_g x + R_g h + b_g)
        o = sigmoid(W_o x + R_o h + p_o c* + b_o)       c* = c or c'
        h' = o tanh(c')

    Source: Gers & Schraudolph 2000, Recurrent nets that time and count; Graves 2013 (arXiv:1308.0850), eq. 7-11.

    Which peephole: ``output_sees="new"`` is c* = c', the memory just made, as in both sources.
    ``output_sees="previous"`` is c* = c: every gate sees the same, previous memory. The p are vectors: a gate sees
    the memory of its own unit only.

    Initialisation: U(-1/sqrt(H), 1/sqrt(H)), then the bias of the forget gate as in ``lstm``.

    Args:
        output_sees: which memory the output gate sees.
        forget_bias: the bias of the forget gate at the start, or None for what was drawn.

    Example:
        >>> PeepholeLSTM().parameters(3, 5)["vector_peep"].shape
        (15,)
    """

    W = Input(("input", "forget", "cell", "output"))
    R = Matrix("H", ("input", "forget", "cell", "output"), bias=True)
    peep = Vector("input", "forget", "output")
    output_sees: Literal["new", "previous"] = "new"
    forget_bias: float | None = 1.0

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The equation above, for one time step."""
        gate = x + p.R(s.hidden)
        i = sigmoid(gate.input + p.peep.input * s.memory)
        f = sigmoid(gate.forget + p.peep.forget * s.memory)
        memory = f * s.memory + i * tanh(gate.cell)
        seen = memory if self.output_sees == "new" else s.memory
        o = sigmoid(gate.output + p.peep.output * seen)
        return s.next(hidden=o * tanh(memory), memory=memory)

    def initialise(self, p: Parameters) -> None:
        """Open the forget gate: b_W = forget_bias, b_R = 0."""
        if self.forget_bias is not None:
            p.W.bias.forget.fill_(self.forget_bias)
            p.R.bias.forget.fill_(0.0)
