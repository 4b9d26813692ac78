"""From how far back the gradient of the recurrent weights comes: the terms of its sum over time, by distance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.gradients.bound import recurrent_matrices
from gatewise.gradients.loss_gradients import Reached, backward
from gatewise.gradients.subject import Subject


@dataclass(frozen=True)
class WeightShare:
    """Norms of the terms of one recurrent matrix's gradient.

    Attributes:
        layer: 0 is the lowest.
        reverse: the direction that reads from the end; its distances are k - t.
        parameter: the matrix by its name in the cell, such as ``weight_hh``.
        distances: [D + 1] every distance 0 .. D.
        norms: [N, D + 1] the Frobenius norms of the terms, for the losses of N places.
        beyond: [N] the norm of the sum of all other terms.
    """

    layer: int
    reverse: bool
    parameter: str
    distances: Tensor
    norms: Tensor
    beyond: Tensor

    @property
    def share(self) -> Tensor:
        """[D + 1] each distance's part of the sum of all norms, those beyond D counted as one.

        The mean over the places whose loss has a gradient; 0 where none has. Norms, not terms: terms of opposite sign
        cancel in the gradient, and not here.
        """
        whole = self.norms.sum(1) + self.beyond
        shares = self.norms / torch.where(whole > 0, whole, 1.0)[:, None]
        return shares.sum(0) / (whole > 0).sum().clamp(min=1)

    @property
    def cumulative(self) -> Tensor:
        """[D + 1] the part that comes from up to each distance; 1 at the last one unless something lies beyond,
        or there is no gradient."""
        return self.share.cumsum(0)

    def to_rows(self) -> list[dict[str, object]]:
        """A row for each distance, as a data frame is made of."""
        level = {"layer": self.layer, "reverse": self.reverse, "parameter": self.parameter}
        columns = zip(self.distances.tolist(), self.share.tolist(), self.cumulative.tolist(), strict=True)
        return [{**level, "distance": d, "share": share, "cumulative": sum} for d, share, sum in columns]


def weight_shares(subject: Subject, *, max_distance: int = 100, targets: int = 4) -> tuple[WeightShare, ...]:
    """Split the gradient of every recurrent matrix by the distance at which the matrix was used, in float64.

    ::

        dL_t/dR = sum over k of  dL_t/ds_k  d+s_k/dR        d+: s_k alone, s_{k-1} held fixed

    The term of distance t - k is what the use of R at step k has to do with the loss at t, through the whole network.

    Args:
        subject: the layers, the text and the loss.
        max_distance: D in tokens, 0 to T - 1.
        targets: losses of how many places are taken, as in ``loss_gradients``; each costs the same time again.

    Returns:
        One for each recurrent matrix of each level, the lowest layer first; none for a cell without such a matrix.

    Raises:
        MeasureError: the text is no longer than D, or something is not finite.

    Source: CS224n notes (2019), part V, eq. 14.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> shares = weight_shares(subject, max_distance=4)
        >>> shares[0].parameter, round(shares[0].cumulative[-1].item(), 6)
        ('weight_hh', 1.0)
    """
    return tuple(
        share for reached in backward(subject, max_distance, targets) for share in _shares(reached, max_distance)
    )


def _shares(reached: Reached, max_distance: int) -> Iterator[WeightShare]:
    names = recurrent_matrices(reached.level.cell)
    if not names:
        return
    places = zip(reached.rows.tolist(), reached.ends.tolist(), strict=True)
    measured = [_norms(reached, row, end, max_distance) for row, end in places]
    norms, beyond = (torch.stack(kind) for kind in zip(*measured, strict=True))
    distances, level = torch.arange(max_distance + 1), reached.level
    for column, name in enumerate(names):
        yield WeightShare(level.layer, level.reverse, name, distances, norms[:, :, column], beyond[:, column])


def _norms(reached: Reached, row: int, end: int, max_distance: int) -> tuple[Tensor, Tensor]:
    """[D + 1, matrices] the norms of one loss's terms, and [matrices] that of all that is further."""
    near = [terms(reached, row, end - d, end - d) for d in range(max_distance + 1)]
    before, after = terms(reached, row, 1, end - max_distance - 1), terms(reached, row, end + 1, reached.level.length)
    further = [(one + other).norm() for one, other in zip(before, after, strict=True)]
    return torch.stack([torch.stack([term.norm() for term in step]) for step in near]), torch.stack(further)


def terms(reached: Reached, row: int, first: int, last: int) -> list[Tensor]:
    """The part of one loss's gradient by each recurrent matrix that comes from its use in some steps.

    Args:
        reached: one level with the gradients of its states.
        row: which of the losses.
        first, last: the steps in the level's order of reading; none where the first is above the last.

    Returns:
        The parts, as the matrices are shaped, in the order of ``recurrent_matrices``.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> [tuple(part.shape) for part in terms(backward(subject, 2, 1)[0], 0, 1, 5)]
        [(12, 4)]
    """
    level = reached.level
    matrices = [level.weights[name] for name in recurrent_matrices(level.cell)]
    steps = slice(first, last + 1)
    gradients = reached.gradients[first - 1 : last]
    if first > last or not gradients[:, row].any():
        return [torch.zeros_like(matrix) for matrix in matrices]
    alone = torch.zeros_like(gradients).index_copy(1, torch.tensor([row]), gradients[:, row : row + 1])
    with torch.enable_grad():
        after = level.advance(steps, level.before(steps).detach())
    return list(torch.autograd.grad(after, matrices, alone.flatten(0, 1), retain_graph=True, materialize_grads=True))
