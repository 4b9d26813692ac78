"""How far back a network remembers, by its gradient and by its behaviour, and what would make that more."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gatewise.doctor.examination import Examination
from gatewise.doctor.findings import Finding
from gatewise.doctor.thresholds import ENOUGH, KEPT, TOO_SHORT
from gatewise.gradients.behaviour import BehaviouralMemory
from gatewise.gradients.curves import Curve
from gatewise.gradients.levels import name_of
from gatewise.gradients.memory import gradient_memory
from gatewise.tasks.examined import LONGEST


@dataclass(frozen=True)
class Reach:
    """How far back the gradient of the loss reaches.

    Attributes:
        distance: tokens after which it stays below 1 % of its start; infinite where it does not on this text.
        where: the layer and state in which it reaches so far.
        left: the logarithm of the share of its start that is left at the farthest distance, which tells states apart
            whose gradient reaches farther than was looked.
    """

    distance: float
    where: str
    left: float = -math.inf


def left(curve: Curve) -> float:
    """The logarithm of the share of its start, the first that is not 0, that a norm has left at the farthest distance.

    Example:
        >>> import torch
        >>> left(Curve.of_exact(torch.arange(4), torch.tensor([[-math.inf, -1.0, -2.0, -4.0]])))
        -3.0
    """
    logs: list[float] = curve.mean_log.tolist()
    return logs[-1] - next((log for log in logs if log > -math.inf), 0.0)


def gradient_reach(examination: Examination) -> Reach | None:
    """The farthest of all layers and states; None where no state has any gradient."""
    found = [
        Reach(gradient_memory(part.curve, KEPT), f"{name_of(part.layer, part.reverse)}, {part.state}", left(part.curve))
        for part in (examination.loss.states if examination.loss else ())
        if math.isfinite(float(part.curve.mean_log.max()))
    ]
    return max(found, key=lambda reach: (reach.distance, reach.left), default=None)


def judge_reach(examination: Examination) -> list[Finding]:
    """Behaviour first, since that is what a user sees; then the gradient, and what to change."""
    return [*_behaviour(examination), *_gradient(examination)]


def _behaviour(examination: Examination) -> list[Finding]:
    behaviour = examination.behaviour
    if behaviour is None:
        return []
    unit, length = examination.unit, behaviour.length
    where = "the end of the text" if behaviour.of_text else "the present"
    measure = f"behavioural memory in {unit}s"
    if not _enough(behaviour):
        sentence = f"from {behaviour.samples} places it cannot be told how far back a {unit} matters to it"
        advice = "examine it on a longer text, without a small --samples"
        return [Finding("note", "too_few", sentence, advice, "places looked at", float(behaviour.samples), ENOUGH)]
    if length == 0:
        sentence = f"no single {unit} before {where} matters to it: replacing one worsens the loss no more than chance"
        advice = (
            f"train longer, or examine it on a text like those it was trained on (here: {examination.distance} back)"
        )
        return [Finding("warning", "no_memory", sentence, advice, measure, 0.0, 1.0)]
    if behaviour.reaches_end:
        sentence = f"it uses at least the last {told(length, unit)}: replacing one so far back still worsens the loss"
        return [Finding("note", "behaviour", sentence, _farther_off(examination, length), measure, float(length))]
    sentence = (
        f"it uses the last {told(length, unit)}: replacing one farther back worsens the loss no more than chance, "
        "or by less than 1 % of the most that one does"
    )
    return [Finding("note", "behaviour", sentence, "", measure, float(length))]


def _gradient(examination: Examination) -> list[Finding]:
    reach, unit = gradient_reach(examination), examination.unit
    if examination.loss is None:
        return []
    measure = f"distance in {unit}s from which the gradient of the loss stays below 1 % of its start"
    if reach is None:
        sentence = "no gradient of the loss reaches any state, so nothing can be learnt from what was read"
        return [Finding("fault", "no_gradient", sentence, "start anew with smaller weights", measure, 0.0)]
    if math.isinf(reach.distance):
        sentence = f"its gradient reaches farther than the {told(examination.distance, unit)} looked at ({reach.where})"
        return [Finding("note", "gradient", sentence, farther(examination, reach), measure, reach.distance)]
    sentence = (
        f"its gradient reaches {told(reach.distance, unit)} back, then it is below 1 % of its start ({reach.where})"
    )
    if reach.distance < TOO_SHORT:
        sentence = (
            f"its gradient vanishes: {told(reach.distance, unit)} back it is below 1 % of its start ({reach.where})"
        )
        return [Finding("warning", "vanishing", sentence, _gated(examination), measure, reach.distance, TOO_SHORT)]
    return [Finding("note", "gradient", sentence, farther(examination, reach), measure, reach.distance)]


def farther(examination: Examination, reach: Reach) -> str:
    """What to change so that it remembers more, from what limits it now."""
    window, behaviour, unit = examination.window, examination.behaviour, examination.unit
    if not is_gated(examination):
        return _gated(examination)
    reached = min(reach.distance, examination.distance)  # as far as it was seen
    used = None if behaviour is None or behaviour.reaches_end or not _enough(behaviour) else behaviour.length
    if used is not None and 2 * used < min(reached, window or math.inf):
        return (
            "the gradient reaches farther than the predictions make use of: for a longer memory train longer and on "
            "more text, before you try another cell"
        )
    if window is not None and reached >= window:
        return (
            f"training looked back {told(window, unit)} at most, and the gradient reaches farther: for a longer memory "
            f"train with --bptt {2 * window}"
        )
    if math.isinf(reach.distance):
        return ""  # nothing that was looked at limits it
    kept = half_life(examination)
    if kept >= reach.distance:
        long = f"for {told(kept, unit)} and longer" if math.isfinite(kept) else "unchanged"
        return (
            f"half of its units keep what they hold {long}, but little of that comes out: for a longer memory train "
            "longer, or on text that asks for what lies far back"
        )
    return f"what limits its memory is that the gates let go of it: for a longer memory {opened(examination)}"


def _enough(behaviour: BehaviouralMemory) -> bool:
    """Whether it was tried so often that chance is not taken for memory; the loss of a text is tried less often."""
    return behaviour.of_text or behaviour.samples >= ENOUGH


def _farther_off(examination: Examination, length: int) -> str:
    """To look farther back than the last distance, as far as the doctor reads at all."""
    twice = min(2 * length, LONGEST - 2)
    if twice <= length:
        return ""
    return f"look farther: --distance {twice}" + " on a longer text" * (twice > len(examination.subject.tokens) - 2)


def half_life(examination: Examination) -> float:
    """The half-life in tokens that half of the units of a level have at least, of the longest level; 0: none."""
    lives = [float(state.half_life.median()) for level in examination.levels for state in level.carrying]
    return max(lives, default=0.0)


def is_gated(examination: Examination) -> bool:
    """Whether some state is carried along by a gate; an equation that is not known may have one."""
    return any(level.carrying or level.records.missing for level in examination.levels) or not examination.levels


def told(distance: float, unit: str) -> str:
    """A distance in words.

    Example:
        >>> told(1, "word"), told(12.6, "word"), told(2.34, "word")
        ('1 word', '13 words', '2.3 words')
    """
    shown = f"{distance:.1f}".removesuffix(".0") if distance < 10 else f"{distance:,.0f}"
    return f"{shown} {unit}{'' if shown == '1' else 's'}"


def _gated(examination: Examination) -> str:
    if is_gated(examination):
        return f"{opened(examination)}, and train longer"
    return "for a longer memory take a cell that can carry its state along: --cell lstm, or gru"


def opened(examination: Examination) -> str:
    """How to begin with gates that let a state stay, in the imperative."""
    bias = examination.subject.stack.cell.constants().get("forget_bias")
    if isinstance(bias, int | float):
        return f"start with the forget gates more open: --cell-options forget_bias={bias + 1:g} (it was {bias:g})"
    return "take a cell that starts with open gates: --cell lstm --cell-options forget_bias=2"
