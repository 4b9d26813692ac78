"""The levels of a stack, one layer in one direction each, as they read a text: inputs, states, and the step again.

A level is seen in the order in which it reads: in a level that reads backwards step 0 is at the end of the text. All
states of a cell stand side by side as one vector s of S numbers, so that a step is one function of one vector:

::

    s_t = step(x_t, s_{t-1})            t = 1 .. T, s_0 the start

Letters: T time, B batch, X what the level reads, S states side by side, F output of the stack.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from gatewise.cells.bundles import Gates, States
from gatewise.cells.spec import Cell
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.subject import Subject
from gatewise.layers.stack import Stack
from gatewise.scan.bind import Binding
from gatewise.scan.noise import blend

ALL_BELOW = 16
"""Up to this distance every one is measured; beyond it ``PER_DOUBLING`` for each doubling."""
PER_DOUBLING = 6


@dataclass(frozen=True)
class Level:
    """One layer in one direction, and a text as it has read it.

    Attributes:
        layer: 0 is the lowest.
        reverse: whether it reads from the end of the text.
        cell: the cell of the stack.
        weights: the level's parameters by the cell's names.
        widths: state -> width, in the cell's order; the first is the output.
        inputs: [T, B, X] in the order in which the level reads.
        states: T + 1 of [B, S]; number 0 is the start, number t what step t left.
        zoneout: state -> share of the old value that stays at each step (the expectation).

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> level = unroll(Recurrent("lstm", 3, 4).eval(), torch.randn(5, 1, 3))[0][0]
        >>> level.length, level.size, level.parts["memory"]
        (5, 8, slice(4, 8, None))
        >>> torch.equal(level.advance(2, level.states[1]), level.states[2])
        True
    """

    layer: int
    reverse: bool
    cell: Cell
    weights: Mapping[str, Tensor]
    widths: Mapping[str, int]
    inputs: Tensor
    states: list[Tensor]
    zoneout: Mapping[str, float] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """T, the number of steps."""
        return self.inputs.size(0)

    @property
    def size(self) -> int:
        """S, the numbers in all states of the cell."""
        return sum(self.widths.values())

    @property
    def name(self) -> str:
        """The level for a reader, layers counted from 1."""
        return name_of(self.layer, self.reverse)

    @cached_property
    def parts(self) -> dict[str, slice]:
        """State -> where it stands among the S numbers."""
        found, first = {}, 0
        for name, width in self.widths.items():
            found[name] = slice(first, first + width)
            first += width
        return found

    @cached_property
    def _bound(self) -> Binding:
        return Binding(self.cell, self.weights)

    @cached_property
    def _gates(self) -> Gates:
        return self._bound.input_gates(self.inputs.flatten(0, 1))

    def advance(self, steps: int | slice, before: Tensor) -> Tensor:
        """The states after some steps, each from the states that are given for it.

        ::

            s' = step(x_t, s)           with zoneout of rate z:  s' = z s + (1 - z) step(x_t, s)

        Args:
            steps: a number 1 .. T, or a slice of such numbers.
            before: [n B, S], the states before each of the steps.

        Returns:
            [n B, S].
        """
        x = self._gates.tensor.view(self.length, -1, self._gates.tensor.size(-1))[_rows(steps)].flatten(0, 1)
        old = {name: before[:, part] for name, part in self.parts.items()}
        new = self.cell.step(Gates(self._gates.names, x), States(old), self._bound).as_dict()
        kept = {name: blend(old[name], new[name], self.zoneout[name]) for name in self.zoneout}
        return torch.cat([kept.get(name, new[name]) for name in self.widths], dim=-1)

    def positions(self, steps: Tensor) -> Tensor:
        """The places in the text, 0 .. T-1, of steps 1 .. T."""
        return self.length - steps if self.reverse else steps - 1

    def before(self, steps: slice) -> Tensor:
        """[n B, S], the states that the text left before each of some steps."""
        return torch.cat(self.states[steps.start - 1 : steps.stop - 1])


def name_of(layer: int, reverse: bool) -> str:
    """A layer and direction as it is said, counted from 1.

    Example:
        >>> name_of(0, False), name_of(1, True)
        ('layer 1', 'layer 2, reverse')
    """
    return f"layer {layer + 1}{', reverse' * reverse}"


def _rows(steps: int | slice) -> slice:
    return slice(steps - 1, steps) if isinstance(steps, int) else slice(steps.start - 1, steps.stop - 1)


def unroll(stack: Stack, inputs: Tensor) -> tuple[list[Level], Tensor]:
    """Take a text through all levels, step by step, keeping every state as a tensor of its own in torch's graph.

    The layers are taken as in evaluation: no dropout, the expectation of zoneout.

    Args:
        stack: the layers.
        inputs: [T, B, X].

    Returns:
        The levels, the lowest first and forward before reverse, and the outputs [T, B, F] in the order of the text.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4, 2, bidirectional=True).eval()
        >>> levels, outputs = unroll(layers, torch.randn(5, 1, 3))
        >>> [level.name for level in levels], tuple(outputs.shape)
        (['layer 1', 'layer 1, reverse', 'layer 2', 'layer 2, reverse'], (5, 1, 8))
    """
    levels: list[Level] = []
    rows = inputs
    for layer in range(stack.num_layers):
        both = [_read(stack, layer, reverse, rows) for reverse in (False, True)[: stack.num_directions]]
        outputs = torch.cat([_output(level) for level in both], dim=-1)
        rows = outputs + rows if stack.residual and layer else outputs
        levels += both
    return levels, rows


def _read(stack: Stack, layer: int, reverse: bool, rows: Tensor) -> Level:
    """One level over the whole text."""
    states = stack.initial_states(rows.size(1), rows).values()
    start = torch.cat([state[layer * stack.num_directions + reverse] for state in states], dim=-1)
    read = rows.flip(0) if reverse else rows
    weights = stack.weights(layer, reverse)
    level = Level(layer, reverse, stack.cell, weights, stack.state_widths, read, [start], stack.zoned)
    for step in range(1, level.length + 1):
        level.states.append(level.advance(step, level.states[-1]))
    return level


def _output(level: Level) -> Tensor:
    """[T, B, width], what the level returns in the order of the text."""
    outputs = torch.stack(level.states[1:])[..., : next(iter(level.widths.values()))]
    return outputs.flip(0) if level.reverse else outputs


def level_of(subject: Subject, layer: int = 0, reverse: bool = False) -> Level:
    """One level of a subject in float64 as it reads the text; every number in it is finite.

    Args:
        subject: the layers and the text.
        layer: 0 is the lowest.
        reverse: the direction that reads from the end.

    Raises:
        MeasureError: there is no such level; or a weight, an input or a state is not finite.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> level_of(subject).length
        5
    """
    stack, inputs = subject.double()
    check_level(stack, layer, reverse)
    check_finite(stack, inputs)
    with torch.no_grad():
        levels, _ = unroll(stack, inputs[:, None])
    for level in levels:
        check_states(level)
    return next(level for level in levels if (level.layer, level.reverse) == (layer, reverse))


def check_level(stack: Stack, layer: int, reverse: bool) -> None:
    """Refuse a layer or a direction that is not there.

    Raises:
        MeasureError: with what there is.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> check_level(Recurrent("gru", 3, 4, 2), 1, reverse=False)
    """
    if not 0 <= layer < stack.num_layers:
        raise MeasureError(f"there is no layer {layer}, the layers are 0 to {stack.num_layers - 1}", where="layer")
    if reverse and not stack.bidirectional:
        raise MeasureError("the layers read forward only", where="reverse", fix="leave reverse out")


def check_finite(stack: Stack, inputs: Tensor) -> None:
    """Refuse weights and inputs that are no numbers, by name.

    Raises:
        MeasureError: with the name of the parameter, or the place in the text.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> check_finite(Recurrent("gru", 3, 4), torch.randn(5, 3))
    """
    for name, weight in stack.named_parameters():
        if not torch.isfinite(weight).all():
            raise MeasureError("there are numbers in it that are not finite", where=name, fix="train the model anew")
    bad = (~torch.isfinite(inputs)).any(-1).nonzero()
    if len(bad):
        raise MeasureError(f"what the layers read at token {int(bad[0])} is not finite", where="inputs")


def check_states(level: Level) -> None:
    """Refuse states that have left the numbers.

    Raises:
        MeasureError: with the level and the first token at which it happened.

    Example:
        >>> from gatewise.layers.recurrent import Recurrent
        >>> check_states(unroll(Recurrent("gru", 3, 4), torch.randn(5, 1, 3))[0][0])
    """
    finite = torch.isfinite(torch.stack(level.states[1:])).all(-1).all(-1)
    if not finite.all():
        place = int(level.positions(1 + (~finite).nonzero()[0])[0])
        raise MeasureError(f"the states are not finite from token {place} on", where=level.name)


def spread_targets(length: int, max_distance: int, count: int) -> Tensor:
    """Steps from which to look back, spread evenly over those that have ``max_distance`` steps behind them.

    Args:
        length: T.
        max_distance: at least 0 and at most T - 1; the text's first step is the farthest that is reached.
        count: how many at most; a single one is the last step.

    Returns:
        [N] rising numbers of steps, 1 .. T.

    Raises:
        MeasureError: the text is too short for the distance, or a number is out of its range.

    Example:
        >>> spread_targets(100, 60, 3).tolist()
        [61, 80, 100]
    """
    if count < 1 or max_distance < 0:
        raise MeasureError(f"expected a distance of 0 or more and one target or more, but {max_distance}, {count} came")
    if max_distance >= length:
        message = f"the text has {length} tokens, expected more than the distance {max_distance}"
        raise MeasureError(message, fix=f"give a longer text, or a distance of at most {length - 1}")
    spread = torch.linspace(length, max_distance + 1, min(count, length - max_distance)).round()
    return _rising(spread)


def spread_distances(max_distance: int) -> Tensor:
    """Distances 0 .. D: every one up to ``ALL_BELOW``, then ``PER_DOUBLING`` for each doubling, and D itself.

    Args:
        max_distance: D.

    Returns:
        [K] rising.

    Example:
        >>> spread_distances(50).tolist()[-6:]
        [29, 32, 36, 40, 45, 50]
    """
    near = torch.arange(min(max_distance, ALL_BELOW) + 1)
    if max_distance <= ALL_BELOW:
        return near
    doublings = torch.arange(0.0, math.log2(max_distance / ALL_BELOW), 1 / PER_DOUBLING)
    far = (ALL_BELOW * 2**doublings).round()
    return _rising(torch.cat([near, far, torch.tensor([max_distance])]))


def _rising(numbers: Tensor) -> Tensor:
    """Whole numbers, each once."""
    return torch.tensor(sorted({int(number) for number in numbers}))
