"""LSTM with a recurrent projection: the cell of ``torch.nn.LSTM(proj_size=...)``."""

from __future__ import annotations

from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Parameters, States


class ProjectedLSTM(Cell):
    """Long short-term memory whose hidden state is projected from H to P units before it is used.

    ::

        i, f, o = sigmoid(W x + R h + b)        each its own rows; h has P units
        g = tanh(W_g x + R_g h + b_g)
        c' = f c + i g                          H units
        h' = Q (o tanh(c'))                     P units, the output

    Source: Sak, Senior & Beaufays 2014 (arXiv:1402.1128), the LSTMP of section 2, of which torch leaves out the
    peepholes and the non-recurrent projection; this is torch's form, ``weight_hr`` being Q.

    Initialisation: as ``lstm``; with ``forget_bias=None`` bit for bit torch's.

    Args:
        forget_bias: the bias of the forget gate at the start, or None.

    Example:
        >>> ProjectedLSTM().parameters(3, 5, proj_size=2)["weight_hr"].shape
        (2, 5)
    """

    state = {"hidden": "P", "memory": "H"}
    W = Input(("input", "forget", "cell", "output"))
    R = Matrix("P", ("input", "forget", "cell", "output"), bias=True)
    Q = Matrix("H", "P")
    forget_bias: float | None = 1.0

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The equation above, for one time step."""
        gate = x + p.R(s.hidden)
        i, f, o = sigmoid(gate.input), sigmoid(gate.forget), sigmoid(gate.output)
        memory = f * s.memory + i * tanh(gate.cell)
        return s.next(hidden=p.Q(o * tanh(memory)), memory=memory)

    def initialise(self, p: Parameters) -> None:
        """Open the forget gate: b_W = forget_bias, b_R = 0."""
        if self.forget_bias is not None:
            p.W.bias.forget.fill_(self.forget_bias)
            p.R.bias.forget.fill_(0.0)

    def torch_twin(self) -> str:
        """``torch.nn.LSTM`` with ``proj_size``."""
        return "lstm"
