"""Gated recurrent unit as Cho et al. published it: reset before the recurrent product."""

from __future__ import annotations

from gatewise.cells.functions import sigmoid, tanh
from gatewise.cells.spec import Cell, Gates, Input, Matrix, Parameters, States


class ChoGRU(Cell):
    """Gated recurrent unit with the reset gate applied to the state before the recurrent product.

    ::

        r = sigmoid(W_r x + R_r h + b_r)        reset ("relevance") gate
        z = sigmoid(W_z x + R_z h + b_z)        update gate
        n = tanh(W_n x + U (r h) + b_n)         new memory: r multiplies the state
        h' = (1 - z) n + z h

    Source: Cho et al. 2014 (arXiv:1406.1078v3), eq. 5-8, with biases.

    Which GRU: reset *before* the product. ``gru`` is the other form, of torch and cuDNN. Which z: here z = 1 *keeps
    the old* state, as in the paper (eq. 7), in torch and in the CS224n notes. Chung et al. 2014 (arXiv:1412.3555),
    and ``simple_gru``, have it the other way round.

    U is ``weight_candidate``.

    Initialisation: U(-1/sqrt(H), 1/sqrt(H)).

    Example:
        >>> {name: spec.shape for name, spec in ChoGRU().parameters(3, 5).items() if spec.recurrent}
        {'weight_hh': (10, 5), 'weight_candidate': (5, 5)}
    """

    state = {"hidden": "H"}
    W = Input(("reset", "update", "new"))
    R = Matrix("H", ("reset", "update"))
    candidate = Matrix("H", ("new",))

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        """The equation above, for one time step."""
        h = p.R(s.hidden)
        r = sigmoid(x.reset + h.reset)
        z = sigmoid(x.update + h.update)
        n = tanh(x.new + p.candidate(r * s.hidden).new)
        return s.next(hidden=n + z * (s.hidden - n))
