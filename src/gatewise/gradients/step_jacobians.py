"""One step back: the Jacobian of a cell's step, whole, or multiplied with vectors from the left or from the right.

::

    J_t = ds_t / ds_{t-1}       [S, S], the inputs of the level held fixed

Steps count 1 .. T in the order in which a level reads. Torch keeps the graph of the step, and batches of gradients are
pulled through it, which asks nothing of a cell but the differentiable step that it has; a cell known by its program has
one too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gatewise.gradients.errors import MeasureError
from gatewise.gradients.levels import Level, level_of
from gatewise.gradients.subject import Subject

CHUNK = 2**24
"""How many numbers of Jacobians are formed at once: 128 MiB of float64."""


class Steps:
    """The steps of one level, ready to be differentiated at the states that the text left.

    Args:
        level: of a single text (B = 1).

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> from gatewise.gradients.levels import unroll
        >>> level = unroll(Recurrent("gru", 3, 4).eval(), torch.randn(5, 1, 3))[0][0]
        >>> steps, rows = Steps(level), torch.randn(2, 4)
        >>> torch.allclose(steps.pull(3, rows), rows @ steps.jacobians(3, 3)[0], atol=1e-6)
        True
    """

    def __init__(self, level: Level) -> None:
        self.level = level
        self._pulls: dict[int, tuple[Tensor, Tensor]] = {}
        self._pushes: dict[int, tuple[Tensor, Tensor]] = {}

    def jacobians(self, first: int, last: int) -> Tensor:
        """[n, S, S] the Jacobians J_t of the steps t = first .. last."""
        size = self.level.size
        with torch.enable_grad():
            before = self.level.before(slice(first, last + 1)).detach().requires_grad_()
            after = self.level.advance(slice(first, last + 1), before)
        rows = torch.eye(size, dtype=before.dtype)[:, None].expand(size, len(before), size)
        (found,) = torch.autograd.grad(after, before, rows, is_grads_batched=True)
        return found.transpose(0, 1)

    def pull(self, step: int, rows: Tensor) -> Tensor:
        """``rows`` [n, S] times J_step: what gradients with respect to s_t are with respect to s_{t-1}."""
        if step not in self._pulls:
            with torch.enable_grad():
                before = self.level.states[step - 1].detach().requires_grad_()
                self._pulls[step] = self.level.advance(step, before), before
        return _batch(*self._pulls[step], rows)

    def push(self, step: int, rows: Tensor) -> Tensor:
        """``rows`` [n, S] times J_step transposed: what small changes of s_{t-1} become in s_t.

        ::

            u(v) = J^T v is linear in v, so  d(w . u) / dv = J w
        """
        if step not in self._pushes:
            with torch.enable_grad():
                before = self.level.states[step - 1].detach().requires_grad_()
                after = self.level.advance(step, before)
                dummy = torch.zeros_like(after).requires_grad_()
                (pulled,) = torch.autograd.grad(after, before, dummy, create_graph=True)
            self._pushes[step] = pulled, dummy
        return _batch(*self._pushes[step], rows)


def _batch(of: Tensor, by: Tensor, rows: Tensor) -> Tensor:
    """[n, S] the gradients by ``by`` [1, S] of each of the rows times ``of`` [1, S]; the graph stays."""
    (found,) = torch.autograd.grad(of, by, rows[:, None], is_grads_batched=True, retain_graph=True)
    return found[:, 0]


def step_jacobians(
    subject: Subject, layer: int = 0, reverse: bool = False, *, first: int = 1, last: int | None = None
) -> Tensor:
    """The Jacobians of the steps of one level on a text, in float64.

    ::

        J_t[i, j] = ds_t[i] / ds_{t-1}[j]       s: all states side by side, in the cell's order

    Args:
        subject: the layers and the text.
        layer: 0 is the lowest.
        reverse: the direction that reads from the end; its step 1 is at the last token.
        first: the first step, 1 .. T.
        last: the last step; None for T.

    Returns:
        [n, S, S], steps first .. last in the order in which the level reads.

    Raises:
        MeasureError: there is no such level or step, or something is not finite.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("lstm", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> step_jacobians(subject).shape
        torch.Size([5, 8, 8])
    """
    level = level_of(subject, layer, reverse)
    last = level.length if last is None else last
    if not 1 <= first <= last <= level.length:
        raise MeasureError(
            f"expected steps within 1 to {level.length}, but {first} to {last} came", where="first, last"
        )
    steps, few = Steps(level), max(1, CHUNK // level.size**2)
    pieces = [steps.jacobians(begin, min(begin + few - 1, last)) for begin in range(first, last + 1, few)]
    return torch.cat(pieces)
