"""How much of the loss at t is told to the states d steps before: the gradient through the whole network.

Unlike the Jacobians, which follow one level alone, this is what training sees: through all layers, both directions and
the output layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.gradients.curves import Curve
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.levels import (
    Level,
    check_finite,
    check_states,
    spread_distances,
    spread_targets,
    unroll,
)
from gatewise.gradients.subject import Subject


@dataclass(frozen=True)
class StateGradient:
    """Norms of the gradient of the loss by one state of one level, by distance.

    Attributes:
        layer: 0 is the lowest.
        reverse: the direction that reads from the end; its distances are k - t.
        state: its name in the cell.
        positions: [N] the places t of the losses; for the loss of a whole text the last place that the level reads.
        curve: natural logarithms of the Euclidean norms of dL_t/ds_k, in nats.
    """

    layer: int
    reverse: bool
    state: str
    positions: Tensor
    curve: Curve


@dataclass(frozen=True)
class LossGradients:
    """The gradients of the loss by every state of every level.

    Attributes:
        states: the lowest layer first, forward before reverse, states in the cell's order.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("lstm", 3, 4, 2).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> found = loss_gradients(subject, max_distance=3)
        >>> len(found.states), round(found.of(layer=1).log_norms[0, 0].exp().item(), 3)
        (4, 2.0)
    """

    states: tuple[StateGradient, ...]

    def of(self, layer: int, reverse: bool = False, state: str | None = None) -> Curve:
        """The curve of one state; None for the output.

        Raises:
            MeasureError: there is no such level or state.
        """
        for found in self.states:
            if (found.layer, found.reverse) == (layer, reverse) and state in (None, found.state):
                return found.curve
        raise MeasureError(f"there is no state {state!r} in layer {layer}{', reverse' if reverse else ''}", where="of")

    def to_rows(self) -> list[dict[str, object]]:
        """A row for each level, state and distance, as a data frame is made of."""
        return [
            {"layer": found.layer, "reverse": found.reverse, "state": found.state, **row}
            for found in self.states
            for row in found.curve.to_rows()
        ]


def loss_gradients(subject: Subject, *, max_distance: int = 100, targets: int = 8) -> LossGradients:
    """Measure the norm of dL_t/ds_k by the distance t - k, for every state s of every level, in float64.

    ::

        dL_t/ds_k = d L_t(s_k + e) / de at e = 0        e is added after step k and seen by all that reads s_k

    A level that reads backwards has read k before t where k > t: its distance is k - t. The loss of a whole text is
    counted from the last place that the level reads: the end, or the beginning in reverse.

    Args:
        subject: the layers, the text and the loss.
        max_distance: D in tokens, 0 to T - 1.
        targets: losses of how many places are taken, at least 1, spread over those that have D tokens behind them (in
            reverse, before them). The loss of a whole text is one.

    Raises:
        MeasureError: the text is no longer than D, or something is not finite.

    Source: CS224n notes (2019), part V, eq. 14: the factor dE_t/dy_t dy_t/dh_t dh_t/dh_k.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> loss = lambda outputs, steps: outputs.sum(-1)
        >>> found = loss_gradients(Subject(layers, torch.randn(9, 3), ("a",) * 9, step_loss=loss), max_distance=5)
        >>> found.of(0).distances.tolist(), tuple(found.of(0).log_norms.shape)
        ([0, 1, 2, 3, 4, 5], (4, 6))
    """
    distances, found = spread_distances(max_distance), list[StateGradient]()
    for reached in backward(subject, max_distance, targets):
        level, steps = reached.level, reached.ends[:, None] - distances
        taken = reached.gradients[steps - 1, reached.rows[:, None]]
        for state, part in level.parts.items():
            curve = Curve.of_exact(distances, taken[..., part].norm(dim=-1).log())
            found.append(StateGradient(level.layer, level.reverse, state, level.positions(reached.ends), curve))
    return LossGradients(tuple(found))


@dataclass(frozen=True)
class Reached:
    """One level, and what the losses of some places tell its states.

    Attributes:
        level: with a batch of B copies of the text, one for each loss.
        gradients: [T, B, S] the gradient of each copy's loss by the state after each step, in reading order.
        rows: [N] the copies whose losses this level looks back from.
        ends: [N] the steps of these losses, 1 .. T.
    """

    level: Level
    gradients: Tensor
    rows: Tensor
    ends: Tensor


def backward(subject: Subject, max_distance: int, targets: int) -> list[Reached]:
    """Run a text forward once for each loss, and all losses back through the whole network at once.

    Args:
        subject: the layers, the text and the loss.
        max_distance: D, which lies behind each place in a level's order of reading.
        targets: how many losses, at most, for each direction.

    Returns:
        Every level, the lowest first; the graph of its weights is kept.

    Raises:
        MeasureError: the text is no longer than D, or something is not finite.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("lstm", 3, 4).eval()
        >>> loss = lambda outputs, steps: outputs.sum(-1)
        >>> reached = backward(Subject(layers, torch.randn(9, 3), ("a",) * 9, step_loss=loss), 6, 3)[0]
        >>> tuple(reached.gradients.shape), reached.ends.tolist()
        ((9, 3, 8), [7, 8, 9])
    """
    stack, inputs = subject.double()
    check_finite(stack, inputs)
    stack.requires_grad_()
    length = len(subject.tokens)
    ends = spread_targets(length, max_distance, targets)
    if subject.step_loss is None:
        ends = torch.tensor([length])
    places = torch.cat([ends - 1, length - ends]) if stack.bidirectional and subject.step_loss else ends - 1
    with torch.enable_grad():
        copies = inputs[:, None].repeat(1, len(places), 1).requires_grad_()
        levels, outputs = unroll(stack, copies)
        for level in levels:
            check_states(level)
        loss = _loss(subject, outputs, places)
    states = [state for level in levels for state in level.states[1:]]
    found = torch.autograd.grad(loss, states, retain_graph=True, materialize_grads=True)
    return [
        Reached(level, torch.stack(found[number * length : (number + 1) * length]), _rows(level, ends, places), ends)
        for number, level in enumerate(levels)
    ]


def _loss(subject: Subject, outputs: Tensor, places: Tensor) -> Tensor:
    """The sum of the losses, each of its own copy; in the type in which the subject computes it."""
    outputs = outputs.to(subject.inputs.dtype)
    if subject.step_loss is not None:
        return subject.step_loss(outputs[places, torch.arange(len(places))], places).sum()
    assert subject.text_loss is not None
    return subject.text_loss(outputs).sum()


def _rows(level: Level, ends: Tensor, places: Tensor) -> Tensor:
    """[N] the copies of the direction's own losses."""
    return torch.arange(len(ends)) + (len(ends) if level.reverse and len(places) > len(ends) else 0)
