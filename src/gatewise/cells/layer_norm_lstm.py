"""LSTM with layer normalisation of both products and of the memory."""

from __future__ import annotations

from typing import Literal

from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Norm, Parameters, States


class LayerNormLSTM(Cell):
    """Long short-term memory with layer normalisation.

    ::

        a = N_x(W x) + N_h(R h)                 i, f, g, o: N = normalise, times gain, plus shift
        i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o)
        c' = f c + i tanh(a_g)
        h' = o tanh(N_c(c'))

    Source: Ba, Kiros & Hinton 2016 (arXiv:1607.06450), supplementary material. Of its three vectors that are added
    to the same sum (the bias and the shifts of N_x and N_h) one is kept, the shift of N_x.

    Which norm: ``norm="all"`` takes mean and variance over all 4 H values of a product, as the paper writes it;
    ``norm="gate"`` over each gate's H values, as the LayerNormBasicLSTMCell of TensorFlow does (which normalises the
    sum W x + R h once; here, as in the paper, the two products are normalised apart).

    Initialisation: U(-1/sqrt(H), 1/sqrt(H)), gains 1, shifts 0, then the shift of the forget gate is ``forget_bias``.

    Args:
        norm: over what the products' mean and variance are taken.
        forget_bias: the shift of the forget gate at the start; None leaves it 0.

    Example:
        >>> [name for name in LayerNormLSTM().parameters(3, 5) if not name.startswith("weight")]
        ['gain_norm_x', 'shift_norm_x', 'gain_norm_h', 'gain_norm_c', 'shift_norm_c']
    """

    W = Input(("input", "forget", "cell", "output"), bias=False)
    R = Matrix("H", ("input", "forget", "cell", "output"))
    norm_x = Norm(("input", "forget", "cell", "output"))
    norm_h = Norm(("input", "forget", "cell", "output"), shift=False)
    norm_c = Norm(("memory",))
    norm: Literal["all", "gate"] = "all"
    forget_bias: float | None = 1.0

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The equation above, for one time step."""
        gate = p.norm_x(x, over=self.norm) + p.norm_h(p.R(s.hidden), over=self.norm)
        i, f, o = sigmoid(gate.input), sigmoid(gate.forget), sigmoid(gate.output)
        memory = f * s.memory + i * tanh(gate.cell)
        return s.next(hidden=o * tanh(p.norm_c(memory)), memory=memory)

    def initialise(self, p: Parameters) -> None:
        """Open the forget gate by the shift of N_x."""
        if self.forget_bias is not None:
            p.norm_x.shift.forget.fill_(self.forget_bias)
