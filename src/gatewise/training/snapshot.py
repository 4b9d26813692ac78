"""Everything a run holds, as one tree for a checkpoint, and back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from gatewise.errors import TrainingError
from gatewise.training import randomness
from gatewise.training.metrics import MetricsFile
from gatewise.training.optimizers import Average
from gatewise.training.progress import Progress
from gatewise.training.run_files import METRICS
from gatewise.training.schedules import Plateau
from gatewise.training.tree import map_tensors, put_weights, weights_of

if TYPE_CHECKING:
    from gatewise.training.loop import Loop


def take(loop: Loop) -> dict[str, Any]:
    """The state of a run between two steps; the tensors are the run's own, not copies."""
    assert loop.metrics is not None
    plateau, average = loop.plateau, loop.average
    return {
        "settings": loop.settings.to_dict(),
        "identity": loop.task.identity(),
        "versions": loop.versions,
        "progress": loop.progress.to_dict(),
        "metrics_size": loop.metrics.size,
        "stream": loop.stream.state(),
        "carry": loop.stepper.carry,
        "network": weights_of(loop.network),
        "optimizer": loop.optimizer.state(),
        "plateau": {"factor": plateau.factor, "best": plateau.best, "waited": plateau.waited},
        "average": {"costs": average.costs, "weights": average.weights, "count": average.count},
        "best": loop.best_weights,
        "random": randomness.state_of_all(),
    }


def restore(loop: Loop, tree: dict[str, Any]) -> MetricsFile:
    """Put a newly made run where ``tree`` was taken; returns its metrics file, shortened to that place.

    Raises:
        TrainingError: the run was another: settings, data or network differ.
    """
    refuse_changes(tree["settings"], loop.settings.to_dict(), str(loop.folder))
    refuse_changes(tree["identity"], loop.task.identity(), str(loop.folder))
    for name, before in tree["versions"].items():
        if loop.versions.get(name) != before:
            loop.monitor.said(
                f"{name} was {before} and is {loop.versions.get(name)}: the rest of the run may differ in the last bits"
            )
    device = loop.stepper.parameters[0].device
    on_device = functools.partial(map_tensors, lambda tensor: tensor.to(device))
    loop.progress = Progress.from_dict(tree["progress"])
    put_weights(loop.network, tree["network"])
    loop.optimizer.restore(tree["optimizer"])
    loop.plateau = Plateau(**tree["plateau"])
    loop.average = Average(loop.settings.nonmonotone, **on_device(tree["average"]))
    loop.best_weights = tree["best"]
    loop.stream.restore(tree["stream"])
    loop.stepper.carry = on_device(tree["carry"])
    metrics = MetricsFile(loop.folder / METRICS, tree["metrics_size"])
    if metrics.size < tree["metrics_size"]:
        loop.monitor.said(f"{metrics.path} is shorter than it was at the checkpoint: lines are missing")
    # Last, so that nothing above can draw from the generators.
    randomness.restore_all(tree["random"])
    return metrics


def refuse_changes(before: dict[str, Any], now: dict[str, Any], where: str) -> None:
    """Refuse to resume with other settings.

    Raises:
        TrainingError: naming each that changed.

    Example:
        >>> refuse_changes({"seed": 1}, {"seed": 2}, "run")
        Traceback (most recent call last):
            ...
        gatewise.errors.TrainingError: run: a resumed run keeps its settings, but seed was 1 and is 2; start a new run
    """
    missing = object()
    changed = [name for name in (before | now) if before.get(name, missing) != now.get(name, missing)]
    if changed:
        told = [f"{name} was {before.get(name, 'absent')} and is {now.get(name, 'absent')}" for name in changed]
        raise TrainingError(
            f"a resumed run keeps its settings, but {', '.join(told)}",
            where=where,
            fix="start a new run",
        )
