"""A run that ends by the clock; the clock is played."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from gatewise.training.monitor import Lines, Run, describe
from gatewise.training.schedules import cosine
from gatewise.training.settings import TrainingSettings
from training.toy import Toy
from training.watching import everything, last_checkpoint, run

LIMITED = TrainingSettings(epochs=1000, learning_rate=0.02, log_every=1, max_minutes=1.0)


@dataclass
class Clock:
    """Gives the time, which goes on by what a step or a validation takes."""

    now: float = 0.0
    step: float = 1.0
    validation: float = 0.0

    def perf_counter(self) -> float:
        return self.now


class Timed(Toy):
    """A toy whose losses and validations take time of the clock."""

    def __init__(self, clock, validations=None):
        super().__init__(validations)
        self.clock, self.validated = clock, []

    def loss(self, network, batch, carry):
        if network.training:
            self.clock.now += self.clock.step
        return super().loss(network, batch, carry)

    def validate(self, network):
        self.clock.now += self.clock.validation
        self.validated.append(self.stream.position)
        return {"loss": 1 / self.stream.position} if self.validations is None else super().validate(network)


@pytest.fixture
def clock(monkeypatch):
    played = Clock(now=100.0)
    monkeypatch.setattr("gatewise.training.loop.time", played)
    return played


def test_it_ends_when_the_time_is_over_and_validates_there(tmp_path, clock):
    _, memory, result = run(tmp_path, LIMITED, Timed(clock))
    assert (result.stopped, result.steps, result.seconds) == ("time", 60, 60.0)
    assert memory.records[-1]["step"] == 60
    assert "validation_loss" in memory.records[-1]
    assert (tmp_path / "model").exists()


def test_the_schedule_is_that_of_the_clock(tmp_path, clock):
    _, memory, _ = run(tmp_path, LIMITED.replace(warmup=0.1), Timed(clock))
    rates = [record["learning_rate"] for record in memory.records]
    expected = [0.02 * cosine(10_000 * step // 60, 10_000, 0.1, 0.0) for step in range(60)]
    assert rates == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert max(rates) == pytest.approx(0.02, rel=1e-3)
    assert rates[-1] < 0.02 / 100


def test_the_steps_may_be_done_before_the_time_is_over(tmp_path, clock):
    _, memory, result = run(tmp_path, LIMITED.replace(max_steps=30), Timed(clock))
    assert (result.stopped, result.steps) == ("done", 30)
    rates = [record["learning_rate"] for record in memory.records]
    assert rates[-1] < 0.02 / 100


def test_validation_takes_of_the_time_but_little(tmp_path, clock):
    clock.validation = 3.0
    task, _, result = run(tmp_path, LIMITED.replace(validate_every=1), Timed(clock))
    assert result.validation_seconds == 3.0 * len(task.validated)
    assert result.seconds + result.validation_seconds <= 60 + 1 + 3
    between = result.validation_seconds - 3.0  # without the one at the end
    assert between <= 0.1 * result.seconds + 3.0
    assert len(task.validated) > 1


def test_without_a_limit_every_validation_is_done(tmp_path, clock):
    clock.validation = 1000.0
    task, _, result = run(tmp_path, LIMITED.replace(max_minutes=0.0, max_steps=20, validate_every=5), Timed(clock))
    assert task.validated == [5, 10, 15, 20]
    assert result.stopped == "done"


def test_a_resumed_run_keeps_the_time_that_it_had_used(tmp_path, clock):
    run(tmp_path, LIMITED, Timed(clock), stop_at=20)
    clock.now += 1e6  # between the two
    _, _, result = run(tmp_path, LIMITED, Timed(clock), resume=True)
    assert (result.stopped, result.steps, result.seconds) == ("time", 60, 60.0)


def test_with_an_even_clock_a_resumed_run_is_bit_equal(tmp_path, clock):
    run(tmp_path / "whole", LIMITED, Timed(clock))
    run(tmp_path / "parts", LIMITED, Timed(clock), stop_at=33)
    run(tmp_path / "parts", LIMITED, Timed(clock), resume=True)
    assert everything(tmp_path / "parts") == everything(tmp_path / "whole")


def test_layer_groups_are_unfrozen_by_the_epochs_all_the_same(tmp_path, clock):
    _, memory, result = run(tmp_path, LIMITED.replace(unfreeze_every=2.0), Timed(clock))
    assert (result.stopped, result.unfrozen_at) == ("time", [1, 17, 33])
    assert [record["layer_groups"] for record in memory.records] == [1] * 16 + [2] * 16 + [3] * 28


def test_a_limit_shorter_than_a_step_is_one_step(tmp_path, clock):
    _, _, result = run(tmp_path, LIMITED.replace(max_minutes=1e-6), Timed(clock))
    assert (result.stopped, result.steps) == ("time", 1)


def test_the_best_is_kept(tmp_path, clock):
    losses = [3.0, 1.0, 2.0, 2.5, 2.6, 2.7, 2.8, 2.9]
    toy, _, result = run(tmp_path, LIMITED, Timed(clock, losses))
    assert (result.stopped, result.best_step, result.best["loss"]) == ("time", 16, 1.0)
    assert toy.saved["calls"] == 16
    assert last_checkpoint(tmp_path)["progress"]["ended"] == "time"


def test_what_is_left_is_told(tmp_path, capsys):
    began = Run("lm", "token", True, tmp_path, 0, 2000, 10, limit=60.0)
    record = {"step": 50, "epoch": 0.5, "loss": 2.0, "learning_rate": 0.1, "gradient_norm": 0.7, "clipped": 0.0,
              "skipped": 0.0, "units_per_second": 10.0, "seconds": 10.0}  # fmt: skip
    assert describe(record, began).startswith("step 50, epoch 0.50:")
    assert describe(record, began).endswith(", 50 s left")
    assert describe({**record, "step": 1999}, began).endswith(", 0 s left")
    Lines().begin(began)
    assert "training lm to step 2,000, or for 1 min 0 s: 10 parameters" in capsys.readouterr().err
    assert math.isclose(began.limit, 60)
