"""What every task keeps to: trained on its sample, it predicts, saves, loads, and has its commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

import gatewise
from gatewise.cli.program import main
from gatewise.errors import GatewiseError
from gatewise.tasks.declaration import Declaration, Sample, resolve
from gatewise.tasks.discovery import find_tasks
from gatewise.training.metrics import read_metrics
from tolerance import tolerance

TASKS = find_tasks()
PRESETS = [(name, preset) for name, task in TASKS.items() if task.kind for preset in resolve(task.kind).found_presets()]


STEPS = 100  # more than any network of these samples takes from a text to its prediction
CLOSE = tolerance(torch.float32, STEPS)


class Trained(NamedTuple):
    """A task with a model of it."""

    task: Declaration
    sample: Sample
    run: Path
    model: Any


@pytest.fixture(scope="module", params=TASKS)
def trained(request, tmp_path_factory) -> Trained:
    folder = tmp_path_factory.mktemp(request.param)
    task = TASKS[request.param]
    sample = resolve(task.sample)(folder)
    model = gatewise.train(task.name, sample.files, out=str(folder / "run"), **sample.settings)
    return Trained(task, sample, folder / "run", model)


NETWORKS = [name for name in TASKS if name != "ngram"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_healthy_run_knows_the_norm_of_each_layer_and_says_nothing(name, tmp_path):
    sample = resolve(TASKS[name].sample)(tmp_path)
    longer = {**sample.settings, "epochs": 100, "max_steps": 200, "log_every": 10}
    gatewise.train(name, sample.files, out=str(tmp_path / "run"), **longer)
    lines = read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert lines[-1]["step"] == 200
    assert not [alarm for line in lines for alarm in line.get("alarms", [])]
    for line in lines:
        layers = line["gradient_norm_by_layer"]
        assert "output" in layers
        assert max(layers.values()) <= line["gradient_norm_max"] * (1 + 1e-6)


def test_saved_and_loaded_it_predicts_the_same(trained, tmp_path):
    before = trained.model.predict(trained.sample.texts)
    trained.model.save(tmp_path / "model")
    for place in (tmp_path / "model", trained.run):
        assert gatewise.load(place).predict(trained.sample.texts) == before
    assert len(before) == len(trained.sample.texts)
    assert json.loads(json.dumps(before)) == before


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_a_prediction_depends_neither_on_the_batch_nor_on_the_order(trained, batch_size):
    texts = trained.sample.texts * 2
    expected = trained.model.predict(texts)
    assert close(trained.model.predict(texts, batch_size=batch_size), expected)
    assert close(trained.model.predict(texts[::-1], batch_size=batch_size)[::-1], expected)


def test_nothing_is_predicted_of_nothing(trained):
    assert trained.model.predict([]) == []


def test_a_model_folder_that_is_there_is_not_written_over(trained, tmp_path):
    trained.model.save(tmp_path / "model")
    with pytest.raises(GatewiseError, match="model"):
        trained.model.save(tmp_path / "model")
    trained.model.save(tmp_path / "model", replace=True)


def test_eval_and_info_are_commands_of_every_task(trained, capsys):
    assert main(["eval", str(trained.run), trained.sample.eval_file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)
    assert main(["info", str(trained.run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["task"]


def test_what_is_recurrent_can_be_examined(trained, tmp_path):
    if not trained.task.examine:
        pytest.skip(f"{trained.task.name} has no recurrent layers")
    text = tmp_path / "text.txt"
    text.write_text("".join(f"{one}\n" for one in trained.sample.texts), encoding="utf-8")
    subject = resolve(trained.task.examine)(trained.model, str(text))
    layers, inputs = subject.double()
    outputs = layers(inputs[:, None])[0].detach().requires_grad_()
    if subject.step_loss is not None:
        loss = subject.step_loss(outputs[:, 0], torch.arange(len(subject.tokens)))
    else:
        loss = subject.text_loss(outputs)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert bool((loss >= 0).all())
    assert outputs.grad.abs().sum() > 0


def test_its_commands_are_in_the_help(trained, capsys):
    main(["--help"])
    told = capsys.readouterr().out
    assert all(f"  {verb.name} " in told for verb in trained.task.verbs)
    assert main(["train", "--help"]) == 0
    assert f"  {trained.task.name} " in capsys.readouterr().out


def test_trained_from_the_command_line(trained, tmp_path, capsys):
    flags = [word for name, value in trained.sample.settings.items() for word in flag(name, value)]
    run = str(tmp_path / "run")
    assert main(["train", trained.task.name, *trained.sample.files, "--out", run, *flags]) == 0
    assert "model: " in capsys.readouterr().err
    assert gatewise.load(run).predict(trained.sample.texts) == trained.model.predict(trained.sample.texts)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_preset_trains(name, preset, tmp_path):
    sample = resolve(TASKS[name].sample)(tmp_path)
    needed = {key: sample.settings[key] for key in sample.needed}
    model = gatewise.train(name, sample.files, out=str(tmp_path / "run"), preset=preset, max_steps=1, **needed)
    assert len(model.predict(sample.texts)) == len(sample.texts)


def flag(name: str, value: Any) -> list[str]:
    words = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [words] if value else [words.replace("--", "--no-", 1)]
    return [words, str(value)]


def close(one: Any, other: Any) -> bool:
    """Whether two predictions are the same but for rounding."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= CLOSE["atol"] + CLOSE["rtol"] * abs(other)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    return bool(one == other)
