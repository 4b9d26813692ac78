"""The small language model of the lessons: its text, its training, and what is measured of it."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells.registry import find
from gatewise.doctor.lessons.characters import UNKNOWN, CharacterModel, Text, documentation, loss, train
from gatewise.doctor.lessons.practice import Budget, made
from tolerance import tolerance

TEXT = Text.of("one two three four five six seven. " * 400 + "é")
BUDGET = Budget(updates=30, batch=4, hidden=16)


def model(seed: int = 0) -> CharacterModel:
    return made(seed, lambda: CharacterModel(find("lstm"), len(TEXT.alphabet), 8, 16))


def test_text_comes_back_and_what_is_seldom_is_unknown():
    assert TEXT.spoken(TEXT.training[:7]) == "one two"
    assert TEXT.held_out[-1] == 0
    assert TEXT.alphabet[0] == UNKNOWN
    assert len(TEXT.training) + len(TEXT.held_out) == 35 * 400 + 1
    assert len(TEXT.held_out) == (35 * 400 + 1) // 20


def test_training_lowers_the_loss_on_held_out_text_and_is_the_same_twice():
    first, again = model(), model()
    before = loss(first, TEXT)
    assert list(train(first, TEXT, 3, BUDGET)) == list(range(1, 31))
    for _ in train(again, TEXT, 3, BUDGET):
        pass
    assert loss(first, TEXT) == loss(again, TEXT) < 0.8 * before


def test_training_goes_on_from_the_beginning_where_the_text_ends():
    short = Text.of("abc" * 400)
    network = made(0, lambda: CharacterModel(find("gru"), len(short.alphabet), 4, 8))
    assert len(list(train(network, short, 0, Budget(updates=20, batch=8)))) == 20


def test_subject_is_the_model_reading_held_out_text():
    network = model()
    subject = network.subject(TEXT, 5, 40)
    numbers = TEXT.held_out[5:46]
    scores, _ = network(numbers[:-1, None])
    expected = torch.nn.functional.cross_entropy(scores[:, 0], numbers[1:], reduction="none")
    outputs, _ = subject.stack(subject.inputs[:, None])
    assert subject.step_loss is not None
    found = subject.step_loss(outputs[:, 0], torch.arange(40))
    torch.testing.assert_close(found, expected, **tolerance(torch.float32, 40))
    assert "".join(subject.tokens) == TEXT.spoken(numbers[:-1])
    assert subject.step_loss(outputs[:, 0].double(), torch.arange(40)).dtype == torch.float64


@pytest.mark.slow
def test_documentation_is_running_text_that_can_be_read():
    text = documentation()
    assert len(text.training) > 100_000
    assert "the" in text.spoken(text.held_out[:2000])
    assert (text.training == 0).double().mean() < 0.001
