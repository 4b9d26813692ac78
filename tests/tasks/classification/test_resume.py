"""A run that was stopped ends with the very weights, temperature and scores of one that never was."""

from __future__ import annotations

import json

import pytest

from gatewise.errors import TrainingError
from gatewise.storage import unpack_tensors
from gatewise.tasks.classification.plan import make_plan
from gatewise.tasks.classification.run import RECIPE
from gatewise.tasks.run import carry_out
from gatewise.training.monitor import Silent
from tasks.classification import small
from tasks.stopping import StopsAt

DROPPED = {"input_dropout": 0.2, "output_dropout": 0.2, "word_dropout": 0.1, "epochs": 3, "checkpoint_every": 4}
RUNS = {
    "words with characters, weighted": {**DROPPED, "characters": "rnn", "class_weights": "balanced", "num_layers": 2},
    "characters, batches by tokens": {**DROPPED, "level": "char", "batch_tokens": 90},
    "subwords": {**DROPPED, "level": "bpe", "vocabulary_size": 300, "word_dropout": 0.0},
}


@pytest.mark.parametrize(
    "settings",
    [pytest.param(run, id=name, marks=pytest.mark.slow if name == "subwords" else []) for name, run in RUNS.items()],
)
def test_stopped_and_resumed_it_is_the_run_that_was_never_stopped(tmp_path, settings):
    test = small.write(tmp_path, small.texts(20, seed=4), "test.tsv")
    files = [small.write(tmp_path)]
    whole, parted = ({**small.SIZES, **settings, "test": test, "out": str(tmp_path / name)} for name in "wp")
    again = {"out": parted["out"], "resume": True}
    carry_out(RECIPE, make_plan(files, whole), Silent())
    assert carry_out(RECIPE, make_plan(files, parted), StopsAt(5)).stopped == "signal"
    (tmp_path / "train.tsv").unlink()  # a resumed run has what it needs
    (tmp_path / "test.tsv").unlink()
    assert carry_out(RECIPE, make_plan([], again), StopsAt(9)).stopped == "signal"
    assert carry_out(RECIPE, make_plan([], again), Silent()).stopped == "done"
    one, other = (tmp_path / name / "model" for name in "wp")
    assert len(unpack_tensors(one / "model.safetensors")[0]) > 3
    for name in ("model.safetensors", "config.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    scores = [json.loads((place / "training.json").read_text())["scores"] for place in (one, other)]
    assert scores[0] == scores[1]


def test_a_resumed_run_keeps_its_texts(run, tmp_path):
    with pytest.raises(TrainingError, match="leave the files out"):
        carry_out(RECIPE, make_plan(["other.tsv"], {"out": str(run), "resume": True}), Silent())
