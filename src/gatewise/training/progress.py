"""How far a run has come: the numbers that a checkpoint keeps beside the tensors."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Interval:
    """Sums over the steps since the last line of ``metrics.jsonl``.

    Attributes:
        loss: sum over all units of the steps that were not skipped.
        count: those units.
        norm: sum of their gradient norms.
        done: how many those steps are.
        clipped: how many of them were clipped.
        skipped: how many steps were skipped.
        seconds: wall time of training.
        units: units trained on, skipped steps included.
    """

    loss: float = 0.0
    count: int = 0
    norm: float = 0.0
    done: int = 0
    clipped: int = 0
    skipped: int = 0
    seconds: float = 0.0
    units: int = 0

    def measures(self) -> dict[str, float | None]:
        """The means, as a line of ``metrics.jsonl`` has them.

        Example:
            >>> Interval(loss=6.0, count=2, norm=1.0, done=1, seconds=0.5, units=2).measures()["loss"]
            3.0
        """
        steps = max(1, self.done + self.skipped)
        return {
            "loss": self.loss / self.count if self.count else None,
            "gradient_norm": self.norm / self.done if self.done else None,
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

    def to_dict(self) -> dict[str, Any]:
        """All of it as a checkpoint keeps it."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Progress:
        """What :meth:`to_dict` gave.

        Example:
            >>> Progress.from_dict(Progress(step=3).to_dict()) == Progress(step=3)
            True
        """
        return cls(**{**state, "interval": Interval(**state["interval"])})
