"""The benchmarks compare equal things: their settings are real ones, and both sides of a race take the same steps."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from gatewise.models.recurrent_lm import RecurrentLM
from gatewise.models.settings import RecurrentLMSettings
from gatewise.tasks.language_model.ngram_run import make_ngram_plan
from gatewise.tasks.language_model.plan import make_plan
from gatewise.text.batch import Batch
from gatewise.training.optimizers import build
from gatewise.training.settings import TrainingSettings
from gatewise.training.stepping import Stepper
from gatewise.training.task import StepLoss
from tolerance import tolerance

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SIZE, VOCABULARY, STEPS, TIME, ROWS = 6, 13, 4, 5, 3


@pytest.fixture(scope="module")
def benchmarks():
    sys.path.insert(0, str(BENCHMARKS))
    import memory
    import plain_lstm
    import story
    import throughput
    import tiny_shakespeare
    import wikitext2
    import wikitext2_models

    sys.path.remove(str(BENCHMARKS))
    modules = (memory, plain_lstm, story, throughput, tiny_shakespeare, wikitext2, wikitext2_models)
    return {module.__name__: module for module in modules}


@pytest.mark.parametrize(
    ("name", "table"),
    [("memory", "SETTINGS"), ("throughput", "EQUAL"), ("tiny_shakespeare", "SETTINGS"), ("wikitext2", "SETTINGS")],
)
def test_settings_of_benchmark_exist_and_are_allowed(benchmarks, name, table, tmp_path):
    settings = getattr(benchmarks[name], table)
    plan = make_plan(["text"], {**settings, "out": str(tmp_path / "run")})
    taken = {**plan.text.to_dict(), **plan.batches.to_dict(), **plan.model.to_dict(), **plan.training.to_dict()}
    assert {key: taken[key] for key in settings} == settings


def test_settings_of_window_models_and_n_grams_exist_and_are_allowed(benchmarks, tmp_path):
    window = benchmarks["wikitext2_models"].WINDOW
    plans = [
        make_plan(["text"], {**window, "out": str(tmp_path / "window")}, "window"),
        *(
            make_ngram_plan(["text"], {**settings, "out": str(tmp_path / "run")})
            if kind == "ngram"
            else make_plan(["text"], {**settings, "out": str(tmp_path / "run")}, kind)
            for _, kind, settings in benchmarks["story"].STEPS
        ),
    ]
    given = [window, *(settings for _, _, settings in benchmarks["story"].STEPS)]
    for plan, settings in zip(plans, given, strict=True):
        tables = [getattr(plan, name, None) for name in ("text", "batches", "model", "training")]
        taken = {name: value for table in tables if table for name, value in table.to_dict().items()}
        assert {key: taken[key] for key in settings} == settings


class Race:
    """gatewise's side of the race on given batches: what its loop asks a task for."""

    name, unit, nats = "race", "word", True

    def __init__(self, batches):
        self.batches = iter(batches)

    def __next__(self):
        return next(self.batches)

    def loss(self, network, batch, carry):
        return StepLoss(*network.loss(batch, carry))


def model_settings(equal):
    sizes = {"embedding_size": SIZE, "hidden_size": SIZE, "input_dropout": 0.0, "hidden_dropout": 0.0}
    chosen = {**equal, **sizes, "output_dropout": 0.0}
    known = {field.name for field in RecurrentLMSettings.declared()}
    return RecurrentLMSettings(**{name: value for name, value in chosen.items() if name in known})


def under_our_names(plain):
    """A copy of the plain model's weights; the modules have other names, the parameters the same."""
    ours = {"embedding": "embedding", "lstm": "recurrent", "decoder": "output"}
    split = ((name.partition("."), value) for name, value in plain.state_dict().items())
    return {f"{ours[module]}.{rest}": value.clone() for (module, _, rest), value in split}


def test_both_sides_of_the_throughput_race_take_the_same_steps(benchmarks):
    """From the same weights on the same text, without dropout, the weights agree after some steps."""
    equal, plain_lstm = benchmarks["throughput"].EQUAL, benchmarks["plain_lstm"]
    torch.manual_seed(3)
    text = torch.randint(0, VOCABULARY, (STEPS * TIME + 1, ROWS))
    plain = plain_lstm.PlainLanguageModel(VOCABULARY, width=SIZE, dropout=0.0)
    ours = RecurrentLM(model_settings(equal), VOCABULARY)
    ours.load_state_dict(under_our_names(plain), strict=True)

    windows = list(plain_lstm.windows(text, TIME))
    batches = [Batch(inputs, targets, None, None, targets.numel()) for inputs, targets in windows]
    known = {field.name for field in TrainingSettings.declared()}
    training = TrainingSettings(**{name: value for name, value in equal.items() if name in known})
    race = Race(batches)
    stepper = Stepper(race, ours, race, build(ours, training), training)
    state = plain.start(ROWS)
    for inputs, targets in windows:
        before, state = plain_lstm.training_step(plain, inputs, targets, state, rate=training.learning_rate)
        outcome = stepper.step(training.learning_rate)
        torch.testing.assert_close(outcome.loss / outcome.count, before, **tolerance(torch.float32, STEPS * TIME))
    theirs = under_our_names(plain)
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, theirs[name], **tolerance(torch.float32, STEPS * TIME * 20))
