"""Real language models stopped twice and resumed end with the very weights of a run that never stopped."""

from __future__ import annotations

import pytest

from gatewise.storage import unpack_tensors
from gatewise.tasks.language_model.plan import make_plan
from gatewise.tasks.language_model.run import carry_out
from gatewise.training.monitor import Silent
from gatewise.training.optimizers import Average
from tasks import tiny
from tasks.stopping import StopsAt

RUNS = {
    "dropouts, zoneout, adamw, reset at documents": {
        "num_layers": 2,
        "embedding_dropout": 0.1,
        "input_dropout": 0.2,
        "hidden_dropout": 0.2,
        "output_dropout": 0.2,
        "weight_dropout": 0.3,
        "zoneout": 0.1,
        "optimizer": "adamw",
        "reset_at": "document",
    },
    "sentences, nt-asgd, accumulate": {
        "unit": "sentences",
        "optimizer": "nt-asgd",
        "learning_rate": 5.0,  # at which the average begins between the stops
        "nonmonotone": 1,
        "accumulate": 2,
        "output_dropout": 0.2,
        "validate_every": 2,
    },
    "adaptive, tied, cosine": {
        "level": "word",
        "softmax": "adaptive",
        "cutoffs": (4, 9),
        "tie_weights": True,
        "schedule": "cosine",
        "output_dropout": 0.2,
    },
}


@pytest.mark.parametrize("settings", RUNS.values(), ids=RUNS)
def test_stopped_twice_and_resumed_the_weights_are_those_of_a_run_never_stopped(tmp_path, settings, monkeypatch):
    began = []
    validated = Average.validated
    monkeypatch.setattr(Average, "validated", lambda *given: began.append(validated(*given)) or began[-1])
    files = []
    for number in range(3 if settings.get("reset_at") else 1):
        files.append(tiny.text_file(tmp_path, tiny.sentences(60 + number), f"{number}.txt"))
    whole, parted = ({**tiny.SIZES, **settings, "out": str(tmp_path / name)} for name in ("whole", "parted"))
    again = {"out": parted["out"], "resume": True}
    with tiny.briefly():
        carry_out(make_plan(files, whole), Silent())
        assert any(began) == (settings.get("optimizer") == "nt-asgd")
        first = carry_out(make_plan(files, parted), StopsAt(5))
        second = carry_out(make_plan([], again), StopsAt(8))
        last = carry_out(make_plan([], again), Silent())
    assert [run.steps for run in (first, second, last)] == [5, 8, 12]
    one, other = (tmp_path / name / "model" / "model.safetensors" for name in ("whole", "parted"))
    assert len(unpack_tensors(one)[0]) > 3
    assert one.read_bytes() == other.read_bytes()
