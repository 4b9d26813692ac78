"""The training loop: steps, and between them validation, metrics, checkpoints, and the end."""

from __future__ import annotations

import contextlib
import json
import math
import time
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor

from gatewise.errors import ModelFileError, TrainingError
from gatewise.storage import check_finite, lock, make_folder, sweep, write_atomically
from gatewise.training import randomness, report
from gatewise.training.checkpoint import Checkpoints, newest, pack
from gatewise.training.health import NOT_FINITE
from gatewise.training.layer_groups import LayerGroups
from gatewise.training.memory import memory_in_use
from gatewise.training.metrics import MetricsFile
from gatewise.training.monitor import Monitor, Run
from gatewise.training.optimizers import Average, build
from gatewise.training.progress import Interval, Progress
from gatewise.training.result import Result, versions
from gatewise.training.run_files import METRICS, SUMMARY
from gatewise.training.schedules import Plateau, learning_rate, place
from gatewise.training.settings import TrainingSettings
from gatewise.training.signals import StopSignals
from gatewise.training.snapshot import restore, take
from gatewise.training.stepping import Stepper
from gatewise.training.tally import NotFinite, measured, tally
from gatewise.training.task import Task
from gatewise.training.tree import flatten, put_weights, unflatten, weights_of
from gatewise.training.validation import Stopped, validate

_VALIDATION_SHARE = 0.1


def fit(
    task: Task,
    settings: TrainingSettings,
    folder: str | Path,
    monitor: Monitor,
    resume: bool = False,
    signals: StopSignals | None = None,
) -> Result:
    """Train a network and keep the weights that validate best.

    The folder then holds ``metrics.jsonl``, ``checkpoints/``, ``summary.json``, ``report.html`` and, by the task's
    ``save``, ``model/``. SIGINT and SIGTERM end the run at the next step with a checkpoint; so does no patience.

    Args:
        task: what to learn.
        settings: how.
        folder: of the run; made if it is not there.
        monitor: who watches.
        resume: whether to go on from the newest checkpoint in ``folder``; on the same machine, with the same versions,
            threads and instruction set, the result is then bit-equal to that of a run that was never stopped, unless
            ``max_minutes`` lets the clock decide.
        signals: entered already, by whoever wants to know of a signal that comes when the training is done; None: the
            run's own.

    Raises:
        TrainingError: there is a run already, or none to resume, or its settings were others; or gradients that were
            not finite three times in a row (the best weights are saved all the same).
        GatewiseError: the disk refuses; the checkpoints before stand.
    """
    folder = Path(folder)
    make_folder(folder)
    with lock(folder), contextlib.nullcontext(signals) if signals else StopSignals() as stop:
        for place in (folder, folder / "checkpoints"):
            sweep(place)  # what a killed run left half-written
        if settings.threads:
            torch.set_num_threads(settings.threads)
        randomness.seed_all(settings.seed)
        loop = Loop(task, settings, folder, monitor, stop)
        try:
            loop.resume() if resume else loop.begin()
            return loop.run()
        finally:
            loop.close()


class Loop:
    """A run: everything it holds, and the order in which things happen.

    Args:
        task: what to learn.
        settings: how.
        folder: of the run.
        monitor: who watches.
        signals: who may ask it to stop.
    """

    def __init__(
        self, task: Task, settings: TrainingSettings, folder: Path, monitor: Monitor, signals: StopSignals
    ) -> None:
        self.task, self.settings, self.folder, self.monitor, self.signals = task, settings, folder, monitor, signals
        self.network = task.network().train()
        self.stream = task.train_batches()
        self.groups = LayerGroups(task.groups(self.network), self.network, settings)
        self.optimizer = build(self.network, settings, self.groups)
        self.stepper = Stepper(task, self.network, self.stream, self.optimizer, settings)
        self.plateau, self.average = Plateau(), Average(settings.nonmonotone)
        self.progress, self.best_weights = Progress(), dict[str, Tensor]()
        self.checkpoints = Checkpoints(folder / "checkpoints", settings.keep)
        self.metrics: MetricsFile | None = None
        steps_per_epoch = self.stream.batches_per_epoch / settings.accumulate
        self.steps = math.ceil(settings.epochs * steps_per_epoch)
        self.steps = min(self.steps, settings.max_steps) if settings.max_steps else self.steps
        self.validate_every = settings.validate_every or max(1, round(steps_per_epoch))
        self.limit = 60 * settings.max_minutes
        self.unsaved = True
        self.computed_by = task.computed_by(self.network)
        self.versions = versions() | self.computed_by

    # --- beginning ---

    def begin(self) -> None:
        """Start a new run with a checkpoint, so that there is always one to resume from.

        Raises:
            TrainingError: the folder holds a run.
        """
        if self.checkpoints.found():
            raise TrainingError(
                "there is a run already", where=str(self.folder), fix="resume it or choose another folder"
            )
        self.metrics = MetricsFile(self.folder / METRICS, size=0)
        self._announce()
        self._checkpoint()

    def resume(self) -> None:
        """Go on from the newest checkpoint.

        Raises:
            TrainingError: there is none, or it is of a run with other settings.
        """
        tree = unflatten(*newest(self.checkpoints, self.monitor.said))
        self.metrics = restore(self, tree)
        self.unsaved = False
        self._announce()

    def _announce(self) -> None:
        task, progress = self.task, self.progress
        self.monitor.begin(
            Run(
                task.name,
                task.unit,
                task.nats,
                self.folder,
                progress.step,
                self.steps,
                self._parameter_count(),
                self.limit,
                task.selects_by.measure,
            )
        )
        for part, how in self.computed_by.items():
            self.monitor.said(f"{part}: {how}")
        last = (self.steps - 1) * self.settings.accumulate / self.stream.batches_per_epoch
        if never := self.groups.never(last):
            self.monitor.said(never)

    # --- going on ---

    def run(self) -> Result:
        """Do what is left to do.

        Raises:
            TrainingError: as :func:`fit`.
        """
        try:
            while self._between_steps():
                self._step()
        except NotFinite as cause:
            self._died(cause)
            if self.best_weights:
                self._finish("not finite")
                self.monitor.said(f"the weights of step {self.progress.best_step} are saved; they validated best")
            raise cause from None
        if self.progress.ended:
            return self._finish(cast(Literal["done", "time", "patience"], self.progress.ended))
        self.monitor.said(f"stopped after step {self.progress.step:,}; resume it to go on")
        return self._result("signal")

    def _died(self, cause: NotFinite) -> None:
        """Write down what the steps since the last line were like, and why there are no more."""
        alarm = {"cause": NOT_FINITE, "step": self.progress.step, "line": cause.message}
        self.progress.interval.alarms.append(alarm)
        self._record({})

    def _between_steps(self) -> bool:
        """Everything that is due after a step; False where there is no next one."""
        progress, settings = self.progress, self.settings
        due = progress.validated_at != progress.step and (self._last() or self._validation_due())
        if due and self.signals.received is None:
            self._validate()
        elif progress.recorded_at != progress.step and not due and progress.step % settings.log_every == 0:
            self._record({})
        if settings.patience and progress.unimproved >= settings.patience:
            progress.ended = "patience"
        elif self._last() and progress.validated_at == progress.step:
            progress.ended = "done" if progress.step == self.steps else "time"
        on = not progress.ended and self.signals.received is None
        every = settings.checkpoint_every or self.validate_every
        if self.unsaved and (not on or progress.step % every == 0):
            self._checkpoint()
        return on

    def _last(self) -> bool:
        return self.progress.step == self.steps or self._used() >= 1

    def _used(self) -> float:
        """The share of the time that is used up; 0 where there is no limit."""
        return (self.progress.seconds + self.progress.validation_seconds) / self.limit if self.limit else 0.0

    def _validation_due(self) -> bool:
        """Whether it is time for one, and there is time: a short text must not be validated on more than trained on."""
        progress = self.progress
        affordable = not self.limit or progress.validation_seconds <= _VALIDATION_SHARE * progress.seconds
        return progress.step % self.validate_every == 0 and affordable

    def _rate(self) -> float:
        where = self.progress.step, self.steps
        return learning_rate(self.settings, *(place(*where, self._used()) if self.limit else where), self.plateau)

    def _step(self) -> None:
        began = time.perf_counter()
        progress, interval = self.progress, self.progress.interval
        self._unfreeze()
        progress.rate = self._rate()
        outcome = self.stepper.step(progress.rate, measured=measured(progress.step + 1, self.settings.log_every))
        if outcome.finite:
            self.average.stepped(self.stepper.parameters)
        progress.step += 1
        progress.units += outcome.count
        interval.units += outcome.count
        seconds = time.perf_counter() - began
        progress.seconds += seconds
        interval.seconds += seconds
        self.unsaved = True
        tally(self, outcome)
        self.monitor.stepped(progress.step, outcome.loss / outcome.count, progress.units, progress.seconds)

    def _unfreeze(self) -> None:
        """Train the layer groups whose time has come for the next step, and no others."""
        progress = self.progress
        due = max(len(progress.unfrozen_at), self.groups.due(self.stream.epoch))
        self.groups.train(due)
        if self.settings.unfreeze_every:
            for count in range(len(progress.unfrozen_at) + 1, due + 1):
                progress.unfrozen_at.append(progress.step + 1)
                self.monitor.said(self.groups.told(count, progress.step + 1))

    def _validate(self) -> None:
        """Measure, keep the best weights, and tell whatever acts on validation; a signal cuts it short."""
        progress, settings, began = self.progress, self.settings, time.perf_counter()
        with self.average.used(self.stepper.parameters):
            try:
                measures = validate(self.task, self.network, self.stepper.autocast, self.signals)
            except Stopped:
                return
            finally:
                progress.validation_seconds += time.perf_counter() - began
            selects_by = self.task.selects_by
            cost = selects_by.cost(measures)
            best = math.isfinite(cost) and (not progress.best or cost < selects_by.cost(progress.best))
            if best:
                self._refuse_infinite_weights()
                self.best_weights = {name: value.clone() for name, value in weights_of(self.network).items()}
                progress.best, progress.best_step = measures, progress.step
        progress.unimproved = 0 if best else progress.unimproved + 1
        progress.validated_at = progress.step
        if settings.schedule == "plateau":
            self.plateau.validated(cost, settings.plateau_factor, settings.plateau_patience)
        if settings.optimizer == "nt-asgd" and self.average.validated(cost, self.stepper.parameters):
            self.monitor.said(f"validation stopped improving: from step {progress.step:,} the weights are averaged")
        self._record({f"validation_{name}": value for name, value in measures.items()} | {"best": best})

    def _record(self, measures: dict[str, Any]) -> None:
        assert self.metrics is not None
        progress = self.progress
        record = {
            "step": progress.step,
            "epoch": self.stream.epoch,
            **progress.interval.measures(),
            "learning_rate": progress.rate,
            "units": progress.units,
            "seconds": progress.seconds,
            "memory": memory_in_use(),
            **({"layer_groups": len(progress.unfrozen_at)} if self.settings.unfreeze_every else {}),
            **measures,
        }
        progress.recorded_at, progress.interval = progress.step, Interval()
        self.metrics.write(record)
        self.monitor.recorded(record)
        self.unsaved = True

    def _refuse_infinite_weights(self) -> None:
        try:
            check_finite(weights_of(self.network), where=f"step {self.progress.step}")
        except ModelFileError as error:
            raise NotFinite(str(error), fix="lower the learning rate") from None

    def _checkpoint(self) -> None:
        assert self.metrics is not None
        self._refuse_infinite_weights()
        self.metrics.sync()
        self.checkpoints.write(self.progress.step, pack(*flatten(take(self))), self.monitor.said)
        self.unsaved = False

    # --- ending ---

    def _finish(self, stopped: Literal["done", "time", "patience", "not finite"]) -> Result:
        if not self.best_weights:
            measure = self.task.selects_by.measure
            raise TrainingError(f"no validation gave a finite {measure}, so there is nothing to save")
        put_weights(self.network, self.best_weights)
        self.network.eval()
        result = self._result(stopped)
        with torch.no_grad():
            samples = self.task.samples(self.network)
            self.task.save(self.network, self.folder / "model", result)
        summary = {**result.to_dict(), "samples": samples}
        write_atomically(self.folder / SUMMARY, json.dumps(summary, indent=1).encode())
        report.write(self.folder)
        return result

    def _result(self, stopped: Literal["done", "time", "patience", "signal", "not finite"]) -> Result:
        progress, task = self.progress, self.task
        return Result(
            name=task.name,
            unit=task.unit,
            nats=task.nats,
            folder=self.folder,
            stopped=stopped,
            signal=self.signals.received if stopped == "signal" else None,
            steps=progress.step,
            epochs=self.stream.epoch,
            units=progress.units,
            seconds=progress.seconds,
            validation_seconds=progress.validation_seconds,
            best_step=progress.best_step,
            best=dict(progress.best),
            selects_by=task.selects_by,
            unfrozen_at=list(progress.unfrozen_at),
            parameters=self._parameter_count(),
            settings=self.settings.to_dict(),
            versions=self.versions,
        )

    def _parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.stepper.parameters)

    def close(self) -> None:
        """Let go of the files and the screen, and of what was frozen for a time."""
        self.groups.train(len(self.groups.groups))
        if self.metrics is not None:
            self.metrics.close()
        self.monitor.ended()
