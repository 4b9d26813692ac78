"""How a training went, from what it wrote down: what was said on the way, and what is only seen at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from gatewise.doctor.findings import Finding, Severity, ordered
from gatewise.doctor.run_record import RunRecord
from gatewise.doctor.thresholds import BOUNCE, BOUNCE_IF_LATE, CLIPPED, FELL, FEWEST, LATE_IF_BOUNCE
from gatewise.training.health import FAINT, NOT_FINITE, faint_layers
from gatewise.training.layer_names import told as named

_SEVERITIES: dict[str, Severity] = {"vanishing": "warning", "spike": "warning"}
"""Of what was said during the run; whatever is not here is a fault."""
_HIGH, _LOW = 0.5, 0.15  # shares of the highest rate


class Course(NamedTuple):
    """A run while its learning rate was high and once it was low.

    Attributes:
        longer: the gradient norm of the first, over that of the second.
        bounce: the same, over how many times higher the loss was, if it was.
        late: by how much the loss fell after the first, over by how much it fell in it.
    """

    longer: float
    bounce: float
    late: float

    @property
    def jumps(self) -> bool:
        """Whether the weights jumped about for as long as the rate was high."""
        bounce, late = BOUNCE_IF_LATE
        most, longer = LATE_IF_BOUNCE
        return (
            self.bounce > BOUNCE
            or (self.bounce > bounce and self.late > late)
            or (self.longer > longer and self.late > most)
        )


def judge_run(record: RunRecord) -> list[Finding]:
    """What is to be said of a run; of one that went well notes alone."""
    rules = (_ended, _alarms, _too_high, _skipped, _clipped, _faint, _flat, _went)
    return ordered(finding for rule in rules for finding in rule(record))


def course_of(record: RunRecord) -> Course | None:
    """How a run depends on its rate; None where it has too few lines, or a rate that hardly changes."""
    needed = ("loss", "gradient_norm", "learning_rate")
    whole = [row for row in record.rows if all(row.get(name) is not None for name in needed)]
    rows = whole[len(whole) // 10 + 1 :]  # the beginning is steep in any case
    highest = max((row["learning_rate"] for row in whole), default=0.0)
    high = [row for row in rows if row["learning_rate"] >= _HIGH * highest]
    low = [row for row in rows if row["learning_rate"] < _LOW * highest]
    if len(whole) < FEWEST or len(high) < 3 or len(low) < 2:
        return None
    few = 1 + max(1, len(high) // 5)
    begins, ends, last = (_median(part, "loss") for part in (high[:few], high[-few:], low))
    settled = high[len(high) // 3 :]
    longer = _median(settled, "gradient_norm") / max(_median(low, "gradient_norm"), 1e-30)
    higher = max(1.0, _median(settled, "loss") / last) if last > 0 else 1.0
    return Course(longer, longer / higher, (ends - last) / max(begins - ends, 1e-9))


def _ended(record: RunRecord) -> list[Finding]:
    if not record.died:
        return []
    why = next((f"at step {alarm['step']:,}: {alarm['line']}" for alarm in record.alarms() if _is_end(alarm)), "")
    left = "its model is that of the best validation before" if record.stopped else "it has no model"
    sentence = f"the run ended {why or 'since its gradients stayed NaN or infinite'}; {left}"
    return [Finding("fault", "not_finite", sentence, _lower(record), "steps in a row without a finite gradient", None)]


def _is_end(alarm: Mapping[str, Any]) -> bool:
    return bool(alarm["cause"] == NOT_FINITE)


def _alarms(record: RunRecord) -> list[Finding]:
    found = []
    for alarm in record.alarms():
        if _is_end(alarm):
            continue  # of which the rule before tells
        what, _, advice = str(alarm["line"]).rpartition(": ")
        severity = _SEVERITIES.get(alarm["cause"], "fault")
        sentence = f"at step {alarm['step']:,} of training {what}"
        if alarm["cause"] == "divergence":
            sentence, advice = f"{sentence}, so the learning rate was too high", _lower(record)
        found.append(Finding(severity, alarm["cause"], sentence, advice, "step at which it was seen", alarm["step"]))
    return found


def _too_high(record: RunRecord) -> list[Finding]:
    course = course_of(record)
    if course is None or any(alarm["cause"] == "divergence" for alarm in record.alarms()):
        return []  # that the loss rose says the same, and more plainly
    if not course.jumps:
        return []
    sentence = (
        f"the learning rate was too high: the gradient was {course.longer:.1f} x as long while it was high as once it "
        "was low, so the weights jumped about instead of settling"
    )
    measure = "gradient norm at high rate, over that at low rate"
    return [Finding("fault", "rate_too_high", sentence, _lower(record), measure, course.longer)]


def _skipped(record: RunRecord) -> list[Finding]:
    skipped = [step for step, share in record.numbers("skipped") if share > 0]
    if not skipped or record.died:
        return []
    sentence = f"the gradient was not finite near step {skipped[0]:,}, so steps were skipped there"
    measure = "lines of metrics with skipped steps"
    return [Finding("warning", "skipped", sentence, _lower(record), measure, float(len(skipped)), 0.0)]


def _clipped(record: RunRecord) -> list[Finding]:
    shares = [share for _, share in record.numbers("clipped")]
    after = shares[len(shares) // 10 + 1 :]
    if len(after) < FEWEST - 2 or (share := sum(after) / len(after)) <= CLIPPED:
        return []
    limits = {name: record.training.get(name.replace("-", "_")) for name in ("clip-norm", "clip-value")}
    sentence = (
        f"{share:.0%} of the steps were clipped, so the clipping decides how far a step goes, not the learning rate"
    )
    less = next((f"clip less: --{name} {4 * limit:g}" for name, limit in limits.items() if limit), "clip less")
    advice = f"lower --learning-rate, or {less}"
    return [Finding("warning", "clipped", sentence, advice, "share of clipped steps", share, CLIPPED)]


def _faint(record: RunRecord) -> list[Finding]:
    said = {alarm["cause"] for alarm in record.alarms()}
    lines = [row["gradient_norm_by_layer"] for row in record.rows if row.get("gradient_norm_by_layer")]
    norms: Mapping[str, float | None] = lines[-1] if lines else {}
    faint = faint_layers({name: norm for name, norm in norms.items() if norm is not None})
    if not faint or "vanishing" in said:
        return []
    layer = min(faint, key=lambda name: faint[name])
    sentence = (
        f"in the end {named(layer)} got {faint[layer]:.1g} of the gradient of the layer on top: hardly any signal"
    )
    advice = "use --residual, an LSTM or GRU cell, or fewer layers"
    return [Finding("warning", "vanishing", sentence, advice, "share of the top layer's gradient", faint[layer], FAINT)]


def _flat(record: RunRecord) -> list[Finding]:
    """A loss that is where it began; a training that came to anything moves it in its first lines already."""
    losses = [loss for _, loss in record.numbers("loss")]
    if len(losses) < FEWEST or any(alarm["cause"] == "divergence" for alarm in record.alarms()):
        return []
    begins, ends = losses[0], median(losses[-max(2, len(losses) // 5) :])
    if begins <= 0 or ends < (1 - FELL) * begins:
        return []
    sentence = f"its loss hardly fell, from {begins:.3g} to {ends:.3g}: it has learnt next to nothing"
    advice = "train longer, or with a higher --learning-rate; if it stays so, look whether the data can be learnt"
    return [Finding("warning", "flat", sentence, advice, "share of the loss that is gone", 1 - ends / begins, FELL)]


def _went(record: RunRecord) -> list[Finding]:
    losses = record.numbers("loss")
    if not losses:
        return []
    steps, shares = record.rows[-1]["step"], [share for _, share in record.numbers("clipped")]
    clipped = f", {sum(shares) / len(shares):.0%} of the steps clipped" if shares else ""
    sentence = f"its training: {steps:,} steps, loss {losses[0][1]:.3g} to {losses[-1][1]:.3g}{clipped}"
    few = len(record.rows) < FEWEST
    advice = "for a verdict on its course write more lines: --log-every 10" if few else ""
    return [Finding("note", "course", sentence, advice, "steps", float(steps))]


def _lower(record: RunRecord) -> str:
    rate = record.training.get("learning_rate") or max((rate for _, rate in record.numbers("learning_rate")), default=0)
    lower = f"train with --learning-rate {rate / 10:g} (it was {rate:g})" if rate else "lower --learning-rate"
    unclipped = record.training and not record.training.get("clip_norm") and not record.training.get("clip_value")
    return f"{lower}, and --clip-norm 1" if unclipped else lower


def _median(rows: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(median(row[name] for row in rows))
