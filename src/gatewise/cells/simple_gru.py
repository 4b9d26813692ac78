"""The gated unit with an update gate only."""

from __future__ import annotations

from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Parameters, States


class SimpleGRU(Cell):
    """Gated unit with an update gate and no reset gate.

    ::

        u = sigmoid(W_u x + R_u h + b_u)        update gate
        c = tanh(W_c x + R_c h + b_c)           candidate
        h' = u c + (1 - u) h

    Source: the simplified GRU of A. Ng's course Sequence Models (2018), week 1; there W [x, h] stands for W x + R h,
    hence one bias per gate.

    Which u: here u = 1 *takes the new* value, as in Chung et al. 2014 (arXiv:1412.3555). ``gru`` and ``cho_gru`` have
    it the other way round: there the update gate at 1 keeps the old.

    Initialisation: U(-1/sqrt(H), 1/sqrt(H)).

    Example:
        >>> list(SimpleGRU().parameters(3, 5))
        ['weight_ih', 'weight_hh', 'bias_ih']
    """

    state = {"hidden": "H"}
    W = Input(("update", "candidate"))
    R = Matrix("H", ("update", "candidate"))

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The equation above, for one time step."""
        gate = x + p.R(s.hidden)
        u = sigmoid(gate.update)
        return s.next(hidden=s.hidden + u * (tanh(gate.candidate) - s.hidden))
