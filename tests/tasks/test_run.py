"""A run from its files to its folder: what it leaves, what it goes on from, and what it takes away when it fails."""

from __future__ import annotations

import json
import math
import os
import signal

import pytest

import gatewise
from gatewise.errors import DataError, GatewiseError, TrainingError
from gatewise.scan import _engine, instruction_set
from gatewise.tasks.language_model.plan import make_plan
from gatewise.tasks.language_model.run import carry_out
from gatewise.training.monitor import Silent
from tasks import tiny
from tasks.stopping import StopsAt


def train(files, **settings):
    with tiny.briefly():
        return gatewise.train("lm", files, **{**tiny.SIZES, **settings})


def model_bytes(run):
    return (run / "model" / "model.safetensors").read_bytes()


def test_a_run_leaves_what_is_promised(tiny_run):
    names = {path.name for path in tiny_run.iterdir()}
    assert {"config.toml", "metrics.jsonl", "checkpoints", "data", "report.html", "model"} <= names
    model = {path.name for path in (tiny_run / "model").iterdir()}
    assert model == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "training.json",
        "program.json",
        "manifest.json",
        "README.md",
    }


def test_the_config_is_one_that_gives_the_same_run(tiny_run, tmp_path):
    file = tiny.text_file(tmp_path)
    with tiny.briefly():
        gatewise.train("lm", file, out=str(tmp_path / "again"), config=str(tiny_run / "config.toml"))
    assert model_bytes(tmp_path / "again") == model_bytes(tiny_run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_goes_on_to_the_same_end(tiny_run, tmp_path, number):
    plan = make_plan([tiny.text_file(tmp_path)], {**tiny.SIZES, "out": str(tmp_path / "run")})
    with tiny.briefly():
        stopped = carry_out(plan, StopsAt(5, number))
        assert (stopped.stopped, stopped.steps, stopped.exit_code) == ("signal", 5, 128 + number)
        assert not (plan.folder / "model").exists()
        os.remove(plan.files[0])  # the run keeps its text
        ended = carry_out(make_plan([], {"out": str(plan.folder), "resume": True}), Silent())
    assert ended.stopped == "done"
    assert model_bytes(plan.folder) == model_bytes(tiny_run)


class Said(StopsAt):
    """Keeps what is said."""

    def __init__(self, step=0):
        super().__init__(step)
        self.lines = []

    def said(self, line):
        self.lines.append(line)


def test_another_instruction_set_is_said_when_a_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.delenv("GATEWISE_ISA", raising=False)
    best, simplest = instruction_set(), _engine.instruction_sets()[-1]
    plan = make_plan([tiny.text_file(tmp_path)], {**tiny.SIZES, "out": str(tmp_path / "run")})
    with tiny.briefly():
        with monkeypatch.context() as changed:
            changed.setenv("GATEWISE_ISA", simplest)
            first = carry_out(plan, Said(5))
        assert (first.stopped, first.versions["engine"]) == ("signal", simplest)
        said = Said()
        last = carry_out(make_plan([], {"out": str(plan.folder), "resume": True}), said)
    change = f"engine was {simplest} and is {best}: the rest of the run may differ in the last bits"
    assert (change in said.lines) == (best != simplest)
    assert (last.exit_code, last.versions["engine"]) == (0, best)


@pytest.mark.parametrize("runner", ["fused", "torch", "reference"])
def test_what_was_trained_by_one_runner_is_loaded_and_measured(tmp_path, runner):
    file, said = tiny.text_file(tmp_path), Said()
    plan = make_plan([file], {**tiny.SIZES, "runner": runner, "out": str(tmp_path / "run")})
    with tiny.briefly():
        result = carry_out(plan, said)
    told = f"{runner} (asked for){', which is slow' if runner == 'reference' else ''}"
    assert f"recurrent layers: {told}" in said.lines
    assert result.versions["recurrent layers"] == told
    model = gatewise.load(tmp_path / "run")
    measured = model.evaluate(file)
    assert model.network.recurrent.runner_used == model.network.settings.runner == runner
    assert measured.measure.tokens > 1000
    assert measured.measure.nats_per_token < math.log(model.network.vocabulary_size) + 0.1


def test_a_run_is_not_resumed_with_another_equation(tmp_path):
    cell = "from gatewise.cells import CELLS\nclass Mine(CELLS['rnn']):\n    'A cell of my own.'\n"
    step = "    def step(self, x, s, p):\n        return s.next(hidden=(x + p.R(s.hidden)).hidden.{}())\n"
    (tmp_path / "my.py").write_text(cell + step.format("tanh"))
    own = {"cell": f"{tmp_path}/my.py:Mine", "out": str(tmp_path / "run")}
    plan = make_plan([tiny.text_file(tmp_path)], {**tiny.SIZES, **own})
    with tiny.briefly():
        carry_out(plan, StopsAt(5))
    (tmp_path / "my.py").write_text(cell + step.format("sigmoid"))
    again = make_plan([], {**own, "resume": True})
    with pytest.raises(TrainingError, match="keeps its settings, but the equation of the cell, in numbers, was"):
        carry_out(again, Silent())


def test_python_is_told_of_a_stop(tmp_path, monkeypatch):
    monkeypatch.setattr("gatewise.tasks.run.monitor_on", lambda _: StopsAt(3))
    with pytest.raises(KeyboardInterrupt, match="resume=True"):
        train(tiny.text_file(tmp_path), out=str(tmp_path / "run"))


def test_a_resumed_run_keeps_its_files(tiny_run):
    with pytest.raises(TrainingError, match=r"the run trains on .*text\.txt, but other\.txt was given"):
        gatewise.train("lm", "other.txt", out=str(tiny_run), resume=True)


@pytest.mark.parametrize(
    ("text", "settings", "error", "words"),
    [
        ("", {}, DataError, "nothing but white space"),
        ("word", {}, DataError, ""),
        ("one short line\n", {"bptt": 64}, DataError, "one batch needs 4 x 64 = 256 tokens, but the text has"),
        (None, {"valid": "nowhere.txt"}, DataError, "nowhere.txt: there is no such file"),
        (None, {"level": "bpe", "vocabulary_size": 10}, GatewiseError, "vocabulary_size is 10"),
        (None, {"softmax": "adaptive", "cutoffs": (500,)}, GatewiseError, "500"),
    ],
)
def test_a_run_that_never_began_leaves_nothing(tmp_path, text, settings, error, words):
    (tmp_path / "files").mkdir()
    file = tiny.text_file(tmp_path / "files", text)
    with pytest.raises(error) as refused:
        train(file, out=str(tmp_path / "runs" / "mine"), **settings)
    assert words in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["files"]


def test_a_run_that_never_began_leaves_others_alone(tmp_path):
    (tmp_path / "runs" / "other").mkdir(parents=True)
    with pytest.raises(DataError):
        train(tiny.text_file(tmp_path, ""), out=str(tmp_path / "runs" / "mine"))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["other"]


def test_what_is_noticed_in_the_text_is_said(tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf" + tiny.sentences().replace("\n", "\r\n").encode())
    train(str(tmp_path / "a.txt"), out=str(tmp_path / "run"))
    err = capsys.readouterr().err
    assert "CRLF" in err
    assert "byte order mark" in err
    assert "held out for validation" in err


def test_the_record_says_what_was_read(tmp_path):
    held_out = tiny.text_file(tmp_path, tiny.sentences(30), "valid.txt")
    model = train(tiny.text_file(tmp_path), out=str(tmp_path / "run"), valid=held_out)
    texts = model.history["data"]["texts"]
    assert texts["train"]["characters"] == len(tiny.sentences())
    assert texts["valid"]["text"]["characters"] == len(tiny.sentences(30))
    assert texts["train"]["text"]["sha256"] != texts["valid"]["text"]["sha256"]
    record = json.loads((tmp_path / "run" / "data" / "record.json").read_text())
    assert record == model.history["data"]


@pytest.mark.parametrize(
    ("settings", "known"),
    [
        ({}, True),
        ({"minimum_count": 40}, False),
        ({"lowercase": True}, False),
        ({"level": "word"}, False),
        ({"level": "word", "pretokenised": True}, True),
        ({"level": "word", "pretokenised": True, "vocabulary_size": 6}, False),
    ],
)
def test_bits_per_character_are_said_where_the_tokens_hold_every_character(tmp_path, capsys, settings, known):
    model = train(tiny.text_file(tmp_path), out=str(tmp_path / "run"), **settings)
    scores = model.history["scores"]["validation"]
    assert (scores["bits_per_character"] is not None) == known
    assert scores["characters"] > 0
    lines = capsys.readouterr().err.splitlines()
    noted = [f"unknown: {scores['unknown'] / scores['tokens']:.2%} of the tokens of the valid text"]
    assert [line for line in lines if line in noted] == noted * (scores["unknown"] > 0)
    told = [line for line in lines if "; validation" in line]
    assert ["bits per character" in line for line in told] == [known] * 2
    assert ["unknown share" in line for line in told] == [scores["unknown"] > 0] * 2
    card = (tmp_path / "run" / "model" / "README.md").read_text()
    assert f"of them unknown ({scores['unknown'] / scores['tokens']:.2%})" in card


def test_a_text_that_is_also_trained_on_is_noticed(tmp_path, capsys):
    file, same = tiny.text_file(tmp_path), tiny.text_file(tmp_path, name="same.txt")
    train(file, out=str(tmp_path / "a"), valid=same, test=tiny.text_file(tmp_path, tiny.sentences(30), "test.txt"))
    err = capsys.readouterr().err
    assert err.count("is the training text") == err.count("the valid text is the training text: what is measured") == 1
    train(file, out=str(tmp_path / "b"), test=file)
    assert capsys.readouterr().err.count("the test text is the training text") == 1


def test_several_files_and_folders_are_one_text(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, seed in (("a.txt", 40), ("b.txt", 50)):
        (folder / name).write_text(tiny.sentences(seed))
    model = train([folder], out=str(tmp_path / "run"))
    assert model.history["data"]["texts"]["train"]["text"]["documents"] == 2


def test_training_lowers_the_loss(tmp_path):
    model = train(
        tiny.text_file(tmp_path, tiny.sentences(400)),
        out=str(tmp_path / "run"),
        level="word",
        hidden_size=32,
        learning_rate=0.02,
        max_steps=80,
    )
    # In these sentences a word follows from the one or two before it; guessing would cost ln(V).
    assert model.history["scores"]["validation"]["perplexity_per_token"] < 3
    assert model.rank(["cat small the is", "the cat is small"])[0][0] == "the cat is small"
