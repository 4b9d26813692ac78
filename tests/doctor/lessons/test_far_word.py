"""The lesson of the far word: the sentences ask what they say, and a network can learn them."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch

from gatewise.cells.registry import find
from gatewise.doctor.lessons.contest import CELLS
from gatewise.doctor.lessons.far_word import run
from gatewise.doctor.lessons.far_word.sentences import CLAUSES, NAMES, WORDS, draw, spoken
from gatewise.doctor.lessons.figures import rendered
from gatewise.doctor.lessons.practice import made

SENTENCE = re.compile(r"(\w+) walked into the room \. (\w+) walked in too \. (.*?) ?(\w+) said hi to")


@pytest.mark.parametrize("between", [0, 1, 17, 160])
def test_the_answer_is_the_one_of_the_two_who_does_not_speak(between: int):
    words, answers = draw(100, between, torch.Generator().manual_seed(0))
    running = " ".join(word for clause in CLAUSES for word in clause)
    for row in range(100):
        found = SENTENCE.fullmatch(spoken(words[:, row]))
        assert found is not None
        first, second, filling, speaker = found.groups()
        assert {first, second} <= set(NAMES)
        assert first != second
        assert {speaker, WORDS[answers[row]]} == {first, second}
        assert len(filling.split()) == between
        assert set(filling.split()) <= set(running.split())
        assert not set(filling.split()) & set(NAMES)


def test_every_name_is_asked_for_and_both_speak_alike_often():
    words, answers = draw(4000, 0, torch.Generator().manual_seed(0))
    assert set(answers.tolist()) == set(range(len(NAMES)))
    assert abs((words[-4] == words[0]).double().mean().item() - 0.5) < 0.05


def test_words_in_between_differ_from_sentence_to_sentence():
    words, _ = draw(50, 30, torch.Generator().manual_seed(0))
    assert len({spoken(words[10:-4, row]) for row in range(50)}) > 40


def test_the_start_and_the_seed_decide_what_is_learnt():
    budget = dataclasses.replace(run.BUDGET, updates=3, hidden=8, held_out=64)

    def trained(seed: int) -> dict[int, float]:
        return run.train(made(0, lambda: run.Completer(find("gru"), 8)), seed, budget)

    assert trained(1) == trained(1)
    assert tuple(trained(1)) == run.TRIED
    assert run.TRIED[-1] > max(run.TRAINED)


@pytest.mark.slow
def test_gru_learns_to_name_the_other_where_nothing_stands_between(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "TRAINED", (0, 5))
    monkeypatch.setattr(run, "TRIED", (0, 5))
    budget = dataclasses.replace(run.BUDGET, updates=700)
    found = run.train(made(0, lambda: run.Completer(find("gru"), budget.hidden)), 0, budget)
    assert min(found.values()) > 0.9, found


def test_page_tells_the_shares_at_the_longest_distance_trained_on():
    shares = {cell: 0.1 * place for place, cell in enumerate(CELLS)}
    found = [
        run.Accuracy(cell, seed, {between: share for between in run.TRIED})
        for cell, share in shares.items()
        for seed in (0, 1)
    ]
    page = run.page(found)
    assert page.finding.index("LSTM, forget bias 3: 40%") < page.finding.index("tanh RNN: 0%")
    assert page.tables[0].rows[0]["k = 160"] == 0.0
    assert rendered(page.pictures[0].figure).startswith(b"<?xml")
