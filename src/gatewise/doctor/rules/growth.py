"""Gradients and states that grow with the distance, or leave the range of numbers."""

from __future__ import annotations

import math

from gatewise.doctor.examination import Examination, LevelExamination
from gatewise.doctor.findings import Finding
from gatewise.doctor.rules.reach import told
from gatewise.doctor.thresholds import GROWN, LARGE, STILL_GROWING
from gatewise.gradients.curves import Curve

_TAME = "shrink its recurrent weights: train with --clip-norm 1 and a lower --learning-rate, or start anew"


def judge_growth(examination: Examination) -> list[Finding]:
    """States that are no numbers, states that are too large, and gradients that explode; each layer once."""
    return [
        *_blown(examination),
        *(finding for level in examination.levels for finding in _of_level(level, examination)),
    ]


def _of_level(level: LevelExamination, examination: Examination) -> list[Finding]:
    grown = {state: growth(curve) for state, curve in level.jacobians.spectral.items()}
    state = max(grown, key=lambda name: grown[name])
    if grown[state] > math.log(GROWN):
        return [_exploding(level, state, grown[state], examination)]
    largest = max(float(part.abs().max()) for part in level.records.states.values())
    if largest > LARGE:
        sentence = f"{level.name}: a state reaches {largest:.2g}, so that the largest units drown all others"
        return [Finding("fault", "large_states", sentence, _TAME, "greatest state", largest, LARGE)]
    return []


def growth(curve: Curve) -> float:
    """By how much the logarithm of a norm grows from its start to the farthest distance; 0 where it peaks and decays.

    Example:
        >>> import torch
        >>> logs = torch.tensor([[0.0, 2.0, 4.0], [0.0, 2.0, 4.0]], dtype=torch.float64)
        >>> growth(Curve(torch.tensor([0, 1, 2]), logs, logs, logs))
        4.0
    """
    logs = [value for value in curve.mean_log.tolist() if math.isfinite(value)]
    if not logs or not math.isfinite(curve.mean_log.tolist()[-1]):
        return 0.0
    return logs[-1] - logs[0] if logs[-1] > max(logs) + math.log(STILL_GROWING) else 0.0


def _exploding(level: LevelExamination, state: str, grown: float, examination: Examination) -> Finding:
    distance = told(int(level.jacobians.spectral[state].distances[-1]), examination.unit)
    widest = max(level.bound.matrices, key=lambda matrix: matrix.spectral_norm, default=None)
    norm = f" (the spectral norm of its {widest.parameter} is {widest.spectral_norm:.3g})" if widest else ""
    sentence = f"{level.name} explodes: the gradient grows {times(grown)} over {distance}, and goes on{norm}"
    measure = f"growth of the norm of the Jacobian of the output by {state}, over {distance}"
    return Finding("fault", "exploding", sentence, _TAME, measure, math.exp(min(grown, 700.0)), GROWN)


def times(grown: float) -> str:
    """A factor, from its logarithm, however large.

    Example:
        >>> times(math.log(120)), times(2000.0)
        ('120 x', '10^869 x')
    """
    return f"{math.exp(grown):,.0f} x" if grown < math.log(1e6) else f"10^{grown / math.log(10):.0f} x"


def _blown(examination: Examination) -> list[Finding]:
    if examination.blown is None:
        return []
    unit, both = examination.unit, examination.subject.stack.bidirectional
    where = "" if both else f" after {told(examination.blown, unit)} of it: nothing it says from there on is a number"
    sentence = f"its states leave the range of numbers on this text{where}"
    measure = "step of the first state that is not finite"
    return [Finding("fault", "states_not_finite", sentence, _TAME, measure, float(examination.blown))]
