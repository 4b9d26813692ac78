"""Training of small networks: the same whatever the number of cores, ended when a task is solved, and learning."""

from __future__ import annotations

import functools
import math
import os
from dataclasses import replace

import pytest
import torch

from gatewise.cells.registry import find
from gatewise.doctor.lessons.contest import (
    CELLS,
    Match,
    Outcome,
    contest,
    course_rows,
    quickest,
    solved_rows,
)
from gatewise.doctor.lessons.contest_pictures import curves, dots
from gatewise.doctor.lessons.figures import rendered
from gatewise.doctor.lessons.practice import Budget, Course, Learner, Reader, made, practise, side_by_side
from gatewise.doctor.lessons.remember.tasks import adding
from tolerance import tolerance

TASK = adding(6)
BUDGET = Budget(updates=40, batch=8, hidden=8, every=10, held_out=16)


def reader(seed: int = 0) -> Reader:
    return made(seed, lambda: Reader(find("gru"), 2, 8, 1))


def test_one_start_is_one_course_and_the_seed_changes_both():
    first, again = (practise(TASK, reader(), 3, BUDGET) for _ in range(2))
    assert first == again
    assert first.updates == (0, 10, 20, 30, 40)
    assert practise(TASK, reader(), 4, BUDGET).errors != first.errors
    assert practise(TASK, reader(1), 3, BUDGET).errors != first.errors


def test_results_do_not_depend_on_how_many_cores_there_are(monkeypatch: pytest.MonkeyPatch):
    def run(cores: int) -> list[Course]:
        monkeypatch.setattr(os, "cpu_count", lambda: cores)
        return side_by_side([functools.partial(practise, TASK, reader(seed), seed, BUDGET) for seed in range(4)])

    assert run(1) == run(3)


def test_jobs_run_on_one_thread_and_the_number_is_put_back_after_an_error():
    torch.set_num_threads(2)
    assert side_by_side([torch.get_num_threads]) == [1]
    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: 1 // 0, lambda: 1])
    assert torch.get_num_threads() == 2


def test_making_a_network_leaves_the_random_numbers_as_they_were():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    made(1, lambda: torch.rand(7))
    assert torch.equal(torch.rand(3), expected)


def test_training_ends_when_the_task_is_solved():
    easy = replace(TASK, solved=1e9)
    assert practise(easy, reader(), 0, BUDGET) == Course((0,), practise(easy, reader(), 0, BUDGET).errors, 0)
    course = practise(adding(2), reader(), 0, Budget(updates=2000, batch=32, hidden=8))
    assert course.solved_at == course.updates[-1] < 2000
    assert course.errors[-1] <= 0.01 < min(course.errors[:-1])


def test_an_error_that_is_no_number_is_not_solved():
    broken = replace(TASK, error=lambda answers, targets: float("nan"))
    assert practise(broken, reader(), 0, BUDGET).solved_at is None


def test_held_out_sequences_are_none_of_those_trained_on():
    drawn: list[torch.Tensor] = []

    def draw(batch: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        inputs, targets = TASK.draw(batch, generator)
        drawn.append(inputs)
        return inputs, targets

    practise(replace(TASK, draw=draw), reader(), 0, BUDGET)
    held_out, *batches = (set(inputs[..., 0].flatten().tolist()) for inputs in drawn)
    assert len(batches) == BUDGET.updates
    assert not held_out & set().union(*batches)


def test_an_update_is_torchs_adam_after_torchs_clipping():
    ours, theirs = reader(), reader()
    learner = Learner(ours, replace(BUDGET, threshold=0.1))
    adam = torch.optim.Adam(theirs.parameters(), BUDGET.rate, fused=True)
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        inputs, targets = TASK.draw(8, generator)
        learner.update(TASK.loss(ours(inputs), targets))
        adam.zero_grad()
        TASK.loss(theirs(inputs), targets).backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.1)
        adam.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, **tolerance(torch.float32, 5))


def test_an_update_leaves_the_weights_where_the_gradient_is_not_finite():
    network = reader()
    before = [parameter.clone() for parameter in network.parameters()]
    Learner(network, BUDGET).update(network(torch.zeros(3, 1, 2)).sum() * float("nan"))
    assert all(torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True))


def outcomes() -> list[Outcome]:
    def course(at: int | None) -> Course:
        return Course((0, 10), (1.0, 0.005 if at else 0.5), at)

    found = {"GRU": (10, 20, None), "tanh RNN": (None, None, 10), "LSTM": (20, 20, 20)}
    return [Outcome("t", cell, seed, course(at)) for cell, ats in found.items() for seed, at in enumerate(ats)]


def test_rows_tell_who_solved_what_and_when():
    rows = solved_rows(outcomes(), (0, 1, 2))
    assert rows[0] == {
        "task": "t",
        "cell": "GRU",
        "seed 0": 10,
        "seed 1": 20,
        "seed 2": None,
        "solved": "2 of 3",
        "median last error": 0.005,
    }
    assert len(course_rows(outcomes())) == 18


def test_the_quickest_have_the_lowest_median_and_one_that_fails_mostly_is_not_quick():
    assert quickest(outcomes()) == {"t": (["GRU", "LSTM"], 20)}
    failing = [one for one in outcomes() if one.cell == "tanh RNN"]
    assert quickest(failing) == {"t": ([], math.inf)}


def test_contest_gives_every_cell_the_same_sequences_and_draws_its_pictures():
    said: list[str] = []
    match = Match(TASK, Budget(2, batch=4, hidden=4, every=1, held_out=8))
    found = contest([match], CELLS, (0, 1), said.append)
    assert [(one.cell, one.seed) for one in found] == [(cell, seed) for cell in CELLS for seed in (0, 1)]
    assert len(said) == 10
    assert said[-1].startswith("10 of 10 networks are trained")
    for picture in (dots([match], found), curves([match], found)):
        assert rendered(picture).startswith(b"<?xml")
