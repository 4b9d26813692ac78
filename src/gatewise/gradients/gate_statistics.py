"""How gates behave over a text, unit by unit: how open, how often saturated, how long the memory they keep lasts.

Letters: T steps, H units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gatewise.gradients.gates import GateRecords

LOW, HIGH = 0.1, 0.9
"""Below and above, a gate is saturated: it lets nearly nothing pass, or nearly all."""
STUCK = 0.99
"""A gate that is saturated on one side in more than this share of the steps is stuck."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BINS = 20
"""Of a histogram, all equally wide, from 0 to 1."""


@dataclass(frozen=True)
class GateStatistics:
    """The values of one gate over a text.

    Attributes:
        gate: its name.
        layer: 0 is the lowest.
        reverse: whether the layer reads from the end.
        steps: T.
        mean: [H].
        quantiles: [5, H], at ``QUANTILES``.
        below: [H], share of steps in which it is below 0.1.
        above: [H], share of steps in which it is above 0.9.
        histogram: [H, 20], how many steps in each twentieth from 0 to 1; 1 itself belongs to the last.
        stuck: [H], bool: below 0.1 in more than 99 % of the steps, or above 0.9.
    """

    gate: str
    layer: int
    reverse: bool
    steps: int
    mean: Tensor
    quantiles: Tensor
    below: Tensor
    above: Tensor
    histogram: Tensor
    stuck: Tensor

    @property
    def saturated(self) -> Tensor:
        """[H], share of steps in which it is below 0.1 or above 0.9."""
        return self.below + self.above

    def to_rows(self) -> list[dict[str, Any]]:
        """A row for each unit, without the histogram."""
        quantiles = zip(QUANTILES, self.quantiles, strict=True)
        columns = {"mean": self.mean} | {f"quantile {level:g}": values for level, values in quantiles}
        columns |= {"below 0.1": self.below, "above 0.9": self.above, "stuck": self.stuck}
        return _rows({"layer": self.layer, "reverse": self.reverse, "gate": self.gate}, columns)


@dataclass(frozen=True)
class Carrying:
    """How long a layer keeps a state, by the gate that carries it over.

    ::

        f = exp(mean over the steps of ln f_t)        half-life = ln 2 / -ln f

    After so many tokens half of what a unit holds is left, if nothing is written over it. Of a GRU f_t is the share of
    the old state that its update gate keeps, whichever way round the cell writes it.

    Attributes:
        state: what is kept, such as ``memory``.
        by: the gate, such as ``forget``; "" where it is no gate alone.
        layer: 0 is the lowest.
        reverse: whether the layer reads from the end.
        unit: what a token is.
        kept: [H], f.
        half_life: [H], tokens: 0 where nothing is kept, infinite where all is.
        copied: [H], share of steps in which more than 0.9 of the state is kept.
    """

    state: str
    by: str
    layer: int
    reverse: bool
    unit: str
    kept: Tensor
    half_life: Tensor
    copied: Tensor

    def to_rows(self) -> list[dict[str, Any]]:
        """A row for each unit."""
        same = {"layer": self.layer, "reverse": self.reverse, "state": self.state, "by": self.by}
        return _rows(same, {"kept": self.kept, "half-life": self.half_life, "copied": self.copied})


@dataclass(frozen=True)
class StateStatistics:
    """The values of one state over a text.

    Attributes:
        state: its name.
        layer: 0 is the lowest.
        reverse: whether the layer reads from the end.
        steps: T.
        mean: [H].
        deviation: [H], the standard deviation over the steps; 0 for a single one.
        least: [H].
        most: [H].
        dead: [H], bool: it never changes after the first step.
        zero: [H], bool: it is always 0, as that of a dead ReLU.
    """

    state: str
    layer: int
    reverse: bool
    steps: int
    mean: Tensor
    deviation: Tensor
    least: Tensor
    most: Tensor
    dead: Tensor
    zero: Tensor

    def to_rows(self) -> list[dict[str, Any]]:
        """A row for each unit."""
        names = ("mean", "deviation", "least", "most", "dead", "zero")
        same = {"layer": self.layer, "reverse": self.reverse, "state": self.state}
        return _rows(same, {name: getattr(self, name) for name in names})


def gate_statistics(records: GateRecords) -> tuple[GateStatistics, ...]:
    """How each gate of a layer behaves; none for a cell without gates.

    Args:
        records: of one layer in one direction.

    Example:
        >>> from gatewise.gradients.gates import gate_records
        >>> from gatewise.gradients.subject import Subject
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("lstm", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> [(found.gate, int(found.histogram.sum())) for found in gate_statistics(gate_records(subject))]
        [('input', 20), ('forget', 20), ('output', 20)]
    """
    return tuple(_of_gate(records, name, values) for name, values in records.gates.items())


def _of_gate(records: GateRecords, name: str, values: Tensor) -> GateStatistics:
    below, above = (values < LOW).double().mean(0), (values > HIGH).double().mean(0)
    places = (values * BINS).long().clamp(0, BINS - 1)
    units = values.size(1)
    counts = torch.bincount((places + BINS * torch.arange(units)).flatten(), minlength=BINS * units)
    return GateStatistics(
        name,
        records.layer,
        records.reverse,
        len(values),
        values.mean(0),
        values.quantile(values.new_tensor(QUANTILES), dim=0),
        below,
        above,
        counts.view(units, BINS),
        torch.maximum(below, above) > STUCK,
    )


def carrying(records: GateRecords) -> tuple[Carrying, ...]:
    """How long each state of a layer is kept; none for a cell that carries nothing over, such as a plain RNN.

    Args:
        records: of one layer in one direction.

    Example:
        >>> from gatewise.gradients.gates import gate_records
        >>> from gatewise.gradients.subject import Subject
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("simple_gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> [(one.state, one.by, tuple(one.half_life.shape)) for one in carrying(gate_records(subject))]
        [('hidden', '1 - update', (4,))]
    """
    found = []
    for carry in records.carry.values():
        logarithm = carry.share.abs().log().mean(0)
        half_life = torch.where(logarithm < 0, -math.log(2) / logarithm, math.inf)
        copied = (carry.share > HIGH).double().mean(0)
        where = (records.layer, records.reverse, records.unit)
        found.append(Carrying(carry.state, carry.by, *where, logarithm.exp(), half_life, copied))
    return tuple(found)


def state_statistics(records: GateRecords) -> tuple[StateStatistics, ...]:
    """How each state of a layer moves over a text.

    Args:
        records: of one layer in one direction.

    Example:
        >>> from gatewise.gradients.gates import gate_records
        >>> from gatewise.gradients.subject import Subject
        >>> from gatewise.layers.recurrent import Recurrent
        >>> layers = Recurrent("gru", 3, 4).eval()
        >>> subject = Subject(layers, torch.randn(5, 3), tuple("hello"), text_loss=lambda outputs: outputs[-1].sum(-1))
        >>> [(found.state, found.dead.tolist()) for found in state_statistics(gate_records(subject))]
        [('hidden', [False, False, False, False])]
    """
    return tuple(_of_state(records, name, values) for name, values in records.states.items())


def _of_state(records: GateRecords, name: str, values: Tensor) -> StateStatistics:
    least, most = values.min(0).values, values.max(0).values
    return StateStatistics(
        name,
        records.layer,
        records.reverse,
        len(values),
        values.mean(0),
        values.std(0, correction=0),
        least,
        most,
        dead=least == most,
        zero=(values == 0).all(0),
    )


def _rows(same: Mapping[str, Any], columns: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """A row for each unit, its columns in plain numbers."""
    lists: Mapping[str, Sequence[Any]] = {name: values.tolist() for name, values in columns.items()}
    units = len(next(iter(lists.values())))
    return [{**same, "unit": unit, **{name: values[unit] for name, values in lists.items()}} for unit in range(units)]
