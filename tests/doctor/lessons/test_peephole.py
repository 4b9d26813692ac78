"""The lesson of peepholes: the spikes stand where they should, and the page counts pairs."""

from __future__ import annotations

import torch

from gatewise.cells.peephole_lstm import PeepholeLSTM
from gatewise.doctor.lessons.contest import Match, Outcome, contest
from gatewise.doctor.lessons.peephole import run
from gatewise.doctor.lessons.peephole.spikes import INTERVALS, timing
from gatewise.doctor.lessons.practice import Budget, Course, Reader, made


def test_every_answer_is_asked_for_at_a_spike_and_says_how_long_ago_the_last_was():
    n = 7
    inputs, targets = timing(n).draw(100, torch.Generator().manual_seed(0))
    for row in range(100):
        places = inputs[:, row, 0].nonzero().flatten()
        assert len(places) == INTERVALS + 1
        assert 0 <= places[0] < n
        assert torch.equal(targets[places[1:], row], places.diff() - n)
        assert set(places.diff().tolist()) <= {n, n + 1}
        assert (targets[:, row] >= 0).sum() == INTERVALS


def test_loss_and_error_see_nothing_but_the_answers_asked_for():
    task = timing(4)
    _, targets = task.draw(5, torch.Generator().manual_seed(0))
    asked = targets >= 0
    answers = torch.zeros(*targets.shape, 2)
    answers[asked] = 50 * torch.nn.functional.one_hot(targets[asked], 2).float()
    answers[~asked] = torch.randn(int((~asked).sum()), 2) * 100
    assert task.loss(answers, targets) < 1e-6
    assert task.error(answers, targets) == 0.0
    assert task.error(-answers, targets) == 1.0


def test_the_two_sides_differ_by_their_peepholes_only():
    plain, other = (made(0, lambda name=name: Reader(run.CELLS[name], 1, 8, 2)) for name in list(run.CELLS)[:2])
    sizes = {name: parameter.shape for name, parameter in other.named_parameters()}
    assert isinstance(other.layer.cell, PeepholeLSTM)
    assert set(sizes) - {name for name, _ in plain.named_parameters()} == {"layer.vector_peep_l0"}
    assert sizes["layer.vector_peep_l0"].numel() == 3 * 8


def test_finding_counts_networks_and_pairs():
    ats = {"LSTM, forget bias 1": (20, None), "peepholes, forget bias 1": (10, None)}
    ats |= {"LSTM, forget bias 3": (10, 10), "peepholes, forget bias 3": (20, None)}
    found = [
        Outcome("n = 5", cell, seed, Course((0,), (1.0,), at))
        for cell, both in ats.items()
        for seed, at in enumerate(both)
    ]
    finding = run._finding(found)
    assert "3 of 4 networks without peepholes, 2 of 4 networks with peepholes" in finding
    assert "Of 4 pairs" in finding
    assert "sooner in 1, later in 2, and level in 1" in finding


def test_page_of_a_quick_contest():
    matches = [Match(timing(3), Budget(2, batch=4, hidden=4, every=1, held_out=8))]
    page = run.page(matches, contest(matches, run.CELLS, (0,), lambda line: None), (0,))
    assert [table.name for table in page.tables] == ["solved", "curves"]
    assert len(page.tables[0].rows) == len(run.CELLS)
