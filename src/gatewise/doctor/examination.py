"""Everything that is measured of one network on one text, put together; numbers only, no words of advice.

Letters: T tokens, D distance.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from gatewise.doctor.settings import DoctorSettings
from gatewise.errors import DataError, SettingError
from gatewise.gradients.behaviour import BehaviouralMemory, behavioural_memory, step_losses
from gatewise.gradients.bound import Bound, recurrent_bound
from gatewise.gradients.gate_statistics import (
    Carrying,
    GateStatistics,
    StateStatistics,
    carrying,
    gate_statistics,
    state_statistics,
)
from gatewise.gradients.gates import GateRecords, gate_records
from gatewise.gradients.jacobians import JacobianNorms, jacobian_norms
from gatewise.gradients.levels import name_of
from gatewise.gradients.loss_gradients import LossGradients, loss_gradients
from gatewise.gradients.subject import Subject
from gatewise.gradients.weight_shares import WeightShare, weight_shares
from gatewise.tasks.examined import LONGEST

DISTANCE = 200
"""How far back is looked where nothing is asked; half of the text where that is less, so that several places of the
text have so much before them."""
EXACT_UP_TO = 256
"""Numbers in the states of a level up to which Jacobians are multiplied: seconds. More are estimated, with intervals,
and from a quarter of the places, so that a layer of 384 units takes half a minute at most on two cores."""
LEAST = 3
"""Tokens of the shortest text on which anything reaches back."""
Said = Callable[[str], None]


@dataclass(frozen=True)
class LevelExamination:
    """One layer in one direction.

    Attributes:
        layer: from 0.
        reverse: whether it reads backwards.
        jacobians: how the output of a step depends on the states before it, by distance.
        bound: what the recurrent weights alone say of it.
        records: the gates and states at every step.
        gates: what the gates do, each.
        carrying: how long each state that is carried along is kept.
        states: what the states do, each.
    """

    layer: int
    reverse: bool
    jacobians: JacobianNorms
    bound: Bound
    records: GateRecords
    gates: tuple[GateStatistics, ...]
    carrying: tuple[Carrying, ...]
    states: tuple[StateStatistics, ...]

    @property
    def name(self) -> str:
        """As it is said, such as ``layer 2, reverse``."""
        return name_of(self.layer, self.reverse)


@dataclass(frozen=True)
class Examination:
    """All that was measured.

    Attributes:
        subject: what was examined, with the text as far as it was read.
        distance: D, how far back was looked.
        blown: the first step at which a state is no number or infinite; None where all are finite. Everything below
            was then measured on the text before it, and nothing where there is too little of that.
        levels: each layer and direction that was asked for.
        loss: the gradient of the loss by each state, by distance, through the whole network.
        shares: where the gradient of the recurrent weights comes from.
        behaviour: by how much the loss worsens where a token is replaced.
        surprise: the loss of each step in nats, [T]; None where the text has one loss as a whole.
        window: how many tokens training looked back at most, None where it saw whole texts, or is not known.
        seconds: the time it took.
    """

    subject: Subject
    distance: int
    blown: int | None
    levels: tuple[LevelExamination, ...]
    loss: LossGradients | None
    shares: tuple[WeightShare, ...]
    behaviour: BehaviouralMemory | None
    surprise: Tensor | None
    window: int | None
    seconds: float

    @property
    def unit(self) -> str:
        """What a token is, in the singular."""
        return self.subject.unit


def examine(
    subject: Subject, settings: DoctorSettings | None = None, *, window: int | None = None, say: Said | None = None
) -> Examination:
    """Measure everything there is to measure of a network on a text.

    Args:
        subject: the layers, the text and the loss.
        settings: how far back, from how many places, of which layer.
        window: how many tokens training looked back at most.
        say: is handed a line before each part.

    Raises:
        DataError: the text is shorter than the distance asked for.
        SettingError: there is no such layer.
    """
    settings, say, began = settings or DoctorSettings(), say or _unheard, time.perf_counter()
    whole = len(subject.tokens)
    _check_tokens(subject, settings.tokens)
    subject = shortened(subject, settings.tokens)
    _check_layer(subject, settings.layer)
    distance = distance_of(subject, settings.distance, cut=len(subject.tokens) < whole)
    blown = first_not_finite(subject)
    if blown is not None and (subject.step_loss is None or subject.stack.bidirectional or blown < LEAST):
        return Examination(subject, distance, blown, (), None, (), None, None, window, time.perf_counter() - began)
    if blown is not None:
        subject = shortened(subject, blown)
        distance = min(distance, blown // 2)
    levels = tuple(_level(subject, *level, distance, settings, say) for level in _chosen(subject, settings.layer))
    say("how the loss depends on every state before it")
    loss = loss_gradients(subject, max_distance=distance, targets=settings.positions)
    shares = weight_shares(subject, max_distance=distance, targets=min(4, settings.positions))
    say("how the loss worsens where a token is replaced")
    behaviour = behavioural_memory(subject, most=distance, samples=settings.samples, seed=settings.seed)
    surprise = step_losses(subject) if subject.step_loss is not None else None
    seconds = time.perf_counter() - began
    return Examination(subject, distance, blown, levels, loss, shares, behaviour, surprise, window, seconds)


def distance_of(subject: Subject, asked: int, *, cut: bool = False) -> int:
    """How far back to look.

    Args:
        subject: with its text.
        asked: 0: as far as makes sense.
        cut: whether there is more of the text, which ``tokens`` keeps from being read.

    Raises:
        DataError: the text is too short.
    """
    length, unit = len(subject.tokens), subject.unit
    if length < LEAST:
        message = f"a text of at least {LEAST} {unit}s is needed to look back in, but it has {length}"
        raise DataError(message, fix=f"give {_more(cut)}")
    most = length - 2  # one token to replace, and one after it to see what comes of that
    if asked > most:
        message = f"a text of {length:,} {unit}s is too short to look {asked:,} back"
        other = f", or {_more(cut)}" if cut or length < LONGEST else f"; no more than {LONGEST:,} {unit}s are read"
        raise DataError(message, where="distance", fix=f"give {most:,} or less{other}")
    return asked or min(DISTANCE, max(1, length // 2) if subject.step_loss else most)


def _more(cut: bool) -> str:
    return "a greater --tokens, which is how much of the text is read" if cut else "a longer text"


def _check_tokens(subject: Subject, most: int) -> None:
    if subject.step_loss is None and most < len(subject.tokens):
        message = f"the loss is that of the whole text, {len(subject.tokens):,} {subject.unit}s, which cannot be cut"
        raise SettingError(message, where="--tokens", fix="leave it out, or give a shorter text")


def shortened(subject: Subject, most: int) -> Subject:
    """A text of at most so many tokens; one whose loss is that of the whole text stays as it is."""
    if subject.step_loss is None or len(subject.tokens) <= most:
        return subject
    targets = subject.targets[:most]
    return dataclasses.replace(subject, inputs=subject.inputs[:most], tokens=subject.tokens[:most], targets=targets)


@torch.no_grad()
def first_not_finite(subject: Subject) -> int | None:
    """The first step of the text at which what the layers return is NaN or infinite; None where there is none."""
    output, _ = subject.stack(subject.inputs[:, None].to(next(subject.stack.parameters()).dtype))
    broken = (~torch.isfinite(output)).flatten(1).any(1)
    return int(broken.nonzero()[0]) if bool(broken.any()) else None


def _unheard(_line: str) -> None:
    """Nobody asked to hear how far it has come."""


def _check_layer(subject: Subject, layer: int) -> None:
    there = subject.stack.num_layers
    if layer > there:
        message = f"the network has {there} layer{'s' * (there > 1)}, but layer {layer} was asked for"
        raise SettingError(message, where="--layer", fix=f"give {'1' if there == 1 else f'1 to {there}'}, or 0 for all")


def _chosen(subject: Subject, layer: int) -> list[tuple[int, bool]]:
    stack = subject.stack
    layers = range(stack.num_layers) if layer == 0 else [layer - 1]
    return [(number, reverse) for number in layers for reverse in (False, True)[: stack.num_directions]]


def _places(subject: Subject, positions: int) -> int:
    """From how many places of the text the Jacobians are followed back."""
    size = sum(subject.stack.state_widths.values())
    return positions if size <= EXACT_UP_TO else max(2, positions // 4)


def _level(
    subject: Subject, layer: int, reverse: bool, distance: int, settings: DoctorSettings, say: Said
) -> LevelExamination:
    say(f"{name_of(layer, reverse)}: Jacobians and gates")
    jacobians = jacobian_norms(
        subject,
        layer,
        reverse,
        max_distance=distance,
        targets=_places(subject, settings.positions),
        exact_up_to=EXACT_UP_TO,
        seed=settings.seed,
    )
    records = gate_records(subject, layer, reverse)
    return LevelExamination(
        layer,
        reverse,
        jacobians,
        recurrent_bound(subject, layer, reverse),
        records,
        gate_statistics(records),
        carrying(records),
        state_statistics(records),
    )
