"""The arithmetic of a step: means, accumulation, carry, clipping, precision."""

import itertools

import pytest
import torch

from gatewise.errors import SettingError
from gatewise.training.monitor import Silent
from gatewise.training.settings import TrainingSettings
from tolerance import tolerance
from training.toy import Bare, Toy, rows
from training.watching import Memory, quick_fit, run

QUICK = TrainingSettings(epochs=3, learning_rate=0.02, log_every=3)


def test_a_step_by_hand(tmp_path):
    """SGD on the mean loss: w <- w - r dL/dw."""
    x, y = rows(5)
    task = Bare([(x, y)])
    settings = TrainingSettings(
        optimizer="sgd", schedule="constant", warmup=0, learning_rate=0.1, weight_decay=0, clip_norm=0, epochs=1
    )
    memory = Memory()
    quick_fit(task, settings, tmp_path, memory)
    errors = x @ torch.tensor([0.5, 0.5]) - y
    gradient = 2 * (errors[:, None] * x).mean(0)
    torch.testing.assert_close(task.saved[0], 0.5 - 0.1 * gradient, **tolerance(torch.float32))
    (record,) = memory.records
    assert record["loss"] == pytest.approx(float(errors.square().mean()))
    assert record["gradient_norm"] == pytest.approx(float(gradient.norm()))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_accumulated_batches_are_one_large_batch(tmp_path, optimizer):
    """Of different sizes, since the mean is over all their units."""
    small = [rows(count) for count in (1, 4, 3, 2, 2, 2)]
    large = [tuple(map(torch.cat, zip(*small[start : start + 3], strict=True))) for start in (0, 3)]
    settings = TrainingSettings(optimizer=optimizer, learning_rate=0.05, epochs=4, clip_norm=1.0)
    found = {}
    for name, task, accumulate in (("small", Bare(small), 3), ("large", Bare(large), 1)):
        memory = Memory()
        quick_fit(task, settings.replace(accumulate=accumulate), tmp_path / name, memory)
        found[name] = task.saved, memory.steps, [record["gradient_norm"] for record in memory.records]
    torch.testing.assert_close(found["small"][0], found["large"][0], **tolerance(torch.float32, 8))
    assert len(found["small"][1]) == 8
    for number in (1, 2):
        assert [*flat(found["small"][number])] == pytest.approx([*flat(found["large"][number])])


def flat(values):
    for value in values:
        yield from flat(value) if isinstance(value, tuple) else (value,)


def test_the_carry_goes_on_inside_an_accumulated_step(tmp_path):
    seen = []

    class Carrying(Toy):
        def loss(self, network, batch, carry):
            result = super().loss(network, batch, carry)
            seen.append((None if carry is None else carry["h"][0], result.carry["h"][0]))
            return result

    quick_fit(Carrying(), QUICK.replace(accumulate=2, validate_every=1000, epochs=1), tmp_path, Silent())
    training = seen[:8]
    assert training[0][0] is None
    for (_, out), (into, _) in itertools.pairwise(training):
        assert torch.equal(out.detach(), into)
        assert not into.requires_grad


LIMITS = [({"clip_norm": 1e-4}, 1.0), ({"clip_norm": 1e4}, 0.0), ({"clip_norm": 0}, 0.0)]


@pytest.mark.parametrize(("limit", "share"), [*LIMITS, ({"clip_norm": 0, "clip_value": 1e-4}, 1.0)])
def test_clipping_is_done_and_its_share_reported(tmp_path, limit, share):
    task = Bare([rows(4), rows(4)])
    settings = TrainingSettings(optimizer="sgd", schedule="constant", warmup=0, weight_decay=0, epochs=1)
    memory = Memory()
    quick_fit(task, settings.replace(**limit), tmp_path, memory)
    moved = float((task.saved - 0.5).abs().max())
    assert (moved < 3e-4) == (share == 1.0)
    assert memory.records[-1]["clipped"] == share
    assert memory.records[-1]["gradient_norm"] > 0.01


def test_half_the_steps_are_clipped(tmp_path):
    task = Bare([rows(4), rows(4)], scale=lambda number: 1e6 if number % 2 else 1e-6)
    memory = Memory()
    quick_fit(task, TrainingSettings(epochs=4), tmp_path, memory)
    assert [record["clipped"] for record in memory.records] == [0.5] * 4


def test_bfloat16_is_used_and_the_weights_stay_float32(tmp_path):
    seen = set()

    class Looking(Toy):
        def loss(self, network, batch, carry):
            result = super().loss(network, batch, carry)
            seen.add((result.carry["h"][0].dtype, network.training))
            return result

    toy = Looking()
    result = quick_fit(toy, QUICK.replace(epochs=10, precision="bfloat16"), tmp_path, Silent())
    assert {training for _, training in seen} == {True, False}
    assert toy.saved["inward.weight"].dtype == torch.float32
    _, _, precise = run(tmp_path / "float32", QUICK.replace(epochs=10))
    assert result.best["loss"] != precise.best["loss"]
    assert result.best["loss"] == pytest.approx(precise.best["loss"], rel=0.5)


def test_kinds_of_clipping_exclude_each_other():
    with pytest.raises(SettingError, match=r"clip_norm \(1\) and clip_value \(2\) exclude each other; set"):
        TrainingSettings(clip_value=2)
