"""A classifier that begins as a language model: its weights, its tokens, its settings, layer by layer unfrozen."""

from __future__ import annotations

import json
import os
import signal

import pytest
import torch

import gatewise
from gatewise.errors import ModelFileError, SettingError
from gatewise.tasks.classification.plan import make_plan
from gatewise.tasks.classification.run import RECIPE
from gatewise.tasks.run import carry_out
from gatewise.training.monitor import Silent
from tasks import tiny
from tasks.classification import small

OWN = {"input_dropout": 0.0, "output_dropout": 0.0, "batch_size": 8, "threads": 1}


@pytest.fixture(scope="module")
def lm(tmp_path_factory):
    """A language model over words, of two layers of GRU."""
    folder = tmp_path_factory.mktemp("lm")
    text = "".join(f"{text}\n" for text, _ in small.texts(300))
    return tiny.run(folder, text, level="word", num_layers=2, cell="gru", max_steps=40, lowercase=True)


def test_it_begins_with_the_weights_of_the_language_model_and_its_settings(lm, tmp_path):
    given = {**OWN, "from_lm": str(lm), "out": str(tmp_path / "run"), "learning_rate": 1e-12, "max_steps": 1}
    plan = make_plan([small.write(tmp_path)], {**given, "weight_decay": 0.0})
    assert (plan.model.cell, plan.model.num_layers, plan.model.embedding_size) == ("gru", 2, 8)
    assert (plan.tokens.level, plan.tokens.lowercase, plan.model.bidirectional) == ("word", True, False)
    carry_out(RECIPE, plan, Silent())
    model, source = gatewise.load(tmp_path / "run"), gatewise.load(lm)
    assert torch.allclose(model.network.encoder.embedder.words.weight, source.network.embedding.weight, atol=1e-9)
    for name, weight in source.network.recurrent.named_parameters():
        assert torch.allclose(dict(model.network.encoder.recurrent.named_parameters())[name], weight, atol=1e-9)
    assert model.reader.vocabulary.fingerprint == source.tokenizer.fingerprint
    assert model.history["from_lm"] == str(lm)
    assert "began as those of the language model" in (tmp_path / "run" / "model" / "README.md").read_text()


def test_its_layers_are_unfrozen_one_after_another_and_it_learns(lm, tmp_path):
    dev = small.write(tmp_path, small.texts(60, seed=9), "dev.tsv")
    model = small.train(
        small.write(tmp_path, small.texts(120)),
        tmp_path / "run",
        from_lm=str(lm),
        dev=dev,
        unfreeze_every=2.0,
        rate_decay=2.6,
        schedule="slanted",
        epochs=20,
    )
    assert model.history["scores"]["dev"]["accuracy"] == 1.0
    assert model.explain("the film was dull").words == ("the", "film", "was", "dull")
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["layer_groups"] for row in rows if "validation_loss" in row][:6] == [1, 1, 2, 2, 3, 3]


def test_it_is_resumed_without_the_language_model(tmp_path):
    folder = tmp_path / "lm"
    source = tiny.run(folder, max_steps=4)
    settings = {**OWN, "epochs": 3, "from_lm": str(source), "unfreeze_every": 1.0}
    files = [small.write(tmp_path)]
    carry_out(RECIPE, make_plan(files, {**settings, "out": str(tmp_path / "whole")}), Silent())
    carry_out(RECIPE, make_plan(files, {**settings, "out": str(tmp_path / "parted"), "max_steps": 10_000}), Stops())
    source.rename(folder / "moved")
    carry_out(RECIPE, make_plan([], {"out": str(tmp_path / "parted"), "resume": True}), Silent())
    one, other = (tmp_path / name / "model" / "model.safetensors" for name in ("whole", "parted"))
    assert one.read_bytes() == other.read_bytes()


class Stops(Silent):
    """Sends this process a signal in the second epoch."""

    def stepped(self, step, loss, units, seconds):
        if step == 9:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden_size": 64}, "hidden_size is 64, but the language model has 8; leave hidden_size out"),
        ({"bidirectional": True}, "bidirectional is yes, but the language model has no"),
        ({"level": "char"}, "level is char, but the language model has word"),
        ({"characters": "cnn"}, "characters is cnn, but the language model has none"),
        ({"vectors": "vec.txt"}, "vectors is vec.txt, but the language model has none"),
        ({"num_layers": 1}, "num_layers is 1, but the language model has 2"),
        ({"lowercase": False}, "lowercase is no, but the language model has yes"),
        ({"cell": "lstm"}, "cell is lstm, but the language model has gru"),
    ],
)
def test_a_setting_that_only_the_language_model_can_say(lm, tmp_path, settings, words):
    with pytest.raises(SettingError, match=words):
        make_plan([small.write(tmp_path)], {"from_lm": str(lm), "out": str(tmp_path / "run"), **settings})


def test_what_is_no_recurrent_language_model(tmp_path):
    text = tiny.text_file(tmp_path)
    gatewise.train("ngram", text, out=str(tmp_path / "ngram"), order=2)
    with pytest.raises(ModelFileError, match="with recurrent layers is needed, but this is a ngram-lm"):
        make_plan([small.write(tmp_path)], {"from_lm": str(tmp_path / "ngram"), "out": str(tmp_path / "run")})
