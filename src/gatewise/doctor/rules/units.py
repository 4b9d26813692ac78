"""Units that do nothing, and gates that have become switches."""

from __future__ import annotations

from gatewise.doctor.examination import Examination, LevelExamination
from gatewise.doctor.findings import Finding, Severity
from gatewise.doctor.thresholds import ALWAYS, DEAD, MOSTLY, SATURATED, SHUT

_OPEN = "start anew with --cell-options forget_bias=1 or more, and a lower --learning-rate"


def judge_units(examination: Examination) -> list[Finding]:
    """Dead units, carrying gates that are stuck shut, gates that are saturated; each layer by itself."""
    rules = (_dead, _shut, _saturated)
    return [finding for level in examination.levels for rule in rules for finding in rule(level)]


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


def _shut(level: LevelExamination) -> list[Finding]:
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
        found.append(Finding("fault", "stuck_shut", sentence, _OPEN, measure, float(count), MOSTLY * units))
    return found


def _saturated(level: LevelExamination) -> list[Finding]:
    found = []
    for gate in level.gates:
        share = float(gate.saturated.mean())
        if share <= SATURATED:
            continue
        sentence = (
            f"{level.name}: the gate {gate.gate} is nearly 0 or 1 {share:.0%} of the time: it switches, and hardly "
            "learns, since its slope is nearly 0 there"
        )
        advice = "lower the learning rate, or decay the weights more (--weight-decay)"
        found.append(Finding("warning", "saturated", sentence, advice, "share of saturated values", share, SATURATED))
    return found
