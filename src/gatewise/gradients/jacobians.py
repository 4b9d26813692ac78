"""How much of a change k steps ago is left: norms of products of step Jacobians, exact or estimated.

::

    ds_t / ds_k = J_t J_{t-1} ... J_{k+1}           CS224n notes (2019), part V, eq. 15, for any cell

Of the product, the rows of one state (the output h unless another is asked for) and the columns of each state in turn:
dh_t/dh_k, dh_t/dc_k. The path is that inside one level; inputs from the level below are held fixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.gradients.curves import Curve
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.estimates import estimated_norms
from gatewise.gradients.levels import Level, level_of, spread_distances, spread_targets
from gatewise.gradients.scaling import power_of_two
from gatewise.gradients.step_jacobians import CHUNK, Steps
from gatewise.gradients.subject import Subject

EXACT_UP_TO = 512
"""The largest S whose Jacobians are multiplied; beyond it norms are estimated by products with vectors."""

Curves = dict[str, Curve]


@dataclass(frozen=True)
class JacobianNorms:
    """Norms of ds_t/ds_k by distance t - k, in one level.

    Attributes:
        layer: 0 is the lowest.
        reverse: whether the level reads from the end; distances are counted in the order in which it reads.
        of: the state whose change at t is measured.
        positions: [N] the places t in the text, 0 .. T-1.
        spectral: state changed at k -> the largest factor by which any change of it arrives (the spectral norm).
        frobenius: state changed at k -> the Frobenius norm.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("lstm", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(9, 3), tuple("abcdefghi"), text_loss=lambda out: out[-1].sum(-1))
        >>> norms = jacobian_norms(subject, max_distance=5)
        >>> list(norms.spectral), norms.spectral["hidden"].distances.tolist(), norms.exact
        (['hidden', 'memory'], [0, 1, 2, 3, 4, 5], True)
    """

    layer: int
    reverse: bool
    of: str
    positions: Tensor
    spectral: dict[str, Curve]
    frobenius: dict[str, Curve]

    @property
    def exact(self) -> bool:
        """Whether the norms are computed, not estimated."""
        return all(curve.exact for curve in (*self.spectral.values(), *self.frobenius.values()))

    def to_rows(self) -> list[dict[str, object]]:
        """A row for each norm, state and distance, as a data frame is made of."""
        level = {"layer": self.layer, "reverse": self.reverse, "of": self.of}
        return [
            {**level, "by": state, "norm": norm, **row}
            for norm, curves in (("spectral", self.spectral), ("frobenius", self.frobenius))
            for state, curve in curves.items()
            for row in curve.to_rows()
        ]


def jacobian_norms(
    subject: Subject,
    layer: int = 0,
    reverse: bool = False,
    *,
    max_distance: int = 100,
    targets: int = 6,
    of: str | None = None,
    exact_up_to: int = EXACT_UP_TO,
    seed: int = 0,
) -> JacobianNorms:
    """Measure how much of a change of a level's states is left, by distance, in float64.

    Exact by products of step Jacobians while the cell has no more than ``exact_up_to`` numbers in its states; estimated
    with 95 % intervals where it has more, spectral norms then at fewer distances (see `estimated_norms`).

    Args:
        subject: the layers and the text.
        layer: 0 is the lowest.
        reverse: the direction that reads from the end.
        max_distance: D in tokens, 0 to T - 1.
        targets: from how many places to look back, at least 1; spread over those that have D steps behind them.
        of: the state whose change is measured at t; None for the output.
        exact_up_to: the largest S for exact norms.
        seed: of the estimates.

    Raises:
        MeasureError: no such level or state, the text is no longer than D, or something is not finite.

    Source: Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), eq. 5; CS224n notes (2019), part V, eq. 15 and 16.

    Example:
        >>> from gatewise.cells import find
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent(find("rnn", nonlinearity="relu", start="identity"), 3, 4).eval()
        >>> subject = Subject(layers, torch.ones(9, 3), tuple("abcdefghi"), text_loss=lambda out: out[-1].sum(-1))
        >>> curve = jacobian_norms(subject, max_distance=5).spectral["hidden"]
        >>> curve.mean_log.tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    level = level_of(subject, layer, reverse)
    of = next(iter(level.widths)) if of is None else of
    if of not in level.widths:
        raise MeasureError(f"the cell has no state {of!r}, only {', '.join(level.widths)}", where="of")
    chosen, distances = spread_targets(level.length, max_distance, targets), spread_distances(max_distance)
    if level.size <= exact_up_to:
        spectral, frobenius = exact_norms(level, chosen, distances, of)
    else:
        spectral, frobenius = estimated_norms(level, chosen, distances, of, seed=seed)
    return JacobianNorms(layer, reverse, of, level.positions(chosen), spectral, frobenius)


def exact_norms(level: Level, targets: Tensor, distances: Tensor, of: str) -> tuple[Curves, Curves]:
    """Multiply step Jacobians from each of some steps back, all of them in one walk.

    The product is divided by a power of two after every step, of which the logarithm is kept, so that it neither
    overflows nor fades out, and not a bit is lost.

    Args:
        level: of a single text.
        targets: [N] rising steps t, each with the largest distance behind it.
        distances: [K] rising, from 0.
        of: the state whose rows are taken.

    Returns:
        The spectral and the Frobenius norms, by state.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> from gatewise.gradients.levels import unroll
        >>> level = unroll(Recurrent("gru", 3, 4).eval(), torch.randn(5, 1, 3))[0][0]
        >>> spectral, frobenius = exact_norms(level, torch.tensor([4, 5]), torch.tensor([0, 1]), "hidden")
        >>> frobenius["hidden"].log_norms[:, 0].exp().round(decimals=3).tolist()
        [2.0, 2.0]
    """
    walk = _Walk(level, targets.tolist(), distances.tolist(), of)
    first, few = walk.targets[0] - walk.farthest + 1, max(1, CHUNK // level.size**2)
    steps = Steps(level)
    for last in range(walk.targets[-1], first - 1, -few):
        begin = max(first, last - few + 1)
        jacobians = steps.jacobians(begin, last)
        for step in range(last, begin - 1, -1):
            walk.back(step, jacobians[step - begin])
    spectral, frobenius = (
        {name: Curve.of_exact(distances, logs) for name, logs in kind.items()} for kind in walk.found
    )
    return spectral, frobenius


class _Walk:
    """Products of Jacobians from several steps t back, each [w, S] and the logarithm of what it was divided by."""

    def __init__(self, level: Level, targets: list[int], distances: list[int], of: str) -> None:
        self.targets, self.farthest = targets, distances[-1]
        self._level, self._columns = level, {distance: column for column, distance in enumerate(distances)}
        start = torch.eye(level.size, dtype=level.inputs.dtype)[level.parts[of]]
        self._products = start.repeat(len(targets), 1, 1)
        self._logs = start.new_zeros(len(targets))
        shape = len(targets), len(distances)
        self.found = tuple({state: start.new_empty(shape) for state in level.widths} for _ in range(2))
        for row in range(len(targets)):
            self._measure(row, 0)

    def back(self, step: int, jacobian: Tensor) -> None:
        """P <- P J_step for every t that ``step`` lies behind."""
        rows = [row for row, t in enumerate(self.targets) if 0 <= t - step < self.farthest]
        moved = self._products[rows] @ jacobian
        scale = power_of_two(moved.abs().amax((1, 2)))
        self._products[rows] = moved / scale[:, None, None]
        self._logs[rows] += scale.log()
        for row in rows:
            self._measure(row, self.targets[row] - step + 1)

    def _measure(self, row: int, distance: int) -> None:
        if distance not in self._columns:
            return
        for state, part in self._level.parts.items():
            logs = log_norms(self._products[row, :, part])
            for kind, log in zip(self.found, logs, strict=True):
                kind[state][row, self._columns[distance]] = log + self._logs[row]


def log_norms(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The logarithms of the spectral and the Frobenius norm of a matrix [m, n]; -inf for 0.

    ::

        ||A||_2 = sqrt(largest eigenvalue of A A^T)         whose relative error is that of rounding

    Example:
        >>> [round(log.exp().item(), 6) for log in log_norms(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))]
        [4.0, 5.0]
    """
    scale = power_of_two(matrix.abs().max())
    scaled = matrix / scale
    gram = scaled @ scaled.T if scaled.size(0) <= scaled.size(1) else scaled.T @ scaled
    largest = torch.linalg.eigvalsh(gram)[-1].clamp(min=0)
    return largest.log() / 2 + scale.log(), gram.trace().log() / 2 + scale.log()
