"""Gated recurrent unit, reset after the recurrent product: the cell of ``torch.nn.GRU``."""

from __future__ import annotations

from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Parameters, States


class GRU(Cell):
    """Gated recurrent unit with the reset gate applied after the recurrent product.

    ::

        r = sigmoid(W_r x + R_r h + b_r)                reset ("relevance") gate
        z = sigmoid(W_z x + R_z h + b_z)                update gate
        n = tanh(W_n x + b_Wn + r (R_n h + b_Rn))       new memory: r multiplies the product
        h' = (1 - z) n + z h

    Source: Cho et al. 2014 in its first version (arXiv:1406.1078v1), with the second bias of torch and cuDNN.

    Which GRU: reset *after* the product, as in torch and cuDNN, and as the CS224n notes (2019), part V, section 3,
    print it: tanh(r o U h + W x). ``cho_gru`` resets before the product, as the later versions of the paper do. Which
    z: here z = 1 *keeps the old* state, as in torch, Cho et al. and the notes. Chung et al. 2014 (arXiv:1412.3555),
    and ``simple_gru``, have it the other way round: there the update gate at 1 takes the new.

    The gates lie in torch's order r z n.

    Initialisation: U(-1/sqrt(H), 1/sqrt(H)), bit for bit torch's.

    Example:
        >>> GRU().parameters(3, 5)["weight_hh"].shape
        (15, 5)
    """

    state = {"hidden": "H"}
    W = Input(("reset", "update", "new"))
    R = Matrix("H", ("reset", "update", "new"), bias=True)

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The equation above, for one time step."""
        h = p.R(s.hidden)
        r = sigmoid(x.reset + h.reset)
        z = sigmoid(x.update + h.update)
        n = tanh(x.new + r * h.new)
        return s.next(hidden=n + z * (s.hidden - n))

    def torch_twin(self) -> str:
        """``torch.nn.GRU``."""
        return "gru"
