"""Taggers stopped twice and resumed end with the very weights of a run that never stopped."""

from __future__ import annotations

import pytest

from gatewise.errors import TrainingError
from gatewise.storage import unpack_tensors
from gatewise.tasks.run import carry_out
from gatewise.tasks.tagging.plan import make_plan
from gatewise.tasks.tagging.run import RECIPE
from gatewise.training.monitor import Silent
from tasks.stopping import StopsAt
from tasks.tagging import tiny_tags as tiny

RUNS = {
    "crf, dropouts, characters by the cell": {"word_dropout": 0.2, "input_dropout": 0.2, "output_dropout": 0.2},
    "softmax, filters, batches by tokens": {"output": "softmax", "characters": "cnn", "batch_tokens": 12},
}


@pytest.mark.parametrize("settings", RUNS.values(), ids=RUNS)
def test_stopped_twice_and_resumed_the_weights_are_those_of_a_run_never_stopped(tmp_path, settings):
    vectors = tiny.write(tmp_path, "".join(f"{word} {'0.5 ' * 8}\n" for word in ("ann", "rome")), "vec.txt")
    given = {**settings, "vectors": vectors, "epochs": 3, "validate_every": 7, "checkpoint_every": 5}
    text = tiny.columns(tiny.entities(24))
    whole = tiny.run(tmp_path / "whole", text, **given)
    parted = tiny.run(tmp_path / "parted", text, StopsAt(4), **given)
    again = make_plan([], {"out": str(parted), "resume": True})
    (tmp_path / "vec.txt").unlink()
    (tmp_path / "parted" / "train.conll").unlink()
    second, last = carry_out(RECIPE, again, StopsAt(9)), carry_out(RECIPE, again, Silent())
    assert (second.stopped, second.steps, last.stopped) == ("signal", 9, "done")
    one, other = (folder / "model" / "model.safetensors" for folder in (whole, parted))
    assert len(unpack_tensors(one)[0]) > 5
    assert one.read_bytes() == other.read_bytes()


def test_a_resumed_run_keeps_its_settings_and_files(tmp_path):
    run = tiny.run(tmp_path, tiny.columns(tiny.pos()), StopsAt(3))
    with pytest.raises(TrainingError, match="a resumed run keeps its settings, but hidden_size was 8 and is 9"):
        make_plan([], {"out": str(run), "resume": True, "hidden_size": 9})
    plan = make_plan(["other.conll"], {"out": str(run), "resume": True})
    with pytest.raises(TrainingError, match=r"the run trains on .*train.conll, but other.conll was given"):
        carry_out(RECIPE, plan, Silent())
