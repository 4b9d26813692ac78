"""The plain recurrent network, with three nonlinearities and the identity start of IRNN."""

from __future__ import annotations

from typing import Literal

from gatewise.cells.functions import relu, sigmoid, tanh
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Parameters, States

FUNCTIONS = {"tanh": tanh, "relu": relu, "sigmoid": sigmoid}


class RNN(Cell):
    """The plain (Elman) recurrent network.

    ::

        h' = f(W x + R h + b)

    Source: Elman 1990; CS224n notes (2019), part V, eq. 5, where f is the sigmoid. Tanh and ReLU are those of
    ``torch.nn.RNN``, which has two biases, of W and of R, and so have we.

    Initialisation: ``start="uniform"`` is U(-1/sqrt(H), 1/sqrt(H)), bit for bit torch's. ``start="identity"`` is,
    with ReLU, the IRNN of Le, Jaitly & Hinton 2015 (arXiv:1504.00941): R = 1, b = 0, and W drawn from a
    normal distribution with standard deviation 0.001.

    Args:
        nonlinearity: f.
        start: how the parameters begin: drawn uniformly, or with R = 1.

    Example:
        >>> RNN(nonlinearity="relu", start="identity").torch_twin()
        'rnn_relu'
    """

    state = {"hidden": "H"}
    W = Input(("hidden",))
    R = Matrix("H", ("hidden",), bias=True)
    nonlinearity: Literal["tanh", "relu", "sigmoid"] = "tanh"
    start: Literal["uniform", "identity"] = "uniform"

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The equation above, for one time step."""
        return s.next(hidden=FUNCTIONS[self.nonlinearity]((x + p.R(s.hidden)).hidden))

    def initialise(self, p: Parameters) -> None:
        """The identity start, when asked for."""
        if self.start == "identity":
            p.W.weight.hidden.normal_(0.0, 0.001)
            p.W.bias.hidden.zero_()
            p.R.weight.hidden.zero_().fill_diagonal_(1.0)
            p.R.bias.hidden.zero_()

    def torch_twin(self) -> str | None:
        """``torch.nn.RNN``, which has no sigmoid."""
        return None if self.nonlinearity == "sigmoid" else f"rnn_{self.nonlinearity}"
