"""Behavioural memory of networks of which it is known what they remember."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells import find
from gatewise.gradients.behaviour import ALPHA, BehaviouralMemory, behavioural_memory, distances_up_to, step_losses
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.subject import Subject
from gatewise.layers.recurrent import Recurrent
from tolerance import tolerance

T, DELAY = 40, 5
WORDS = tuple(f"word {number}" for number in range(T))


def delay_line(units=DELAY + 1, bidirectional=False):
    """Unit k holds what was read k steps ago: h' = relu(shift h + x), x above 0 in unit 0; in reverse nothing."""
    layers = Recurrent(find("rnn", nonlinearity="relu"), 1, units, bidirectional=bidirectional).eval()
    with torch.no_grad():
        for parameter in layers.parameters():
            parameter.zero_()
        layers.weight_ih_l0[0] = 1.0
        layers.weight_hh_l0.copy_(torch.diag(torch.ones(units - 1), -1))
    return layers


def inputs_of(words=WORDS):
    """[T, 1], numbers from 1 to 2, each word its own."""
    return 1 + torch.rand(len(words), 1)


def recalling(inputs, delay=DELAY):
    """The loss of a step: how far what was read ``delay`` steps before is from what the text has there."""
    padded = torch.cat([torch.zeros(delay), inputs[:, 0]])
    return lambda outputs, steps: (outputs[:, delay] - padded[steps]).abs()


def test_only_the_distance_that_is_remembered_counts():
    inputs = inputs_of()
    subject = Subject(delay_line(), inputs, WORDS, step_loss=recalling(inputs))
    found = behavioural_memory(subject, most=8)
    assert found.distances == (1, 2, 3, 5, 8)
    assert [place for place, one in enumerate(found.worsening.tolist()) if one] == [3]
    assert found.length == DELAY
    assert not found.reaches_end
    assert (found.samples, found.unit, found.of_text) == (T - 8, "token", False)
    assert behavioural_memory(subject, most=DELAY).reaches_end


def test_the_worsening_is_how_far_other_words_are():
    inputs = torch.tensor([[1.0], [3.0]]).repeat(T // 2, 1)  # the other word is always 2 away
    subject = Subject(delay_line(), inputs, ("a", "b") * (T // 2), step_loss=recalling(inputs))
    found = behavioural_memory(subject, most=8)
    assert found.worsening.tolist() == [0.0, 0.0, 0.0, 2.0, 0.0]
    assert found.error.tolist() == [0.0] * 5


def test_in_both_directions_the_same_is_found():
    inputs = inputs_of()
    one, both = delay_line(), delay_line(bidirectional=True)
    found = [
        behavioural_memory(Subject(layers, inputs, WORDS, step_loss=recalling(inputs)), most=8, seed=3)
        for layers in (one, both)
    ]
    torch.testing.assert_close(found[0].worsening, found[1].worsening, **tolerance(torch.float32, T))
    assert found[1].length == DELAY


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"initial_state": "learned"}, {"zoneout": 0.2}])
def test_each_place_read_anew_with_the_other_word_gives_the_same(options):
    layers = Recurrent("lstm", 3, 4, 2, dtype=torch.float64, **options).eval()
    words = torch.randint(2, (T,))
    vectors = torch.randn(2, 3, dtype=torch.float64)

    def loss(outputs, steps):
        return (outputs * (1 + steps[:, None])).sin().sum(-1)

    subject = Subject(layers, vectors[words], tuple("ab"[word] for word in words), step_loss=loss)
    found = behavioural_memory(subject, most=8)  # all places: there are fewer than samples
    usual = loss(layers(vectors[words])[0].detach(), torch.arange(T))
    worse = []
    for place in range(T - 8):
        changed = words.clone()
        changed[place] = 1 - changed[place]
        worse.append(loss(layers(vectors[changed])[0].detach(), torch.arange(T)) - usual)
    expected = [
        torch.stack([one[place + distance] for place, one in enumerate(worse)]).mean() for distance in (1, 2, 3, 5, 8)
    ]
    torch.testing.assert_close(found.worsening, torch.stack(expected), **tolerance(torch.float64, T))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_of_a_text_the_distance_is_that_from_its_last_token(bidirectional):
    inputs = inputs_of()
    true = inputs[T - 1 - DELAY, 0]
    layers = delay_line(bidirectional=bidirectional)
    subject = Subject(layers, inputs, WORDS, text_loss=lambda outputs: (outputs[-1, :, DELAY] - true).abs())
    found = behavioural_memory(subject, most=8, samples=6)
    assert [place for place, one in enumerate(found.worsening.tolist()) if one] == [3]
    assert (found.length, found.samples, found.of_text) == (DELAY, 6, True)


def test_what_remembers_nothing_has_no_length():
    layers = Recurrent("gru", 3, 4).eval()
    inputs = torch.randn(T, 3)
    subject = Subject(layers, inputs, WORDS, step_loss=lambda outputs, steps: steps.float())
    assert behavioural_memory(subject, most=8).length == 0


def test_noise_is_taken_for_memory_about_as_rarely_as_is_said():
    generator = torch.Generator().manual_seed(0)
    trials, distances, samples = 2000, distances_up_to(100), 256
    drawn = torch.randn(trials, len(distances), samples, generator=generator, dtype=torch.float64)
    mistaken = 0
    for one in drawn:
        found = BehaviouralMemory(distances, one.mean(1), one.std(1) / samples**0.5, samples, "word", False)
        mistaken += found.length > 0
    assert 0.5 * ALPHA < mistaken / trials < 1.4 * ALPHA


def test_what_is_surely_there_and_too_small_to_speak_of_does_not_count():
    worsening, error = torch.tensor([1.0, 0.02, 0.009]), torch.tensor([1e-6] * 3)
    assert BehaviouralMemory((1, 2, 3), worsening, error, 9, "word", False).length == 2


def test_the_interval_covers_the_mean_in_95_of_100():
    found = BehaviouralMemory((1,), torch.tensor([1.0]), torch.tensor([0.5]), 9, "word", False)
    assert found.low.item() == pytest.approx(1 - 0.98, abs=1e-3)
    assert found.high.item() == pytest.approx(1 + 0.98, abs=1e-3)
    assert found.to_rows() == [
        {"distance": 1, "worsening": 1.0, "low": found.low.item(), "high": found.high.item(), "samples": 9}
    ]


def test_the_losses_of_the_steps_are_those_of_the_outputs():
    layers, inputs = Recurrent("gru", 3, 4).eval(), torch.randn(T, 3)
    subject = Subject(layers, inputs, WORDS, step_loss=lambda outputs, steps: outputs.sum(-1) * steps)
    expected = layers(inputs)[0].detach().sum(-1) * torch.arange(T)
    torch.testing.assert_close(step_losses(subject).float(), expected, **tolerance(torch.float32, T))


def test_the_same_seed_draws_the_same_and_another_another():
    inputs = inputs_of()
    subject = Subject(delay_line(), inputs, WORDS, step_loss=recalling(inputs))
    first, again, other = (behavioural_memory(subject, most=8, seed=seed).worsening.tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_bad_texts_are_told_in_a_line():
    inputs = inputs_of()
    subject = Subject(delay_line(), inputs, WORDS, step_loss=recalling(inputs), unit="word")
    with pytest.raises(
        MeasureError, match="the text has 40 words, expected at least 102 for a distance of 100; give a"
    ):
        behavioural_memory(subject)
    with pytest.raises(MeasureError, match="a distance of at least 1 and 2 samples are expected, but 8 and 1 came"):
        behavioural_memory(subject, most=8, samples=1)
    same = Subject(delay_line(), inputs, ("a",) * T, step_loss=recalling(inputs))
    with pytest.raises(MeasureError, match="the text is 'a' again and again"):
        behavioural_memory(same, most=8)
    whole = Subject(delay_line(), inputs, WORDS, text_loss=lambda outputs: outputs[-1].sum(-1))
    with pytest.raises(MeasureError, match="there is no loss of each step"):
        step_losses(whole)
    inputs[3] = torch.nan
    with pytest.raises(MeasureError, match="a loss is not finite"):
        behavioural_memory(subject, most=8)
