"""How far a run has come: the numbers that a checkpoint keeps beside the tensors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gatewise.training.health import Health

if TYPE_CHECKING:
    from gatewise.training.stepping import Outcome


@dataclass
class Interval:
    """Sums over the steps since the last line of ``metrics.jsonl``.

    Attributes:
        loss: sum over all units of the steps that were not skipped.
        count: those units.
        norm: sum of their gradient norms.
        greatest: the greatest of these norms.
        norms: for each layer the sum of the norms of its part of the gradient.
        counts: for each layer the steps in which it had a gradient.
        ratios: for each layer the length of one step's change over that of the weights; None where not measured.
        done: how many those steps are.
        clipped: how many of them were clipped.
        skipped: how many steps were skipped.
        seconds: wall time of training.
        units: units trained on, skipped steps included.
        alarms: what was said, by cause, step and line.
    """

    loss: float = 0.0
    count: int = 0
    norm: float = 0.0
    greatest: float = 0.0
    norms: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    ratios: dict[str, float | None] | None = None
    done: int = 0
    clipped: int = 0
    skipped: int = 0
    seconds: float = 0.0
    units: int = 0
    alarms: list[dict[str, Any]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take in a step that was not skipped."""
        self.loss += outcome.loss
        self.count += outcome.count
        self.norm += outcome.norm
        self.greatest = max(self.greatest, outcome.norm)
        self.done += 1
        self.clipped += outcome.clipped
        for layer, norm in outcome.norms.items():
            self.norms[layer] = self.norms.get(layer, 0.0) + norm
            self.counts[layer] = self.counts.get(layer, 0) + 1
        self.ratios = outcome.ratios or self.ratios

    def measures(self) -> dict[str, Any]:
        """The means, as a line of ``metrics.jsonl`` has them.

        Example:
            >>> Interval(loss=6.0, count=2, norm=1.0, done=1, seconds=0.5, units=2).measures()["loss"]
            3.0
        """
        steps = max(1, self.done + self.skipped)
        return {
            "loss": self.loss / self.count if self.count else None,
            "gradient_norm": self.norm / self.done if self.done else None,
            "gradient_norm_max": self.greatest if self.done else None,
            "gradient_norm_by_layer": {layer: norm / self.counts[layer] for layer, norm in self.norms.items()},
            **({} if self.ratios is None else {"update_ratio_by_layer": self.ratios}),
            **({"alarms": self.alarms} if self.alarms else {}),
            "clipped": self.clipped / steps,
            "skipped": self.skipped / steps,
            "units_per_second": self.units / self.seconds if self.seconds else 0.0,
        }


@dataclass
class Progress:
    """How far a run has come.

    Attributes:
        step: steps done.
        units: units trained on.
        seconds: wall time of training alone.
        validation_seconds: wall time of the validations.
        rate: the learning rate of the last step.
        validated_at: the step of the last validation.
        recorded_at: the step of the last line of ``metrics.jsonl``.
        best_step: the step of the best validation, or -1.
        best: its measures.
        unimproved: validations since.
        not_finite: steps in a row whose gradient was not finite.
        unfrozen_at: the steps from which the layer groups were trained that were frozen at first, the last group first.
        ended: why the run ended, or "".
        interval: sums since the last line of ``metrics.jsonl``.
        health: the last steps, and what was said of them.
    """

    step: int = 0
    units: int = 0
    seconds: float = 0.0
    validation_seconds: float = 0.0
    rate: float = 0.0
    validated_at: int = 0
    recorded_at: int = 0
    best_step: int = -1
    best: dict[str, float] = field(default_factory=dict)
    unimproved: int = 0
    not_finite: int = 0
    unfrozen_at: list[int] = field(default_factory=list)
    ended: str = ""
    interval: Interval = field(default_factory=Interval)
    health: Health = field(default_factory=Health)

    def to_dict(self) -> dict[str, Any]:
        """All of it as a checkpoint keeps it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Progress:
        """What :meth:`to_dict` gave; a checkpoint of an earlier version has no ``health``.

        Example:
            >>> Progress.from_dict(Progress(step=3).to_dict()) == Progress(step=3)
            True
        """
        health = Health.from_dict(state["health"]) if "health" in state else Health()
        return cls(**{**state, "interval": Interval(**state["interval"]), "health": health})
