"""The benchmark of watching: its plain step trains as a watched one does, and its figure is that of known times."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from gatewise.training.optimizers import build
from gatewise.training.settings import TrainingSettings
from gatewise.training.stepping import Stepper
from training.stacked import Network, Sums

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark():
    sys.path.insert(0, str(BENCHMARKS))
    import training_watch

    sys.path.remove(str(BENCHMARKS))
    return training_watch


def test_a_plain_step_trains_as_a_watched_one_bit_by_bit(benchmark):
    found = []
    for kind in (Stepper, benchmark.PlainStepper):
        torch.manual_seed(0)
        network, task, settings = Network(), Sums(), TrainingSettings(clip_norm=0.05)
        stepper = kind(task, network, task, build(network, settings), settings)
        outcomes = [stepper.step(0.01) for _ in range(5)]
        numbers = [(each.loss, each.norm, each.clipped) for each in outcomes]
        found.append((numbers, [value.clone() for value in network.state_dict().values()]))
    (ours, weights), (theirs, others) = found
    assert ours == theirs
    assert {clipped for *_, clipped in ours} == {True}
    assert all(torch.equal(one, other) for one, other in zip(weights, others, strict=True))


def test_the_share_is_that_of_the_medians(benchmark):
    times = {"plain": [10.0, 99.0, 10.0], "watched": [10.1, 10.1, 99.0], "measured": [15.1, 15.1, 1.0]}
    assert benchmark.share(times) == pytest.approx((0.1 + 5.0 / 50) / 10)
    low, high = benchmark.interval(times, draws=100)
    assert low <= benchmark.share(times) <= high


def test_a_race_runs(benchmark, tmp_path, monkeypatch):
    (tmp_path / "text.txt").write_text("the cat sat on the mat\n" * 200)
    small = {"level": "char", "hidden_size": 8, "embedding_size": 8, "batch_size": 4, "bptt": 8}
    monkeypatch.setitem(benchmark.CASES, "small", (benchmark.RECIPES["lm"], "text.txt", small))
    times, alone = benchmark.race("small", tmp_path, rounds=1, settings={})
    assert {side: len(found) for side, found in times.items()} == {"plain": 10, "watched": 10, "measured": 1}
    assert alone > 0
