"""A language model as the doctor examines it: the same losses that it is scored by, on the text that was asked for."""

from __future__ import annotations

import pytest
import torch

import gatewise
from gatewise.errors import SettingError
from gatewise.tasks.declaration import resolve
from gatewise.tasks.discovery import find_task
from gatewise.tasks.examined import LONGEST
from tasks import tiny
from tolerance import tolerance

examine = resolve(find_task("lm").examine)
LINE = "the cat is small"


def outputs_of(subject):
    with torch.no_grad():
        return subject.stack(subject.inputs[:, None])[0][:, 0]


def test_the_losses_are_those_of_the_scores(model, tmp_path):
    subject = examine(model, tiny.text_file(tmp_path, LINE + "\n"))
    came = subject.step_loss(outputs_of(subject), torch.arange(len(subject.tokens)))[: len(LINE) + 1]
    torch.testing.assert_close(-came, torch.tensor(model.score([LINE])[0].tokens), **tolerance(torch.float32, 20))


def test_a_token_is_read_before_it_is_a_target(model, tmp_path):
    subject = examine(model, tiny.text_file(tmp_path, LINE))
    assert subject.tokens == ("<eos>", *LINE)
    assert subject.targets == (*LINE, "<eos>")
    assert subject.unit == "character"


def test_with_a_gradient_the_loss_is_the_same_and_in_the_type_of_the_outputs(model, tmp_path):
    subject = examine(model, tiny.text_file(tmp_path, LINE))
    layers, inputs = subject.double()
    outputs = layers(inputs[:, None])[0][:, 0].detach()
    steps = torch.tensor([3, 1])
    expected = subject.step_loss(outputs[steps], steps)
    assert expected.dtype == torch.float64
    loss = subject.step_loss(outputs.requires_grad_()[steps], steps)
    torch.testing.assert_close(loss, expected, **tolerance(torch.float64))
    loss.sum().backward()
    assert outputs.grad.abs().sum(1).nonzero().flatten().tolist() == [1, 3]


def test_a_long_text_is_examined_from_its_beginning(model, tmp_path):
    text = "abc " * LONGEST
    subject = examine(model, tiny.text_file(tmp_path, text))
    assert len(subject.tokens) == LONGEST
    assert "".join(subject.targets) == text[:LONGEST]


@pytest.mark.slow
def test_without_a_text_the_documentation_that_was_held_out_is_read(model):
    subject = examine(model, None)
    assert len(subject.tokens) == LONGEST


@pytest.mark.parametrize("setting", [{"unit": "sentences"}, {"reset_at": "line"}])
def test_a_model_that_starts_anew_is_examined_on_the_longest_sequence(tmp_path, setting):
    found = gatewise.load(tiny.run(tmp_path, **setting))
    text = tiny.text_file(tmp_path, "the cat\nthe dog is big\na cat\n", "other.txt")
    assert "".join(examine(found, text).targets[:14]) == "the dog is big"
    assert len(examine(found, text).tokens) == 15


@pytest.mark.parametrize(
    ("task", "settings", "said"),
    [
        ("ngram", {"order": 3}, "an n-gram model of order 3 sees the last 2 tokens and nothing before them"),
        ("window", {**tiny.SIZES, "window": 4}, "a window-based model sees the last 4 tokens and nothing before them"),
    ],
)
def test_what_is_not_recurrent_says_what_it_sees(tmp_path, task, settings, said):
    text = tiny.text_file(tmp_path)
    with tiny.briefly():
        found = gatewise.train(task, text, level="char", out=str(tmp_path / "run"), **settings)
    with pytest.raises(SettingError, match=said) as refused:
        examine(found, text)
    assert "\n" not in str(refused.value)


def test_a_mixture_is_examined_model_by_model(model, tmp_path):
    from gatewise.tasks.language_model.mixing import mix

    found = mix([model, model], weights=[0.5, 0.5])
    with pytest.raises(SettingError, match="examine the models that it was made of"):
        examine(found, None)
