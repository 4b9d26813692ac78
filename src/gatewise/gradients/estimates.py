"""Norms of Jacobians too large to be multiplied: estimated from products with vectors, each with a 95 % interval.

::

    ||A||_F^2 = E ||A^T v||^2                       v a vector of independent normal numbers
    ||A||_2^2 = the largest eigenvalue of A A^T     from below by Lanczos' method

A = ds_t/ds_k is never formed: A^T v goes back through the steps t .. k+1 and A w forward through k+1 .. t.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.gradients.curves import Curve
from gatewise.gradients.levels import Level
from gatewise.gradients.scaling import power_of_two
from gatewise.gradients.step_jacobians import Steps

PROBES = 32
"""Vectors from which a Frobenius norm is estimated."""
CAUTION = 0.8
"""The part of the estimated degrees of freedom that is counted on: they come from the same vectors as the norm."""
STARTS = 2
"""Random starts of Lanczos' method."""
ROUNDS = 6
"""Products with A A^T from each start."""
MISSED = 0.05
"""The probability that an interval does not hold the norm."""
NORMAL = 1.959963984540054
"""The quantile of the normal distribution that half of ``MISSED`` lies above."""
ROUNDING = 1e-9
"""By how much the logarithm of an estimate may be off by rounding alone."""

Curves = dict[str, Curve]


def estimated_norms(
    level: Level, targets: Tensor, distances: Tensor, of: str, *, seed: int = 0
) -> tuple[Curves, Curves]:
    """Estimate spectral and Frobenius norms of ds_t/ds_k with 95 % intervals.

    Frobenius: with ``PROBES`` normal vectors the mean of ||A^T v||^2 / ||A||_F^2 is distributed nearly as chi-square
    over its degrees of freedom, PROBES times (sum s^2)^2 / sum s^4 of the singular values s, and sum s^4 is the mean
    of (v A A^T v')^2 over pairs of different vectors; the quantiles are those of Wilson & Hilferty 1931.

    Spectral: what Lanczos' method finds is never above the norm; that it is below by more than a share e of the square
    has for one random start of m numbers, after k products, at most the probability
    1.648 sqrt(m) exp(-sqrt(e) (2 k - 1)) (Kuczynski & Wozniakowski 1992, SIAM J. Matrix Anal. Appl. 13, 1094). The
    distances are fewer than asked for, those of doubling, and the norm is never above the Frobenius norm's interval.

    Args:
        level: of a single text.
        targets: [N] rising steps t, each with the largest distance behind it.
        distances: [K] rising, from 0.
        of: the state whose rows are taken.
        seed: of the random vectors.

    Returns:
        The spectral and the Frobenius norms, by state.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> from gatewise.gradients.levels import unroll
        >>> level = unroll(Recurrent("gru", 3, 4).eval(), torch.randn(5, 1, 3))[0][0]
        >>> spectral, frobenius = estimated_norms(level, torch.tensor([4, 5]), torch.tensor([0, 1, 2, 3]), "hidden")
        >>> spectral["hidden"].distances.tolist(), frobenius["hidden"].distances.tolist()
        ([0, 1, 2, 3], [0, 1, 2, 3])
    """
    generator = torch.Generator().manual_seed(seed)
    walk = Walk(Steps(level), level)
    frobenius = _frobenius(walk, targets.tolist(), distances, of, generator)
    few = doubling(distances)
    spectral = _spectral(walk, targets, few, of, generator)
    columns = [distances.tolist().index(distance) for distance in few.tolist()]
    for state, curve in spectral.items():
        curve.log_high.copy_(torch.minimum(curve.log_high, frobenius[state].log_high[:, columns]))
        curve.log_high.copy_(torch.maximum(curve.log_high, curve.log_norms))
    return spectral, frobenius


def doubling(distances: Tensor) -> Tensor:
    """0, the distances nearest to 1, 2, 4, 8 ... from above, and the last.

    Example:
        >>> doubling(torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 9, 11])).tolist()
        [0, 1, 2, 4, 9, 11]
    """
    known, last = distances.tolist(), int(distances[-1])
    wanted = [0, *(2**power for power in range(last.bit_length())), last]
    return torch.tensor(sorted({next(known_one for known_one in known if known_one >= one) for one in wanted}))


@dataclass(frozen=True)
class Walk:
    """Vectors taken through many steps at once, each over its own stretch.

    Attributes:
        steps: the steps of a level.
        level: the level.
    """

    steps: Steps
    level: Level

    def back(self, rows: Tensor, ends: Tensor, distances: Tensor) -> tuple[Tensor, Tensor]:
        """rows [n, S] from steps ``ends`` [n] over ``distances`` [n], and [n] logarithms to be added to theirs."""
        order = range(int(ends.max()), int((ends - distances).min()), -1)
        return self._go(self.steps.pull, order, rows, ends, distances)

    def forth(self, rows: Tensor, ends: Tensor, distances: Tensor) -> tuple[Tensor, Tensor]:
        """rows [n, S] from ``distances`` [n] before steps ``ends`` [n] to there, and [n] logarithms."""
        order = range(int((ends - distances).min()) + 1, int(ends.max()) + 1)
        return self._go(self.steps.push, order, rows, ends, distances)

    def _go(
        self, move: Callable[[int, Tensor], Tensor], order: range, rows: Tensor, ends: Tensor, distances: Tensor
    ) -> tuple[Tensor, Tensor]:
        rows, logs = rows.clone(), rows.new_zeros(len(rows))
        for step in order:
            active = ((ends - distances < step) & (step <= ends)).nonzero()[:, 0]
            if len(active):
                moved = move(step, rows[active])
                scale = power_of_two(moved.abs().amax(-1))
                rows[active] = moved / scale[:, None]
                logs[active] += scale.log()
        return rows, logs


def _frobenius(walk: Walk, targets: list[int], distances: Tensor, of: str, generator: torch.Generator) -> Curves:
    level = walk.level
    found = {state: torch.empty(3, len(targets), len(distances), dtype=torch.float64) for state in level.widths}
    part = level.parts[of]
    rows = torch.zeros(len(targets) * PROBES, level.size, dtype=level.inputs.dtype)
    rows[:, part] = torch.randn(len(rows), level.widths[of], generator=generator, dtype=rows.dtype)
    ends, logs, reached = torch.tensor(targets).repeat_interleave(PROBES), rows.new_zeros(len(rows)), 0
    for column, distance in enumerate(distances.tolist()):
        stretch = torch.full_like(ends, distance - reached)
        rows, more = walk.back(rows, ends - reached, stretch)
        logs, reached = logs + more, distance
        for state, inside in level.parts.items():
            for row, group in enumerate(rows[:, inside].view(len(targets), PROBES, -1)):
                found[state][:, row, column] = _interval(group, logs.view(len(targets), PROBES)[row])
            if distance == 0:
                found[state][:, :, 0] = math.log(level.widths[of]) / 2 if state == of else -math.inf
    return {state: Curve(distances, *values) for state, values in found.items()}


def _interval(rows: Tensor, logs: Tensor) -> Tensor:
    """[3] logarithm of the Frobenius norm and of its interval, from rows A^T v whose logarithms were taken out."""
    top = logs.max()
    products = (rows @ rows.T) * (logs - top).exp() * (logs - top).exp()[:, None]
    squares = products.diagonal()
    pairs = (products.square().sum() - squares.square().sum()) / (PROBES * (PROBES - 1))
    mean = squares.mean()
    if mean == 0:
        return torch.full((3,), -math.inf)
    freedom = CAUTION * PROBES * (mean**2 / pairs).clamp(1.0, rows.size(1))
    spread = (2 / (9 * freedom)).sqrt() * NORMAL
    middle = 1 - 2 / (9 * freedom)
    low, high = mean / (middle + spread) ** 3, mean / (middle - spread) ** 3
    return torch.stack([mean, low, high]).log() / 2 + top


def _spectral(walk: Walk, targets: Tensor, distances: Tensor, of: str, generator: torch.Generator) -> Curves:
    level, states = walk.level, list(walk.level.widths)
    far = distances[distances > 0]
    # one row for each place, distance, state and start
    jobs = torch.cartesian_prod(targets, far, torch.arange(len(states)), torch.arange(STARTS))
    found = {state: torch.full((len(targets), len(distances)), -math.inf, dtype=torch.float64) for state in states}
    found[of][:, 0] = 0.0
    if len(jobs):
        start = torch.randn(len(jobs), level.widths[of], generator=generator, dtype=level.inputs.dtype)
        largest = _lanczos(lambda rows: _there_and_back(walk, jobs, of, rows), start)
        best = largest.view(len(targets), len(far), len(states), STARTS).amax(-1) / 2
        for number, state in enumerate(states):
            found[state][:, 1:] = best[:, :, number]
    width = level.widths[of]
    missed = 1.648 * math.sqrt(width) / MISSED ** (1 / STARTS)
    share = (math.log(missed) / (2 * ROUNDS - 1)) ** 2  # below 1 for states of up to 6 x 10^7 numbers
    above = torch.where(distances > 0, -math.log1p(-share) / 2 + ROUNDING, 0.0)
    below = torch.where(distances > 0, ROUNDING, 0.0)
    return {state: Curve(distances, logs, logs - below, logs + above) for state, logs in found.items()}


def _there_and_back(walk: Walk, jobs: Tensor, of: str, rows: Tensor) -> tuple[Tensor, Tensor]:
    """A A^T of each row [n, w], where A is the block of a job's place, distance and state; and [n] logarithms."""
    level, (ends, distances, states, _) = walk.level, jobs.unbind(1)
    inside = torch.zeros(len(level.widths), level.size, dtype=rows.dtype)
    for number, part in enumerate(level.parts.values()):
        inside[number, part] = 1.0
    whole = torch.zeros(len(rows), level.size, dtype=rows.dtype)
    whole[:, level.parts[of]] = rows
    there, first = walk.back(whole, ends, distances)
    back, second = walk.forth(there * inside[states], ends, distances)
    return back[:, level.parts[of]], first + second


def _lanczos(product: Callable[[Tensor], tuple[Tensor, Tensor]], start: Tensor) -> Tensor:
    """[n] the logarithm of the largest eigenvalue found for each row's matrix, never above the true one.

    Every new vector is made orthogonal to all before it, twice, as few as they are; where nothing is left of it, the
    space is whole and the vector stays 0.
    """
    basis, images = [start / start.norm(dim=-1, keepdim=True)], list[Tensor]()
    level = start.new_zeros(len(start))
    for _ in range(ROUNDS):
        image, logs = product(basis[-1])
        if not images:  # the size of the eigenvalues, taken out of all that follows
            size = image.norm(dim=-1)
            level = torch.where(size > 0, size.log() + logs, 0.0)
        images.append(image * (logs - level).clamp(max=600).exp()[:, None])  # an image of 0 has lost its size: no inf
        known, new = torch.stack(basis, 1), images[-1]
        for _ in range(2):
            new = new - (known * (known @ new[..., None])).sum(1)
        length = new.norm(dim=-1, keepdim=True)
        left = length > 1e-10 * images[-1].norm(dim=-1, keepdim=True)
        basis.append(torch.where(left, new / length, 0.0))
    projected = torch.stack(basis[:-1], 1) @ torch.stack(images, 1).mT
    largest: Tensor = torch.linalg.eigvalsh((projected + projected.mT) / 2)[:, -1].clamp(min=0)
    return largest.log() + level
