"""What each layer and direction of a stack read in a text, and its states before and after every step.

Letters: T steps, B texts, X what a layer reads, F what all layers return.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from gatewise.cells.spec import Cell
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.levels import check_level
from gatewise.gradients.subject import Subject
from gatewise.layers.stack import Stack
from gatewise.scan import Packed, Scan, Zoneout, run

States = dict[str, Tensor]


@dataclass(frozen=True)
class Reading:
    """One layer in one direction on a text, everything in the order of the text.

    Attributes:
        layer: 0 is the lowest.
        reverse: whether it reads from the end of the text.
        cell: of the stack.
        weights: the parameters by the cell's names.
        inputs: [T, X].
        before: state -> [T, width], what the step at each token began with; in reverse that is the state after the
            step at the next token.
        after: state -> [T, width].
        zoneout: state -> share of the old value that stays at each step (the expectation).
    """

    layer: int
    reverse: bool
    cell: Cell
    weights: Mapping[str, Tensor]
    inputs: Tensor
    before: States
    after: States
    zoneout: Mapping[str, float]


def readings(stack: Stack, inputs: Tensor) -> list[Reading]:
    """Every layer and direction on a text, the lowest first, forward before reverse; as in evaluation, no gradients.

    Args:
        stack: the layers, in the type of the inputs.
        inputs: [T, X].

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> found = readings(Recurrent("gru", 3, 4, 2).eval(), torch.randn(5, 3))
        >>> [tuple(reading.inputs.shape) for reading in found], tuple(found[1].after["hidden"].shape)
        ([(5, 3), (5, 4)], (5, 4))
    """
    start = start_of(stack, inputs, 1)
    found: list[Reading] = []
    for level, one in enumerate(walk(stack, inputs[:, None], start, keep_states=True).levels):
        layer, reverse = divmod(level, stack.num_directions)
        after = {name: state[:, 0] for name, state in one.states.items()}
        before = {name: _before(state, start[level][name], bool(reverse)) for name, state in after.items()}
        weights, inputs = stack.weights(layer, bool(reverse)), one.inputs[:, 0]
        found.append(Reading(layer, bool(reverse), stack.cell, weights, inputs, before, after, stack.zoned))
    return found


def _before(after: Tensor, start: Tensor, reverse: bool) -> Tensor:
    return torch.cat([after[1:], start]) if reverse else torch.cat([start, after[:-1]])


class LevelWalk(NamedTuple):
    """One layer in one direction on several texts.

    Attributes:
        inputs: [T, B, X].
        states: state -> [T, B, width]; empty where they were not asked for.
    """

    inputs: Tensor
    states: States


class Walk(NamedTuple):
    """All layers on several texts.

    Attributes:
        outputs: [T, B, F].
        levels: of each layer and direction, the lowest first, forward before reverse.
    """

    outputs: Tensor
    levels: list[LevelWalk]


@torch.no_grad()
def walk(stack: Stack, inputs: Tensor, start: Sequence[States], *, keep_states: bool = False) -> Walk:
    """Several texts of one length through all layers, from states of one's own for every layer and direction.

    Args:
        stack: the layers, in the type of the inputs; taken as in evaluation.
        inputs: [T, B, X].
        start: for each layer and direction state -> [B, width].
        keep_states: whether the states after every step are wanted.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers, inputs = Recurrent("gru", 3, 4).eval(), torch.randn(5, 2, 3)
        >>> torch.equal(walk(layers, inputs, start_of(layers, inputs, 2)).outputs, layers(inputs)[0])
        True
    """
    rows = inputs
    levels: list[LevelWalk] = []
    for layer in range(stack.num_layers):
        both = []
        for reverse in (False, True)[: stack.num_directions]:
            scan = _scan(stack, layer, reverse, rows, start[len(levels)], keep_states)
            both.append(scan.outputs.view(*rows.shape[:2], -1))
            states = {name: state.view(*rows.shape[:2], -1) for name, state in (scan.states or {}).items()}
            levels.append(LevelWalk(rows, states))
        outputs = torch.cat(both, dim=-1)
        rows = outputs + rows if stack.residual and layer else outputs
    return Walk(rows, levels)


def start_of(stack: Stack, like: Tensor, batch: int) -> list[States]:
    """What every layer and direction starts from: zeros of the type of ``like``, or what was learnt.

    Returns:
        For each layer and direction state -> [batch, width].
    """
    initial = stack.initial_states(batch, like)
    return [{name: state[level].detach() for name, state in initial.items()} for level in range(stack.levels)]


def _scan(stack: Stack, layer: int, reverse: bool, rows: Tensor, start: States, keep_states: bool) -> Scan:
    time, batch = rows.shape[:2]
    rates, numbers = stack.zoned, torch.arange(batch)
    return run(
        stack.cell,
        stack.weights(layer, reverse),
        Packed(rows.flatten(0, 1), (batch,) * time),
        start,
        reverse=reverse,
        zoneout=Zoneout(rates, 0, numbers, training=False) if rates else None,
        keep_states=keep_states,
    )


def reading_of(subject: Subject, layer: int = 0, reverse: bool = False) -> Reading:
    """One layer and direction of a subject on its text, in float64.

    Args:
        subject: the layers and the text.
        layer: 0 is the lowest.
        reverse: the direction that reads from the end.

    Raises:
        MeasureError: there is no such layer or direction, or a state is not finite.
    """
    stack, inputs = subject.double()
    check_level(stack, layer, reverse)
    found = next(one for one in readings(stack, inputs) if (one.layer, one.reverse) == (layer, reverse))
    for name, state in found.after.items():
        if not state.isfinite().all():
            place = int((~state.isfinite()).any(1).nonzero()[0])
            message = f"the state {name} is not finite at token {place}, counted from 0"
            raise MeasureError(message, where=f"layer {layer + 1}", fix="look for NaN in the weights")
    return found
