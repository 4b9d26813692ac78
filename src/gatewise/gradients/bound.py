"""What is known of the Jacobians without a text: the textbook's bound, and the norms of the recurrent matrices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.cells.declarations import Declared, Matrix
from gatewise.cells.registry import is_registered
from gatewise.cells.spec import Cell
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.levels import check_level
from gatewise.gradients.subject import Subject
from gatewise.layers.parameter_names import parameter_name
from gatewise.layers.stack import Stack

STEEPEST = {"sigmoid": 0.25, "tanh": 1.0, "relu": 1.0}
"""Nonlinearity -> its largest slope."""


@dataclass(frozen=True)
class MatrixNorms:
    """What one recurrent matrix does to the vector that it is multiplied with.

    Attributes:
        parameter: its name in the cell, such as ``weight_hh``.
        gate: the gate whose rows it is; "" for a matrix without gates, "part 2" for a cell known by its program.
        rows, columns: its size.
        spectral_norm: the largest factor by which it stretches a vector.
        spectral_radius: the largest absolute eigenvalue, the factor of each step in the long run; None if not square.
    """

    parameter: str
    gate: str
    rows: int
    columns: int
    spectral_norm: float
    spectral_radius: float | None


@dataclass(frozen=True)
class Bound:
    """The bound of the norm of dh_t/dh_k in one level, and its recurrent matrices.

    Attributes:
        layer: 0 is the lowest.
        reverse: the direction that reads from the end.
        beta_w: the spectral norm of R; None where there is no bound.
        beta_h: the largest slope of the nonlinearity.
        factor: by which the bound changes with every step.
        reason: why there is no bound; "" where there is one.
        matrices: norms of every recurrent matrix, gate by gate.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> bound = recurrent_bound(subject)
        >>> bound.factor is None, [matrix.gate for matrix in bound.matrices]
        (True, ['reset', 'update', 'new'])
    """

    layer: int
    reverse: bool
    beta_w: float | None
    beta_h: float | None
    factor: float | None
    reason: str
    matrices: tuple[MatrixNorms, ...]

    def log_at(self, distances: Tensor) -> Tensor | None:
        """[K] the natural logarithm of the bound at some distances [K]; None where there is no bound."""
        if self.factor is None:
            return None
        if self.factor == 0.0:
            return torch.where(distances > 0, -math.inf, 0.0).double()
        return distances.double() * math.log(self.factor)

    def to_rows(self) -> list[dict[str, object]]:
        """A row for each recurrent matrix and gate, as a data frame is made of."""
        return [{"layer": self.layer, "reverse": self.reverse, **vars(matrix)} for matrix in self.matrices]


def recurrent_bound(subject: Subject, layer: int = 0, reverse: bool = False) -> Bound:
    """Bound the norm of dh_t/dh_k by the weights alone, where the cell allows it, and measure its recurrent matrices.

    ::

        h_t = f(W x_t + R h_{t-1} + b)      J_t = diag(f'(a_t)) R
        ||dh_t/dh_k|| <= (beta_W beta_h)^(t-k)      beta_W = ||R||_2, beta_h = max |f'|: sigmoid 1/4, tanh 1, ReLU 1

    With zoneout of rate z each step is z + (1 - z) beta_W beta_h. In a gated cell the gates stand between two
    steps as factors of their own, and no such power bounds it: there the Jacobians are to be measured.

    Args:
        subject: of which only the layers are looked at.
        layer: 0 is the lowest.
        reverse: the direction that reads from the end.

    Raises:
        MeasureError: there is no such level, or a recurrent weight is not finite.

    Source: CS224n notes (2019), part V, eq. 15 and 16; Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), section 2.1.

    Example:
        >>> from gatewise.cells import find
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent(find("rnn", nonlinearity="sigmoid", start="identity"), 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> recurrent_bound(subject).factor
        0.25
    """
    stack = subject.stack
    check_level(stack, layer, reverse)
    matrices = tuple(_matrices(stack, layer, reverse))
    cell = stack.cell
    slope = (
        STEEPEST.get(str(cell.constants().get("nonlinearity"))) if cell.name == "rnn" and is_registered(cell) else None
    )
    if slope is None:
        reason = f"{cell.name} is not of the form f(W x + R h + b): no power of a norm bounds its Jacobians"
        return Bound(layer, reverse, None, None, None, reason, matrices)
    beta_w, kept = matrices[0].spectral_norm, stack.zoneout.get("hidden", 0.0)
    return Bound(layer, reverse, beta_w, slope, kept + (1.0 - kept) * beta_w * slope, "", matrices)


def _matrices(stack: Stack, layer: int, reverse: bool) -> Iterator[MatrixNorms]:
    weights, gates = stack.weights(layer, reverse), recurrent_matrices(stack.cell)
    for name, parts in gates.items():
        weight = weights[name].detach().to("cpu", torch.float64)
        if not torch.isfinite(weight).all():
            where = parameter_name(name, layer, reverse)
            raise MeasureError("there are numbers in it that are not finite", where=where)
        for gate, part in zip(parts, weight.chunk(len(parts)), strict=True):
            yield _norms(name, gate, part)


def recurrent_matrices(cell: Cell) -> dict[str, tuple[str, ...]]:
    """The matrices that a step multiplies with states, or with what it made of them, and the names of their parts.

    Args:
        cell: any cell.

    Returns:
        Parameter -> its gates in the order of the rows; ``("",)`` for a matrix without gates.

    Example:
        >>> from gatewise.cells import find
        >>> recurrent_matrices(find("cho_gru"))
        {'weight_hh': ('reset', 'update'), 'weight_candidate': ('new',)}
    """
    named = {
        declaration.declared(attribute)[0].name: declaration.gates or ("",)
        for attribute, declaration in cell.declarations.items()
        if isinstance(declaration, Matrix)
    }
    declared = (one for one in cell.declared() if one.recurrent or one.name in named)
    return {one.name: named.get(one.name) or _parts(one) for one in declared}


def _parts(declared: Declared) -> tuple[str, ...]:
    """The parts of a matrix of which only the shape is known."""
    count = declared.dims[0][0]
    return tuple(f"part {number}" for number in range(1, count + 1)) if count > 1 else ("",)


def _norms(parameter: str, gate: str, part: Tensor) -> MatrixNorms:
    norm = float(torch.linalg.matrix_norm(part, 2))
    square = part.size(0) == part.size(1)
    radius = float(torch.linalg.eigvals(part).abs().max()) if square else None
    return MatrixNorms(parameter, gate, part.size(0), part.size(1), norm, radius)
