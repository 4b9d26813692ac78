"""The yardstick is what it says it is: a comparison with a broken opponent would be worth nothing."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from tolerance import tolerance

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def plain():
    sys.path.insert(0, str(BENCHMARKS))
    import plain_lstm

    sys.path.remove(str(BENCHMARKS))
    return plain_lstm


def same_weights(model, step):
    """The weights before a step, and after it."""
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    step()
    return before, dict(model.named_parameters())


@pytest.mark.parametrize("clip", [1e9, 0.25, 1e-3])
def test_step_is_clipped_gradient_descent(plain, clip):
    torch.manual_seed(1)
    model = plain.PlainLanguageModel(vocabulary=11, width=6, dropout=0.0)
    inputs, targets = torch.randint(0, 11, (2, 5, 3))
    logits, _ = model(inputs, model.start(3))
    loss = -functional.log_softmax(logits, -1).gather(-1, targets[..., None]).mean()
    gradients = dict(zip(dict(model.named_parameters()), torch.autograd.grad(loss, model.parameters()), strict=True))
    norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients.values()))
    shrunk = min(1.0, clip / norm)
    before, after = same_weights(model, lambda: plain.training_step(model, inputs, targets, model.start(3), 2.0, clip))
    for name, gradient in gradients.items():
        torch.testing.assert_close(after[name], before[name] - 2.0 * shrunk * gradient, **tolerance(torch.float32, 50))


def test_settings_are_those_of_the_example(plain):
    model = plain.PlainLanguageModel(vocabulary=50)
    assert (model.lstm.num_layers, model.lstm.input_size, model.lstm.hidden_size) == (2, 200, 200)
    assert (model.lstm.dropout, model.drop.p) == (0.2, 0.2)
    assert model.decoder.weight is not model.embedding.weight
    assert model.decoder.bias.abs().max() == 0
    for weight in (model.embedding.weight, model.decoder.weight):
        assert 0.09 < weight.abs().max() <= 0.1


def test_streams_and_windows_read_every_token_once_and_in_order(plain):
    text = plain.streams(torch.arange(47), 4)
    assert text.T.tolist() == [list(range(start, start + 11)) for start in (0, 11, 22, 33)]
    pairs = list(plain.windows(text, 3))
    assert torch.cat([inputs for inputs, _ in pairs]).equal(text[:-1])
    assert torch.cat([targets for _, targets in pairs]).equal(text[1:])


def test_mean_loss_is_that_of_one_long_pass(plain):
    torch.manual_seed(2)
    model = plain.PlainLanguageModel(vocabulary=11, width=6)
    ids = torch.randint(0, 11, (200,))
    text = plain.streams(ids, 10)
    model.eval()
    logits, _ = model(text[:-1], model.start(10))
    whole = functional.cross_entropy(logits.flatten(0, 1), text[1:].flatten())
    found = torch.tensor(plain.mean_loss(model, ids, 7))
    torch.testing.assert_close(found, whole.detach(), **tolerance(torch.float32, 20))


def test_corpus_has_the_published_sizes(plain, shared_data):
    splits, vocabulary = plain.corpus(shared_data / "wikitext2")
    assert {name: len(ids) for name, ids in splits.items()} == {"train": 2088628, "valid": 217646, "test": 245569}
    assert vocabulary == 33278
