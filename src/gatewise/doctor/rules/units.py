"""Units that do nothing, and gates that have become switches."""

from __future__ import annotations

from gatewise.doctor.examination import Examination, LevelExamination
from gatewise.doctor.findings import Finding, Severity
from gatewise.doctor.rules.reach import opened
from gatewise.doctor.thresholds import ALWAYS, DEAD, MOSTLY, PINNED, RADIUS, SATURATED, SHUT


def judge_units(examination: Examination) -> list[Finding]:
    """Dead units, carrying gates that are stuck shut, weights that are too large; each layer by itself."""
    advice = f"{opened(examination)}, and train with a lower --learning-rate"
    return [
        finding
        for level in examination.levels
        for finding in (*_dead(level), *_shut(level, advice), *_overdriven(level))
    ]


def _dead(level: LevelExamination) -> list[Finding]:
    found = []
    for state in level.states:
        units, zero, dead = len(state.dead), int(state.zero.sum()), int(state.dead.sum())
        if dead < DEAD * units:
            continue
        severity: Severity = "fault" if dead > MOSTLY * units else "warning"
        how = "are 0 at every step" if zero >= dead else "never change"
        sentence = (
            f"{level.name}: {dead} of {units} units of {state.state} {how}: they are dead, and no gradient revives them"
        )
        relu = "relu" in level.records.functions.values()
        advice = "start anew with a lower --learning-rate" + (", or with tanh in place of ReLU" if relu else "")
        found.append(
            Finding(severity, "dead_units", sentence, advice, f"dead units of {units}", float(dead), DEAD * units)
        )
    return found


def _shut(level: LevelExamination, advice: str) -> list[Finding]:
    found = []
    for state, carry in level.records.carry.items():
        shut = (carry.share < SHUT).double().mean(0) > ALWAYS
        units, count = len(shut), int(shut.sum())
        if count <= MOSTLY * units:
            continue
        sentence = (
            f"{level.name}: the gate that carries {state} ({carry.by}) is stuck shut in {count} of {units} units: "
            f"less than {SHUT:g} of what they hold is kept at every step, so they remember nothing"
        )
        measure = f"units of {units} that are shut in more than {ALWAYS:.0%} of the steps"
        found.append(Finding("fault", "stuck_shut", sentence, advice, measure, float(count), MOSTLY * units))
    return found


def _overdriven(level: LevelExamination) -> list[Finding]:
    """Weights so large that what they drive sits at its ends, where its slope is nearly 0 and no gradient passes."""
    widest = max(level.bound.matrices, key=lambda matrix: matrix.spectral_norm, default=None)
    if widest is None:
        return []
    if level.gates:
        share, limit = sum(float(gate.saturated.mean()) for gate in level.gates) / len(level.gates), SATURATED
        what = f"its gates are nearly 0 or 1 {share:.0%} of the time: they switch, and hardly learn any more"
    else:
        share, limit = _pinned(level), PINNED
        what = f"{share:.0%} of what its units put out is pinned to an end, where the slope is 0 and no gradient passes"
        if (widest.spectral_radius or 0.0) < RADIUS:
            return []
    if share <= limit:
        return []
    sentence = f"{level.name}: {what}; its weights are too large (the spectral norm of R is {widest.spectral_norm:.3g})"
    advice = "train again with a lower --learning-rate, and --clip-norm 1"
    return [Finding("fault", "overdriven", sentence, advice, "share of saturated values", share, limit)]


def _pinned(level: LevelExamination) -> float:
    """The share of the values of tanh and sigmoid that are within 1 % of one of their ends."""
    ends = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
    shares = []
    for name, values in level.records.candidates.items():
        if level.records.functions[name] in ends:
            low, high = ends[level.records.functions[name]]
            shares.append(float(((values < low + 0.01) | (values > high - 0.01)).double().mean()))
    return sum(shares) / len(shares) if shares else 0.0
