"""Early signs that a training goes wrong: rules over the losses and gradient norms of its last steps.

Nothing here needs torch. Each rule is a function of a short history and says a line, or nothing; :class:`Health` keeps
the history and says each cause once in a run. A rule is quiet as long as the run learns: see each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from gatewise.training.layer_names import level, told

KEPT = 40
"""Steps in the history."""
EVERY = 5
"""Steps between two looks at it."""
SPAN = 20
"""Steps in which the gradient norm may not grow :data:`GROWTH` times while the loss does not fall."""
GROWTH = 10.0
"""See :data:`SPAN`."""
SPIKE = 50.0
"""How many times the usual norm a single gradient is that should have been clipped."""
OVERLONG = 50.0
"""How many times longer than the limit gradients are that are no longer a matter of clipping."""
HUGE = 1000.0
"""The same where nothing is clipped: the norm itself, of a mean loss per unit."""
LOST = 0.5
"""Share of what a loss had fallen by that it may rise again."""
WORSE = 0.1
"""Share by which a loss may rise above the one it began with."""
FAINT = 1e-3
"""Share of the top level's gradient norm below which next to nothing reaches a lower level of a stack."""
NOT_FINITE = "not_finite"
"""The cause of the last alarm of a run whose gradients stay NaN or infinite; it is no rule's, the run ends with it."""
_NOW, _BEFORE = 5, 10  # steps in the medians that are compared over SPAN
_FIRST = 3  # steps in the loss that a run began with: a rate that is much too high shows in the next already


@dataclass(frozen=True, slots=True)
class Step:
    """What is known of a step whose gradient was finite.

    Attributes:
        step: its number.
        loss: mean per unit.
        norm: of the gradient, before clipping.
        clipped: whether it was clipped.
        norms: of each layer's part of the gradient, before clipping.
    """

    step: int
    loss: float
    norm: float
    clipped: bool
    norms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings say that rules and their advice depend on.

    Attributes:
        rate: the learning rate of the present step.
        clip_norm: the longest gradient allowed; 0: any.
        clip_value: the greatest element allowed; 0: any.
    """

    rate: float
    clip_norm: float
    clip_value: float = 0.0


@dataclass(frozen=True, slots=True)
class Alarm:
    """A thing that a person should know.

    Attributes:
        cause: explosion, spike, overlong, divergence, vanishing or silent.
        step: at which it was seen.
        line: what was seen, and what to do about it.
    """

    cause: str
    step: int
    line: str


@dataclass
class Health:
    """The last steps of a run, and what was said of them.

    Attributes:
        recent: at most :data:`KEPT` steps, whose layers are the same.
        start: the median loss of the first steps; None before :data:`EVERY` are done.
        lowest: the lowest median loss so far; None before there is one.
        said: the causes that were said, with their step.

    Example:
        >>> health, limits = Health(), Limits(rate=0.1, clip_norm=1.0)
        >>> steps = [Step(number, 2.0, 0.1 * 1.2**number, False, {"output": 1.0}) for number in range(1, 41)]
        >>> alarms = [alarm for step in steps for alarm in health.stepped(step, limits)]
        >>> [(alarm.cause, alarm.step) for alarm in alarms]
        [('explosion', 30)]
    """

    recent: list[Step] = field(default_factory=list)
    start: float | None = None
    lowest: float | None = None
    said: dict[str, int] = field(default_factory=dict)

    def stepped(self, step: Step, limits: Limits) -> list[Alarm]:
        """Take note of a step; what is to be said because of it."""
        if self.recent and self.recent[-1].norms.keys() != step.norms.keys():
            self.recent = []  # layers were unfrozen: the norm of more layers is another norm
        self.recent = [*self.recent[1 - KEPT :], step]
        if step.step % EVERY:
            return []
        self._note_losses()
        alarms = []
        for cause, rule in _RULES.items():
            if cause not in self.said and (line := rule(self, limits)):
                self.said[cause] = step.step
                alarms.append(Alarm(cause, step.step, line))
        return alarms

    def _note_losses(self) -> None:
        if self.start is None:
            self.start = loss_of(self.recent[:_FIRST])
        if len(self.recent) >= SPAN:
            now = loss_of(self.recent[-SPAN:])
            self.lowest = now if self.lowest is None else min(self.lowest, now)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Health:
        """What ``dataclasses.asdict`` gave.

        Example:
            >>> import dataclasses
            >>> health = Health(recent=[Step(1, 2.0, 0.5, False, {"output": 0.5})], said={"spike": 1})
            >>> Health.from_dict(dataclasses.asdict(health)) == health
            True
        """
        return cls(**{**state, "recent": [Step(**step) for step in state["recent"]]})


def norm_of(steps: Sequence[Step]) -> float:
    """The median gradient norm of some steps."""
    return median(step.norm for step in steps)


def loss_of(steps: Sequence[Step]) -> float:
    """The median loss of some steps."""
    return median(step.loss for step in steps)


def norms_of(steps: Sequence[Step]) -> dict[str, float]:
    """The median gradient norm of each layer over some steps."""
    return {name: median(step.norms[name] for step in steps) for name in steps[-1].norms}


def explosion(health: Health, limits: Limits) -> str:
    """That the norm grew :data:`GROWTH` times in :data:`SPAN` steps and the loss did not fall; "" where it did not.

    A gradient may well grow where the network begins to learn: then the loss falls. One that is shorter than what is
    clipped at (or than 1, where nothing is clipped) does no harm.
    """
    if len(health.recent) < SPAN + _BEFORE:
        return ""
    before, now = health.recent[-SPAN - _BEFORE : -SPAN], health.recent[-_NOW:]
    usual, present = norm_of(before), norm_of(now)
    if present < max(GROWTH * usual, limits.clip_norm or 1.0) or loss_of(now) < loss_of(before):
        return ""
    grown = growth(norms_of(before), norms_of(now))
    return (
        f"the gradient norm grew {_times(present, usual)} in {SPAN} steps, from {_short(usual)} to {_short(present)}, "
        f"at {told(grown)}: {_tamed(usual, limits)}"
    )


def growth(before: Mapping[str, float], now: Mapping[str, float]) -> str:
    """The layer whose gradient grew most; of those that grew at least half as much, the one nearest to the output.

    What explodes in a layer goes on into those below it, so that they grow as well.

    Example:
        >>> growth({"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 45.0, "b": 40.0, "c": 1.5})
        'b'
    """
    least = min((norm for norm in before.values() if norm > 0), default=1.0)
    grown = {name: now[name] / max(norm, least) for name, norm in before.items()}
    return [name for name, times in grown.items() if times >= max(grown.values()) / 2][-1]


def spike(health: Health, limits: Limits) -> str:
    """That the gradient of one step was :data:`SPIKE` times the usual, and went into the weights unclipped."""
    if limits.clip_norm or limits.clip_value or len(health.recent) < SPAN:
        return ""
    usual, worst = norm_of(health.recent), max(health.recent, key=lambda step: step.norm)
    if worst.norm < max(SPIKE * usual, 1.0):
        return ""
    grown = growth(norms_of(health.recent), worst.norms)
    times = f"{_times(worst.norm, usual)} the usual {_short(usual)}" if usual else "where 0 is usual"
    return (
        f"the gradient norm of step {worst.step:,} was {_short(worst.norm)}, {times}, at {told(grown)}: "
        f"{_tamed(usual, limits)}"
    )


def overlong(health: Health, limits: Limits) -> str:
    """That all gradients are :data:`OVERLONG` times too long, or :data:`HUGE` where none is clipped."""
    if len(health.recent) < KEPT or limits.clip_value:
        return ""
    usual, limit = norm_of(health.recent), limits.clip_norm
    if usual < (OVERLONG * limit or HUGE) or (limit and not all(step.clipped for step in health.recent)):
        return ""
    norms = norms_of(health.recent)
    longest = max(norms, key=lambda name: norms[name])
    what = f", {_times(usual, limit)} what it is clipped at," if limit else ""
    return (
        f"the gradient norm is {_short(usual)}{what} at every step, most of it at {told(longest)}: its recurrent "
        f"weights may be too large, so that gradients explode; {_tamed(usual, limits)}"
    )


def divergence(health: Health, limits: Limits) -> str:
    """That the loss is above the one it began with, or that half of what was learnt is lost."""
    if health.start is None or health.lowest is None or len(health.recent) < SPAN:
        return ""
    start, lowest, now = health.start, health.lowest, loss_of(health.recent[-SPAN:])
    fallen = start - lowest
    if now > start + WORSE * abs(start):
        what = f"the loss is {now:.4g} and began with {start:.4g}"
    elif fallen > WORSE * abs(start) and now - lowest > LOST * fallen:
        what = f"the loss rose to {now:.4g} after it had been at {lowest:.4g}"
    else:
        return ""
    return f"{what}: {_tamed(norm_of(health.recent), limits)}"


def vanishing(health: Health, _limits: Limits) -> str:
    """That next to nothing of the gradient reaches a lower level of a stack; the lowest of them is named."""
    if len(health.recent) < SPAN:
        return ""
    norms = norms_of(health.recent[-SPAN:])
    faint = faint_layers(norms)
    if not faint:
        return ""
    lowest = min(faint, key=lambda name: faint[name])
    return (
        f"{told(lowest)} gets {faint[lowest]:.1g} of the gradient of {told(top_of(lowest, norms))}: the signal "
        "vanishes on its way down; use residual connections, fewer layers, or a cell with gates"
    )


def faint_layers(norms: Mapping[str, float]) -> dict[str, float]:
    """The levels of stacks whose gradient norm is below :data:`FAINT` of that of the top level, with that share.

    Args:
        norms: of each layer.

    Example:
        >>> faint_layers({"embedding": 1e-9, "recurrent.l0": 1e-5, "recurrent.l1": 0.5, "recurrent.l2": 1.0})
        {'recurrent.l0': 1e-05}
    """
    tops = {name: norms[top] for name in norms if (top := top_of(name, norms)) and norms[top] > 0}
    return {name: norms[name] / top for name, top in tops.items() if norms[name] < FAINT * top}


def top_of(layer: str, layers: Mapping[str, float]) -> str:
    """The highest level of the stack that a layer is a level of, in its direction; "" where it is none.

    Example:
        >>> top_of("recurrent.l0", {"recurrent.l0": 1.0, "recurrent.l0_reverse": 1.0, "recurrent.l1": 1.0})
        'recurrent.l1'
    """
    own = level(layer)
    if own is None:
        return ""
    same = {name: found[1] for name in layers if (found := level(name)) and (found[0], found[2]) == (own[0], own[2])}
    return max(same, key=lambda name: same[name])


def silent(health: Health, _limits: Limits) -> str:
    """That the gradient of a layer is exactly zero.

    Learned initial states do not count: in running text only the first batch begins from them.
    """
    if len(health.recent) < KEPT:
        return ""
    stacks = {found[0] for name in health.recent[-1].norms if (found := level(name))}
    longest = {name: max(step.norms[name] for step in health.recent) for name in health.recent[-1].norms}
    dead = [told(name) for name, norm in longest.items() if norm == 0 and name not in stacks]
    if not dead:
        return ""
    return (
        f"no gradient at all reaches {' and '.join(dead)}: its units may be dead (always 0 or saturated); lower the "
        "learning rate, or start anew with another activation"
    )


_RULES: dict[str, Callable[[Health, Limits], str]] = {
    "explosion": explosion,
    "spike": spike,
    "overlong": overlong,
    "divergence": divergence,
    "vanishing": vanishing,
    "silent": silent,
}


def _tamed(usual: float, limits: Limits) -> str:
    """What to do about gradients or steps that are too long."""
    lower = f"lower the learning rate ({limits.rate:.3g})"
    if limits.clip_value or 0 < limits.clip_norm <= usual:
        return lower
    return f"{lower} or clip at {_short(usual or 1.0, 1)} (clip_norm)"  # to clip at 0 would be not to clip


def _times(now: float, before: float) -> str:
    return f"{now / before:,.0f} x" if before > 0 else "from nothing"


def _short(value: float, digits: int = 2) -> str:
    """A number with few digits, and no power of ten where it can be avoided.

    Example:
        >>> _short(312.4), _short(0.2512, 1), _short(25_400.0)
        ('310', '0.3', '25,000')
    """
    return f"{float(f'{value:.{digits}g}'):,g}"
