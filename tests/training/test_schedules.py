"""The learning rate, against torch's own schedulers."""

import math

import pytest
import torch
from torch.optim import lr_scheduler as theirs

from gatewise.training.schedules import SCHEDULES, Plateau, cosine, learning_rate, one_cycle, slanted
from gatewise.training.settings import TrainingSettings

STEPS = 50


def rates_of(scheduler, optimizer):
    for _ in range(STEPS):
        yield optimizer.param_groups[0]["lr"]
        optimizer.step()
        scheduler.step()


@pytest.fixture
def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_is_torchs(optimizer, final):
    scheduler = theirs.CosineAnnealingLR(optimizer, T_max=STEPS, eta_min=final)
    expected = [*rates_of(scheduler, optimizer)]
    assert [cosine(step, STEPS, 0.0, final) for step in range(STEPS)] == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_one_cycle_is_torchs(optimizer, share):
    scheduler = theirs.OneCycleLR(optimizer, max_lr=1.0, total_steps=STEPS + 1, pct_start=share * STEPS / (STEPS + 1))
    expected = [*rates_of(scheduler, optimizer)]
    steps = [one_cycle(step, STEPS + 1, share * STEPS / (STEPS + 1), 0.0) for step in range(STEPS)]
    assert steps == pytest.approx(expected)


@pytest.mark.parametrize(("steps", "share"), [(100, 0.1), (40, 0.25), (64, 0.5)])
def test_slanted_is_that_of_the_paper(steps, share):
    """Howard & Ruder 2018, equation 3, as it stands there."""
    ratio, cut = 32, math.floor(steps * share)
    for t in range(steps):
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / share - 1))
        assert slanted(t, steps, share, 0.0) == pytest.approx((1 + p * (ratio - 1)) / ratio)
    assert slanted(cut, steps, share, 0.0) == 1.0
    assert slanted(steps, steps, share, 0.0) == slanted(0, steps, share, 0.0) == 1 / ratio


def test_plateau_is_torchs(optimizer):
    losses = [3.0, 2.0, 2.0, 2.1, 1.9, 1.95, 1.96, 1.97, float("nan"), 1.5, 1.6, 1.7, 1.8, 1.9]
    scheduler = theirs.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0.0)
    plateau = Plateau()
    for loss in losses:
        optimizer.step()
        scheduler.step(loss)
        plateau.validated(loss, factor=0.5, patience=1)
        assert plateau.factor == optimizer.param_groups[0]["lr"]
    assert plateau.factor == 0.5**5


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_first_validation_that_was_not_finite_was_the_best_for_ever(optimizer, bad):
    scheduler = theirs.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0.0)
    plateau = Plateau()
    for loss in (bad, 3.0, 2.0, bad, 1.0, 1.5, 1.4, 0.5):
        optimizer.step()
        scheduler.step(abs(loss))  # torch takes -inf for the best
        plateau.validated(loss, factor=0.5, patience=1)
        assert plateau.factor == optimizer.param_groups[0]["lr"]
    assert (plateau.best, plateau.factor) == (0.5, 0.5)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("warmup", [0.0, 0.2, 0.99])
@pytest.mark.parametrize("steps", [1, 2, 3, 50])
def test_every_rate_is_above_zero_and_at_most_the_highest(name, warmup, steps):
    settings = TrainingSettings(schedule=name, warmup=warmup, learning_rate=3.0)
    rates = [learning_rate(settings, step, steps, Plateau()) for step in range(steps)]
    assert all(0 < rate <= 3.0 for rate in rates)
    assert rates == [learning_rate(settings, step, steps, Plateau()) for step in range(steps)]
    assert max(rates) == pytest.approx(3.0, rel=0.01) or steps < 4


@pytest.mark.parametrize("name", ["constant", "cosine", "plateau"])
def test_the_warm_up_is_a_straight_line(name):
    settings = TrainingSettings(schedule=name, warmup=0.1, learning_rate=1.0)
    assert [learning_rate(settings, step, 100, Plateau()) for step in range(10)] == pytest.approx(
        [(step + 1) / 10 for step in range(10)]
    )


def test_the_factor_of_the_plateau_counts():
    settings = TrainingSettings(schedule="plateau", warmup=0.0, learning_rate=1.0)
    assert learning_rate(settings, 5, 10, Plateau(factor=0.25)) == 0.25
