"""A task whose best weights are those of the highest accuracy, not of the lowest loss."""

import json
import math

import pytest

from gatewise.errors import TrainingError
from gatewise.training.loop import fit
from gatewise.training.monitor import Lines, Run, Silent, describe
from gatewise.training.selection import Selection
from gatewise.training.settings import TrainingSettings
from training.toy import Toy
from training.watching import last_checkpoint, quick_fit, run

QUICK = TrainingSettings(epochs=3, learning_rate=0.02, log_every=3)


class Graded(Toy):
    """Validates with a loss that falls and an accuracy that is scripted."""

    selects_by = Selection("accuracy", higher=True)

    def validate(self, network):
        number = math.ceil(self.stream.epoch)
        return {"loss": 1 / number, "accuracy": self.validations[number - 1]}


def test_the_highest_is_kept_where_a_higher_one_is_better(tmp_path):
    task, memory, result = run(tmp_path, QUICK, Graded([0.5, 0.9, 0.7]))
    assert (result.best_step, result.best) == (16, {"loss": 0.5, "accuracy": 0.9})
    assert [record["best"] for record in memory.records if "best" in record] == [True, True, False]
    assert task.saved["calls"] == 16
    assert result.selects_by == Selection("accuracy", higher=True)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["selects_by"] == {"measure": "accuracy", "higher": True}


@pytest.mark.parametrize("worst", [math.nan, -math.inf, math.inf])
def test_the_first_is_not_the_best_where_it_is_not_finite_and_equal_ones_do_not_replace_it(tmp_path, worst):
    _, _, result = run(tmp_path, QUICK, Graded([worst, 0.0, 0.0]))
    assert (result.best_step, result.best["accuracy"]) == (16, 0.0)


def test_patience_waits_for_it(tmp_path):
    settings = QUICK.replace(epochs=9, patience=2)
    _, _, result = run(tmp_path, settings, Graded([0.1, 0.5, 0.4, 0.6, 0.6, 0.55, 0.9, 0.9, 0.9]))
    assert (result.stopped, result.steps, result.best_step) == ("patience", 48, 32)


def test_the_plateau_waits_for_it(tmp_path):
    settings = QUICK.replace(schedule="plateau", plateau_factor=0.5, warmup=0, epochs=5, validate_every=8, log_every=8)
    _, memory, _ = run(tmp_path, settings, Graded([0.5, 0.4, 0.6, 0.6, 0.7]))
    assert [record["learning_rate"] for record in memory.records] == [0.02, 0.02, 0.01, 0.01, 0.005]


def test_the_average_begins_when_it_stops_rising(tmp_path):
    settings = QUICK.replace(optimizer="nt-asgd", schedule="constant", nonmonotone=1, epochs=4)
    _, memory, _ = run(tmp_path, settings, Graded([0.5, 0.6, 0.4, 0.7]))
    assert memory.lines == ["validation stopped improving: from step 24 the weights are averaged"]
    assert last_checkpoint(tmp_path)["average"]["costs"] == [-0.5, -0.6, -0.4]


def test_a_validation_without_it(tmp_path):
    class Forgetful(Graded):
        def validate(self, network):
            return {"loss": 1.0}

    with pytest.raises(TrainingError) as caught:
        run(tmp_path, QUICK, Forgetful())
    assert str(caught.value) == "the measures of toy must have accuracy, which selects, but they are ['loss']"


def test_validations_that_never_gave_one(tmp_path):
    with pytest.raises(TrainingError, match="no validation gave a finite accuracy, so there is nothing to save"):
        run(tmp_path, QUICK, Graded([math.nan] * 3))


def test_a_monitor_says_which_is_the_best(tmp_path, capsys):
    quick_fit(Graded([0.5, 0.9, 0.7]), QUICK, tmp_path, Lines())
    told = [line.partition("; ")[2] for line in capsys.readouterr().err.splitlines() if "validation" in line]
    assert told == [
        "validation loss 1.0000, accuracy 0.5, best accuracy so far",
        "validation loss 0.5000, accuracy 0.9, best accuracy so far",
        "validation loss 0.3333, accuracy 0.7",
    ]
    record = {"step": 50, "epoch": 0.5, "loss": 2.0, "learning_rate": 0.1, "gradient_norm": 0.7, "clipped": 0.0,
              "skipped": 0.0, "units_per_second": 10.0, "seconds": 10.0, "validation_loss": 1.0,
              "validation_macro_f1": 0.25, "best": True}  # fmt: skip
    began = Run("tag", "token", True, tmp_path, 0, 2000, 10, selects_by="macro_f1")
    assert describe(record, began).endswith("perplexity 2.72, macro f1 0.25, best macro f1 so far")


def test_the_report_draws_it_first_and_says_what_was_kept(tmp_path):
    fit(Graded([0.5, 0.875, 0.75]), QUICK, tmp_path, Silent())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The weights of the highest accuracy are kept." in page
    assert page.index("Accuracy over steps") < page.index("Accuracy over time") < page.index("Loss over steps")
    assert "<b>0.875</b><span>best validation, accuracy (step 16)</span>" in page
    assert "<b>0.5000</b><span>its loss per step</span>" in page


def test_the_report_of_a_loss_says_nothing_of_it(tmp_path):
    fit(Toy(), QUICK, tmp_path, Silent())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "are kept" not in page
    assert "best validation, loss per step (step" in page
