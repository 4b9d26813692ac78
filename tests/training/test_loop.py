"""What happens in a run, when, and what it leaves behind."""

import json

import pytest
import torch

from gatewise.errors import GatewiseError, TrainingError
from gatewise.training.loop import fit
from gatewise.training.metrics import read_metrics
from gatewise.training.monitor import Silent
from gatewise.training.settings import TrainingSettings
from gatewise.training.task import StepLoss
from training.toy import ROWS, TIME, Bare, Toy, Waves, WaveStream, rows
from training.watching import everything, metrics, quick_fit, run

QUICK = TrainingSettings(epochs=3, learning_rate=0.02, log_every=3)


def test_it_learns_and_saves_the_weights_that_validate_best(tmp_path):
    toy, memory, result = run(tmp_path, QUICK.replace(epochs=10))
    losses = [record["validation_loss"] for record in memory.records if "validation_loss" in record]
    assert losses[-1] < losses[0] / 2
    assert result.best == {"loss": min(losses)}
    network = Waves().eval()
    network.load_state_dict(toy.saved)
    with torch.no_grad():
        assert toy.validate(network)["loss"] == pytest.approx(min(losses), rel=0.2)  # its noise is drawn anew


def test_the_best_is_kept_when_later_ones_are_worse(tmp_path):
    toy, memory, result = run(tmp_path, QUICK, Toy([2.0, 1.0, 3.0]))
    assert (result.best_step, result.best["loss"]) == (16, 1.0)
    best = [record["best"] for record in memory.records if "best" in record]
    assert best == [True, True, False]
    assert toy.saved["calls"] == 16
    assert json.loads((tmp_path / "model" / "config.json").read_text()) == {"best_step": 16}


def test_lines_of_metrics(tmp_path):
    _, memory, result = run(tmp_path, QUICK)
    lines = read_metrics(tmp_path / "metrics.jsonl")
    assert lines == memory.records
    assert [line["step"] for line in lines] == [3, 6, 8, 9, 12, 15, 16, 18, 21, 24]
    assert [line["step"] for line in lines if "validation_loss" in line] == [8, 16, 24]
    for line in lines:
        assert line.keys() >= {
            "epoch",
            "loss",
            "learning_rate",
            "gradient_norm",
            "clipped",
            "skipped",
            "units_per_second",
        }
        assert line["units"] == line["step"] * ROWS * TIME
        assert line["epoch"] == line["step"] / 8
        assert line["memory"] > 1
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds)
    losses = dict(memory.steps)
    assert lines[0]["loss"] == pytest.approx(sum(losses[step] for step in (1, 2, 3)) / 3)
    assert lines[2]["loss"] == pytest.approx(sum(losses[step] for step in (7, 8)) / 2)
    assert result.units == 24 * ROWS * TIME


def test_the_monitor_is_told_and_let_go(tmp_path):
    _, memory, _ = run(tmp_path, QUICK)
    (begun,) = memory.runs
    assert (begun.name, begun.unit, begun.step, begun.steps) == ("toy", "step", 0, 24)
    assert begun.parameters == sum(parameter.numel() for parameter in Waves().parameters())
    assert [step for step, _ in memory.steps] == [*range(1, 25)]
    assert memory.ends == 1


def test_what_a_run_leaves(tmp_path):
    result = fit(Toy(), QUICK, tmp_path / "deep" / "run", Silent())
    folder = tmp_path / "deep" / "run"
    assert result.folder == folder
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoints", "metrics.jsonl", "model", "report.html", "summary.json",
    ]  # fmt: skip
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["samples"] == ["a wave"]
    assert summary["settings"] == QUICK.to_dict()
    assert summary["best"] == result.best
    assert result.units_per_second == pytest.approx(result.units / result.seconds)


def test_two_runs_are_equal_and_another_seed_is_not(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(tmp_path / name, QUICK.replace(seed=seed))
    assert everything(tmp_path / "a") == everything(tmp_path / "b")
    assert metrics(tmp_path / "a") != metrics(tmp_path / "c")


def test_validation_and_checkpoints_do_not_change_the_training(tmp_path):
    _, often, _ = run(tmp_path / "often", QUICK.replace(validate_every=1, checkpoint_every=1, log_every=1))
    _, rare, _ = run(tmp_path / "rare", QUICK.replace(validate_every=1000, checkpoint_every=1000))
    assert often.steps == rare.steps
    assert len([record for record in often.records if "best" in record]) == 24


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({"epochs": 2.5}, 20),
        ({"max_steps": 5}, 5),
        ({"max_steps": 500}, 24),
        ({"accumulate": 3}, 8),
        ({"accumulate": 5}, 5),
    ],
)
def test_how_long_it_goes(tmp_path, changes, steps):
    _, memory, result = run(tmp_path, QUICK.replace(**changes))
    assert (len(memory.steps), result.steps, result.stopped) == (steps, steps, "done")
    assert memory.records[-1]["step"] == steps
    assert "validation_loss" in memory.records[-1]


def test_patience(tmp_path):
    toy = Toy([3.0, 2.0, 2.5, 1.0, 1.0, 1.5, 1.2, 0.5, 0.4])
    _, _, result = run(tmp_path, QUICK.replace(epochs=9, patience=2), toy)
    assert (result.stopped, result.steps, result.best_step, result.exit_code) == ("patience", 48, 32, 0)


def test_old_checkpoints_are_removed(tmp_path):
    run(tmp_path, QUICK.replace(checkpoint_every=5, keep=3))
    names = [path.stem for path in sorted((tmp_path / "checkpoints").iterdir())]
    assert names == ["step-000000015", "step-000000020", "step-000000024"]


@pytest.mark.parametrize("name", ["a b\nc", "ü ∑ 文", "n" * 255], ids=["spaces", "letters", "longest"])
def test_odd_names_of_the_run_folder(tmp_path, name):
    run(tmp_path / name, QUICK, stop_at=5)
    run(tmp_path / name, QUICK, resume=True)
    run(tmp_path / "plain", QUICK)
    assert everything(tmp_path / name) == everything(tmp_path / "plain")


def test_a_folder_that_may_not_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GatewiseError, match=r"file/run: cannot be written \(Not a directory, ENOTDIR\)"):
        run(tmp_path / "file" / "run", QUICK)


def test_the_clock_may_jump(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 0.0)
    _, _, result = run(tmp_path, QUICK)
    assert result.seconds > 0


# --- a task's mistakes ---


def test_a_batch_without_units(tmp_path):
    with pytest.raises(TrainingError, match="a batch holds 0 rows, at least 1 was expected"):
        quick_fit(Bare([(torch.zeros(0, 2), torch.zeros(0))]), QUICK, tmp_path, Silent())


def test_a_loss_that_no_weight_has_a_part_in(tmp_path):
    class Deaf(Bare):
        def loss(self, network, batch, carry):
            return StepLoss(torch.zeros((), requires_grad=True) * 1, 1)

    with pytest.raises(TrainingError, match="the loss depends on no weight of the network"):
        quick_fit(Deaf([rows(1)]), QUICK, tmp_path, Silent())


def test_measures_without_a_loss(tmp_path):
    class Forgetful(Toy):
        def validate(self, network):
            return {"accuracy": 1.0}

    with pytest.raises(TrainingError, match=r"the measures of toy must have a loss, but they are \['accuracy'\]"):
        quick_fit(Forgetful(), QUICK, tmp_path, Silent())


def test_the_stream_of_the_toy_is_what_it_says():
    stream, other = WaveStream(), WaveStream()
    next(stream)
    other.restore(stream.state())
    assert torch.equal(next(stream), next(other))
