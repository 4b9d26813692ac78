"""The verdict on trained networks: quiet on healthy ones of each kind, right once a fault is planted in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import gatewise
from doctor.patients import put_nan, scale_recurrent, shut_forget_gate
from gatewise.doctor.diagnosis import Diagnosis
from tasks import tiny

pytestmark = pytest.mark.slow
SIZES: dict[str, Any] = {"level": "char", "hidden_size": 16, "embedding_size": 16, "bptt": 16, "batch_size": 8}
RATES = {"rnn": 0.01, "gru": 0.03, "lstm": 0.03, "peephole_lstm": 0.03}


def examined(folder: Path, text: str, plant: Any = None) -> Diagnosis:
    """The diagnosis of a trained model, with or without a fault."""
    model = gatewise.load(folder)
    if plant is not None:
        plant(model.network.recurrent)
    return gatewise.diagnose(model, text, distance=60, tokens=1000)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sentences like those trained on."""
    return tiny.text_file(tmp_path_factory.mktemp("text"), tiny.sentences(60))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run folder of a cell, trained once."""
    made: dict[str, Path] = {}

    def of(cell: str) -> Path:
        if cell not in made:
            given = {**SIZES, "cell": cell, "max_steps": 300, "epochs": 100, "learning_rate": RATES[cell]}
            made[cell] = tiny.run(tmp_path_factory.mktemp(cell), tiny.sentences(800), **given)
        return made[cell]

    return of


@pytest.mark.parametrize("cell", RATES)
def test_it_is_quiet_on_a_healthy_network(trained: Any, text: str, cell: str):
    found = examined(trained(cell), text)
    assert [finding.sentence for finding in found.findings if finding.severity != "note"] == []
    assert found.healthy
    assert "Nothing is wrong with it." in found.verdict()
    assert {"behaviour", "gradient"} <= {finding.cause for finding in found.findings}


@pytest.mark.parametrize(
    ("cell", "plant", "cause"),
    [
        ("rnn", lambda stack: scale_recurrent(stack, 10), "overdriven"),
        ("gru", lambda stack: scale_recurrent(stack, 4), "exploding"),
        ("lstm", lambda stack: scale_recurrent(stack, 10), "exploding"),
        ("lstm", lambda stack: shut_forget_gate(stack, 16), "stuck_shut"),
        ("gru", put_nan, "not_finite"),
    ],
)
def test_a_fault_that_is_planted_in_it_is_the_one_that_is_found(
    trained: Any, text: str, cell: str, plant: Any, cause: str
):
    found = examined(trained(cell), text, plant)
    assert (found.findings[0].severity, found.findings[0].cause) == ("fault", cause)
    assert found.findings[0].advice
    assert torch.isfinite(torch.tensor(found.findings[0].value))


def test_the_finished_run_is_quiet_as_a_whole(trained: Any, text: str):
    found = gatewise.diagnose(trained("gru"), text, distance=60, tokens=1000)
    assert found.record is not None
    assert found.healthy
