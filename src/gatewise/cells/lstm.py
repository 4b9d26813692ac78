"""Long short-term memory: the cell of ``torch.nn.LSTM``."""

from __future__ import annotations

from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Parameters, States


class LSTM(Cell):
    """Long short-term memory with input, forget and output gate.

    ::

        i = sigmoid(W_i x + R_i h + b_i)        input gate
        f = sigmoid(W_f x + R_f h + b_f)        forget gate
        g = tanh(W_g x + R_g h + b_g)           new memory
        o = sigmoid(W_o x + R_o h + b_o)        output gate
        c' = f c + i g
        h' = o tanh(c')

    Source: Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000; CS224n notes
    (2019), part V, section 4. The gates lie in torch's order i f g o, and as in torch there are two biases, of W and
    of R. Of the rival LSTMs this is the one without peepholes (see ``peephole_lstm``).

    Initialisation: U(-1/sqrt(H), 1/sqrt(H)), then the bias of the forget gate is ``forget_bias`` in all (Gers et al.
    2000; Jozefowicz, Zaremba & Sutskever 2015). None leaves what torch draws, bit for bit.

    Args:
        forget_bias: the bias of the forget gate at the start, or None.

    Example:
        >>> list(LSTM().parameters(input_size=3, hidden_size=5))
        ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh']
    """

    W = Input(("input", "forget", "cell", "output"))
    R = Matrix("H", ("input", "forget", "cell", "output"), bias=True)
    forget_bias: float | None = 1.0

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The equation above, for one time step."""
        gate = x + p.R(s.hidden)
        i, f, o = sigmoid(gate.input), sigmoid(gate.forget), sigmoid(gate.output)
        memory = f * s.memory + i * tanh(gate.cell)
        return s.next(hidden=o * tanh(memory), memory=memory)

    def initialise(self, p: Parameters) -> None:
        """Open the forget gate: b_W = forget_bias, b_R = 0."""
        if self.forget_bias is not None:
            p.W.bias.forget.fill_(self.forget_bias)
            p.R.bias.forget.fill_(0.0)

    def torch_twin(self) -> str:
        """``torch.nn.LSTM``."""
        return "lstm"
