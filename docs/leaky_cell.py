"""The cell whose program docs/step-program.md shows: small, and with something in nearly every section."""

from gatewise.cells import Cell, Input, Matrix, Vector
from gatewise.cells.functions import sigmoid, tanh


class Leaky(Cell):
    """h' = k h + u tanh(W_c x + b_c + R h), with k = sigmoid(d) and u = sigmoid(W_u x + b_u)."""

    state = {"hidden": "H"}
    W = Input(("update", "candidate"))
    R = Matrix("H", ("candidate",))
    decay = Vector("hidden")

    def step(self, x, s, p):
        candidate = tanh(x.candidate + p.R(s.hidden).candidate)
        return s.next(hidden=sigmoid(p.decay.hidden) * s.hidden + sigmoid(x.update) * candidate)
