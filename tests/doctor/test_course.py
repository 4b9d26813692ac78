"""The verdict on training runs: right where the rate was ten times too high, quiet where it was not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewise.doctor.findings import is_quiet
from gatewise.doctor.rules.course import course_of, judge_run
from gatewise.doctor.run_record import RunRecord, read_record
from tasks import tiny

SIZES: dict[str, Any] = {"level": "char", "hidden_size": 32, "embedding_size": 16, "bptt": 16, "batch_size": 8}
STEPS: dict[str, Any] = {"max_steps": 240, "epochs": 100, "log_every": 6, "validate_every": 120}


def trained(folder: Path, cell: str, rate: float) -> RunRecord:
    """A run on sentences that follow rules, at a rate."""
    run = tiny.run(folder, tiny.sentences(800), cell=cell, learning_rate=rate, **SIZES, **STEPS)
    return read_record(run)


def causes(record: RunRecord) -> list[tuple[str, str]]:
    """Severity and cause of what is said of a run, notes left out."""
    return [(found.severity, found.cause) for found in judge_run(record) if found.severity != "note"]


@pytest.mark.slow
@pytest.mark.parametrize(("cell", "good"), [("rnn", 0.01), ("gru", 0.1), ("lstm", 0.1)])
def test_a_rate_ten_times_too_high_is_seen_and_a_good_one_is_not(tmp_path: Path, cell: str, good: float):
    healthy, planted = trained(tmp_path / "good", cell, good), trained(tmp_path / "high", cell, 10 * good)
    losses = [record.numbers("validation_loss")[-1][1] for record in (healthy, planted)]
    assert losses[1] > 1.5 * losses[0]  # it is too high, and not only higher
    assert is_quiet(judge_run(healthy))
    rate = [found for found in judge_run(planted) if found.cause in ("rate_too_high", "divergence")]
    assert [found.severity for found in rate] == ["fault"]
    assert f"--learning-rate {good:g}" in rate[0].advice


def rows(losses: list[float], norms: list[float], rates: list[float], **more: Any) -> RunRecord:
    """A record with a line for each loss."""
    lines = zip(losses, norms, rates, strict=True)
    made = [
        {"step": 10 * place, "loss": loss, "gradient_norm": norm, "learning_rate": rate, "clipped": 0.0, "skipped": 0.0}
        for place, (loss, norm, rate) in enumerate(lines, 1)
    ]
    made[-1] |= more
    return RunRecord(Path("run"), tuple(made), {"learning_rate": 0.1, "clip_norm": 1.0}, {}, "done")


FALLING = [4.0, 3.0, 2.6, 2.4, 2.3, 2.2, 2.1, 2.05, 2.0, 1.95, 1.9, 1.9]
RATES = [0.1, 0.1, 0.1, 0.1, 0.1, 0.08, 0.06, 0.04, 0.01, 0.01, 0.005, 0.001]


def test_a_gradient_that_shrinks_with_the_rate_is_a_rate_too_high():
    jumping = [2.0] * 7 + [1.0] + [0.5] * 4
    assert course_of(rows(FALLING, jumping, RATES)).longer == 4.0
    assert causes(rows(FALLING, jumping, RATES)) == [("fault", "rate_too_high")]


@pytest.mark.parametrize("norms", [[0.5] * 12, [2.0] * 2 + [0.5] * 10, [0.5] * 8 + [0.8] * 4])
def test_a_gradient_that_does_not_is_none(norms: list[float]):
    assert causes(rows(FALLING, norms, RATES)) == []


def test_a_gradient_that_shrinks_as_the_task_is_solved_is_none():
    solved = [2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.004, 0.002, 0.001, 0.001]
    assert causes(rows(solved, [loss / 4 for loss in solved], RATES)) == []


def test_a_loss_that_falls_only_once_the_rate_is_low_needs_less_of_it():
    norms, late = [0.95] * 7 + [0.7] + [0.5] * 4, [4.0, 3.0, 2.6, 2.6, 2.5, 2.5, 2.5, 2.2, 1.6, 1.5, 1.4, 1.3]
    assert causes(rows(late, norms, RATES)) == [("fault", "rate_too_high")]
    assert causes(rows(FALLING, norms, RATES)) == []


def test_a_constant_rate_says_nothing_of_jumps():
    assert course_of(rows(FALLING, [2.0] * 6 + [0.5] * 6, [0.1] * 12)) is None


def test_what_was_said_during_the_run_is_said_again_with_its_step_and_advice():
    alarm = {"cause": "divergence", "step": 35, "line": "the loss rose to 3 after it had been at 2: lower the rate"}
    (found,) = [found for found in judge_run(rows(FALLING, [0.5] * 12, RATES, alarms=[alarm])) if found.value == 35]
    assert found.severity == "fault"
    assert (
        found.sentence
        == "at step 35 of training the loss rose to 3 after it had been at 2, so the learning rate was too high"
    )
    assert found.advice == "train with --learning-rate 0.01 (it was 0.1)"
    faint = {"cause": "vanishing", "step": 20, "line": "layer 1 gets 1e-05 of the gradient: use an LSTM"}
    (found,) = [found for found in judge_run(rows(FALLING, [0.5] * 12, RATES, alarms=[faint])) if found.value == 20]
    assert (found.severity, found.advice) == ("warning", "use an LSTM")


def test_steps_that_were_clipped_or_skipped_are_counted():
    record = rows(FALLING, [5.0] * 12, RATES)
    for row in record.rows:
        row["clipped"] = 1.0
    assert causes(record) == [("warning", "clipped")]
    record.rows[4]["skipped"] = 0.5
    assert causes(record) == [("warning", "skipped"), ("warning", "clipped")]


def test_a_lower_layer_without_signal_is_named():
    norms = {"embedding": 1e-9, "recurrent.l0": 1e-7, "recurrent.l1": 1.0, "output": 1.0}
    record = rows(FALLING, [0.5] * 12, RATES, gradient_norm_by_layer=norms)
    (found,) = [found for found in judge_run(record) if found.severity == "warning"]
    assert "layer 1 of recurrent got 1e-07" in found.sentence


def test_a_record_of_an_older_version_and_a_short_one_are_read(tmp_path: Path):
    lines = [{"step": 50, "loss": 3.0, "learning_rate": 0.1}, {"step": 100, "loss": None, "learning_rate": 0.1}]
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"step": 1')
    record = read_record(tmp_path)
    assert [row["step"] for row in record.rows] == [50, 100]
    assert [found.cause for found in judge_run(record)] == ["course"]
    assert "--log-every" in judge_run(record)[0].advice


def test_a_loss_that_stays_where_it_began_is_no_success():
    flat = [0.69, 0.693, 0.695, 0.692, 0.69, 0.694, 0.693, 0.69, 0.691, 0.694, 0.693, 0.692]
    assert causes(rows(flat, [0.5] * 12, RATES)) == [("warning", "flat")]
    slow = [0.69 - 0.002 * place for place in range(12)]
    assert causes(rows(slow, [0.5] * 12, RATES)) == []


def test_less_clipping_is_advised_by_the_flag_that_was_given():
    rows = tuple({"step": step, "loss": 2.0, "clipped": 1.0, "learning_rate": 0.1} for step in range(1, 21))
    for flag in ("clip_norm", "clip_value"):
        record = RunRecord(Path("run"), rows, {flag: 0.5}, {}, "done")
        (found,) = [one for one in judge_run(record) if one.cause == "clipped"]
        assert f"--{flag.replace('_', '-')} 2" in found.advice


def test_a_line_without_a_rate_is_passed_over():
    rows = tuple({"step": step, "loss": 2.0, "gradient_norm": 1.0, "learning_rate": None} for step in range(1, 21))
    assert judge_run(RunRecord(Path("run"), rows, {}, {}, "done"))
