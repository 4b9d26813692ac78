"""Gradients, losses and weights that are not finite are skipped, said, and never kept."""

import math

import pytest
import torch

from gatewise.errors import TrainingError
from gatewise.training.monitor import Silent
from gatewise.training.settings import TrainingSettings
from gatewise.training.task import StepLoss
from training.toy import Bare, Toy, rows
from training.watching import Memory, metrics, quick_fit, run

QUICK = TrainingSettings(epochs=3, learning_rate=0.02, log_every=3)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_step_that_is_not_finite_is_skipped_and_said(tmp_path, bad):
    """The weights and the optimiser stay as they are; the place in the data goes on."""
    batches = [rows(3) for _ in range(4)]
    broken = Bare(batches, scale=lambda number: bad if number == 3 else 1.0)
    memory = Memory()
    settings = TrainingSettings(schedule="constant", warmup=0, learning_rate=0.1, epochs=1, log_every=1, momentum=0.5)
    quick_fit(broken, settings, tmp_path / "broken", memory)
    without = Bare([batches[0], batches[1], batches[3]])
    quick_fit(without, settings, tmp_path / "without", Silent())
    assert torch.equal(broken.saved, without.saved)
    (line,) = memory.lines
    assert line.startswith("step 3 skipped: its gradient is not finite (loss ")
    third = memory.records[2]
    assert (third["loss"], third["gradient_norm"], third["skipped"]) == (None, None, 1.0)
    assert [record["skipped"] for record in memory.records] == [0, 0, 1, 0]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_state_from_before_a_skipped_step_went_on_into_another_text(tmp_path, accumulate):
    """The stream has moved on, past places where rows may have begun anew, so nothing is carried over the gap."""
    carries = {}

    class Carrying(Toy):
        def loss(self, network, batch, carry):
            if network.training:  # only the first time: a step that is not finite is computed again
                carries.setdefault(self.stream.position - 1, carry is not None)
            return super().loss(network, batch, carry)

    memory = Memory()
    settings = QUICK.replace(epochs=1, accumulate=accumulate)
    quick_fit(Carrying([1.0], broken=(4,)), settings, tmp_path, memory)
    after = 4 // accumulate * accumulate + accumulate  # the first batch after the window that was skipped
    assert [number for number, carried in carries.items() if not carried] == [0, after]
    (line,) = memory.lines
    assert line.endswith("); the next batch starts from the initial state")


def test_a_task_that_carries_nothing_is_told_of_no_state(tmp_path):
    memory = Memory()
    task = Bare([rows(3) for _ in range(4)], scale=lambda number: math.nan if number == 3 else 1.0)
    quick_fit(task, TrainingSettings(epochs=1), tmp_path, memory)
    assert "initial state" not in memory.lines[0]


def test_the_loss_may_be_finite_while_the_gradient_is_not(tmp_path):
    """sqrt has an infinite slope at 0."""

    class Root(Bare):
        def loss(self, network, batch, carry):
            self.steps = getattr(self, "steps", 0) + 1
            value = network(batch[0]).sum()
            return StepLoss(value * 0 + (value * 0).sqrt() if self.steps == 2 else value, 1)

    memory = Memory()
    quick_fit(Root([rows(2)]), TrainingSettings(epochs=3), tmp_path, memory)
    assert len(memory.lines) == 1
    assert "loss -0, gradient norm nan" in memory.lines[0]


def test_three_in_a_row_stop_the_run_with_the_cause_and_save_the_best(tmp_path):
    toy, memory = Toy([2.0, 1.0, 3.0], broken=(18, 20, 21, 22)), Memory()
    with pytest.raises(TrainingError) as caught:
        quick_fit(toy, QUICK, tmp_path, memory)
    assert str(caught.value).startswith("the gradient was not finite in 3 steps in a row, up to step 23 (loss nan, ")
    assert str(caught.value).endswith("; lower the learning rate, clip the gradient more, or look at the data")
    assert memory.lines[-1] == "the weights of step 16 are saved; they validated best"
    assert toy.saved["calls"] == 16
    assert toy.results[0].stopped == "not finite"
    assert memory.ends == 1


def test_three_in_a_row_before_any_validation_save_nothing(tmp_path):
    toy = Toy(broken=(0, 1, 2))
    with pytest.raises(TrainingError, match="in 3 steps in a row, up to step 3"):
        quick_fit(toy, QUICK, tmp_path, Silent())
    assert toy.results == []
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_validation_that_is_not_finite_is_never_the_best(tmp_path, bad):
    _, memory, result = run(tmp_path, QUICK, Toy([bad, 1.0, 2.0]))
    assert result.best_step == 16
    assert [record["best"] for record in memory.records if "best" in record] == [False, True, False]
    assert metrics(tmp_path)[2]["validation_loss"] is None


def test_validations_that_are_never_finite_leave_nothing_to_save(tmp_path):
    toy = Toy([math.nan, math.inf, math.nan])
    with pytest.raises(TrainingError, match="no validation gave a finite loss"):
        run(tmp_path, QUICK, toy)
    assert toy.results == []


def test_weights_that_are_not_finite_are_neither_the_best_nor_in_a_checkpoint(tmp_path):
    """An LSTM would hide an infinite weight behind finite outputs; the toy's validation is scripted."""

    class Bursting(Toy):
        def loss(self, network, batch, carry):
            if self.stream.position == 20:
                with torch.no_grad():
                    network.calls.fill_(math.inf)
            return super().loss(network, batch, carry)

    toy, memory = Bursting([3.0, 2.0, 1.0]), Memory()
    with pytest.raises(TrainingError, match=r"step 24: 1 of 1 numbers of the tensor calls are not finite; lower the"):
        quick_fit(toy, QUICK, tmp_path, memory)
    assert toy.results[0].best_step == 16
    names = [path.stem for path in (tmp_path / "checkpoints").iterdir()]
    assert names == ["step-000000000"]
