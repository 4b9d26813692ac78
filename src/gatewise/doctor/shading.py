"""The text that was read, coloured by what one unit holds and by how much each token surprised."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from gatewise.doctor.examination import Examination, LevelExamination
from gatewise.drawing.shading import shaded_html, shaded_terminal
from gatewise.errors import SettingError

_LONGEST = 600
"""Tokens that are shown: about what a reader looks at."""
_LONG, _SHOWN = 0.75, 0.02
"""Where none is asked for, a unit is chosen among those that keep longer than this share of the others; those whose
half-life is above that share of the text hardly change on a page."""


class Chosen(NamedTuple):
    """A unit to look at.

    Attributes:
        level: its layer and direction.
        state: its name.
        unit: its number, from 0.
    """

    level: LevelExamination
    state: str
    unit: int

    @property
    def what(self) -> str:
        """In words."""
        return f"unit {self.unit} of {self.state}, {self.level.name}"

    @property
    def values(self) -> Tensor:
        """What it holds after each step, [T]."""
        return self.level.records.states[self.state][:, self.unit]


def chosen(examination: Examination, unit: int | None) -> Chosen:
    """The unit that is looked at: the one asked for, else one that keeps long and turns now and then.

    Args:
        examination: with at least one level.
        unit: its number, of the last level that was examined.

    Raises:
        SettingError: there is no such unit.
    """
    if unit is None:
        return max(map(_longest, examination.levels), key=lambda found: found[0])[1]
    level = examination.levels[-1]
    state = level.carrying[0].state if level.carrying else level.jacobians.of
    width = level.records.states[state].shape[1]
    if unit >= width:
        message = f"{level.name} has {width} units, 0 to {width - 1}, but unit {unit} was asked for"
        raise SettingError(message, where="--unit", fix=f"give 0 to {width - 1}")
    return Chosen(level, state, unit)


def coloured(examination: Examination, unit: int | None) -> list[str]:
    """The beginning of the text as HTML: by what a unit holds, and by surprise."""
    if not examination.levels:
        return []
    picked, between = chosen(examination, unit), _between(examination)
    tokens = examination.subject.tokens[:_LONGEST]
    found = [shaded_html(tokens, picked.values[:_LONGEST].tolist(), what=picked.what, separator=between)]
    if examination.surprise is not None:
        about = (examination.subject.targets or examination.subject.tokens)[:_LONGEST]
        surprise = examination.surprise[:_LONGEST].tolist()
        found.append(shaded_html(about, surprise, what="surprise", unit="nats", separator=between))
    return found


def in_terminal(examination: Examination, unit: int, colour: bool, most: int = 120) -> str:
    """The first tokens by what a unit holds, for a terminal."""
    picked = chosen(examination, unit)
    tokens, values = examination.subject.tokens[:most], picked.values[:most].tolist()
    return shaded_terminal(tokens, values, what=picked.what, colour=colour, separator=_between(examination))


def _between(examination: Examination) -> str:
    return " " if examination.unit in ("word", "token") else ""


def _longest(level: LevelExamination) -> tuple[float, Chosen]:
    if not level.carrying:
        output = level.jacobians.of
        return 0.0, Chosen(level, output, int(level.records.states[output].std(0).argmax()))
    carried = level.carrying[0]
    values, lives = level.records.states[carried.state].double(), carried.half_life.double()
    seen = lives <= _SHOWN * len(values)
    long = seen & (lives >= lives[seen].quantile(_LONG)) if bool(seen.any()) else torch.ones_like(seen)
    turning = torch.where(long, _turning(values), torch.full_like(lives, -1.0))
    unit = int(turning.argmax())
    return float(lives[unit]), Chosen(level, carried.state, unit)


def _turning(values: Tensor) -> Tensor:
    """[H], which share of what each unit does is no steady rise or fall: one that only counts steps shows nothing."""
    centred, steps = values - values.mean(0), torch.arange(len(values), dtype=values.dtype)
    steps = steps - steps.mean()
    slope = (steps[:, None] * centred).sum(0) / (steps * steps).sum()
    rest, whole = (centred - slope * steps[:, None]).square().sum(0), centred.square().sum(0)
    return torch.where(whole > 0, rest / whole.clamp_min(1e-30), torch.zeros_like(whole))
