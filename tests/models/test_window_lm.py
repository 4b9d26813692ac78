"""The window model beside its equation, one token at a time in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gatewise.models.settings import WindowLMSettings
from gatewise.models.window_lm import WindowLM
from models.plain import batch_of
from tolerance import tolerance

V, EOS, WINDOW, E, H = 11, 2, 3, 4, 5
BOUND = tolerance(torch.float64, 2)
TEXTS = [[5, 1, 7, 7, 0, 9, 2], [3], [], [8, 4, 10, 6]]


@pytest.fixture(params=[True, False], ids=["direct", "not direct"])
def model(request):
    settings = WindowLMSettings(window=WINDOW, embedding_size=E, hidden_size=H, direct=request.param)
    found = WindowLM(settings, V, EOS, unit="sentences", dtype=torch.float64).eval()
    generator = torch.Generator().manual_seed(4)
    for parameter in found.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, dtype=torch.float64, generator=generator))
    return found


def plain(model, text):
    """[V], log p of every word after a text: y = U tanh(H x + d) + D x + b, x the oldest word of the window first."""
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    words = [*[EOS] * WINDOW, *text][-WINDOW:]
    x = np.concatenate([weights["embedding.weight"][word] for word in words])
    hidden = np.tanh(weights["hidden.weight"] @ x + weights["hidden.bias"])
    y = weights["output.weight"][:, :H] @ hidden + weights["output.bias"]
    if model.settings.direct:
        y = y + weights["output.weight"][:, H:] @ x
    return y - np.log(np.exp(y - y.max()).sum()) - y.max()


def log_prob(model, before, words):
    """Of words one after the other, after those before them."""
    return [plain(model, [*before, *words[:at]])[word] for at, word in enumerate(words)]


def test_the_next_word(model):
    for text in TEXTS:
        state = model.start(1)
        if text:
            state = model.advance(state, torch.tensor([text]))[1]
        np.testing.assert_allclose(model.next(state)[0].numpy(), plain(model, text), **BOUND)


def test_texts_of_their_own_lengths_go_on(model):
    """Beyond its length a row holds words that no window may see, and the next words follow its own last one."""
    first, more = [[5, 1, 7, 7], [3], [], [8, 4]], [[0, 9], [6, 6], [10, 1], []]
    padded = torch.tensor([[*row, *[9] * (4 - len(row))] for row in first])
    found, state = model.advance(model.start(4), padded, torch.tensor([len(row) for row in first]))
    then, last = model.advance(
        state, torch.tensor([[*row, *[9] * (2 - len(row))] for row in more]), torch.tensor([len(row) for row in more])
    )
    for at, (one, two) in enumerate(zip(first, more, strict=True)):
        np.testing.assert_allclose(found[at, : len(one)].numpy(), log_prob(model, [], one), **BOUND)
        np.testing.assert_allclose(then[at, : len(two)].numpy(), log_prob(model, one, two), **BOUND)
        np.testing.assert_allclose(model.next(last)[at].numpy(), plain(model, one + two), **BOUND)


def test_the_loss_over_batches_with_rows_that_begin_anew(model):
    """Each column is one row of three batches; in the second the first row begins anew, in the last the other."""
    rows = [[[5, 1, 7], [7, 0, 9], [4, 8, 2]], [[3, 3, 1], [10, 6, 2], [1, 5, 8]]]
    fresh, lengths = [[True, True], [True, False], [False, True]], [[3, 3], [3, 2], [1, 3]]
    batches, expected, before = [], [], [[], []]
    for at in range(3):
        targets = np.array([rows[0][at], rows[1][at]]).T
        last = [EOS if fresh[at][row] else before[row][-1] for row in range(2)]
        inputs = np.concatenate([[last], targets[:-1]])
        batches.append(batch_of(inputs, targets, lengths[at], fresh[at]))
        scored = []
        for row in range(2):
            before[row] = [] if fresh[at][row] else before[row]
            words = rows[row][at][: lengths[at][row]]
            scored.append(log_prob(model, before[row], words))
            before[row] = [*before[row], *words]
        expected.append([own[step] for step in range(3) for own in scored if step < len(own)])
    for found, own in zip(model.token_log_probs(batches), expected, strict=True):
        np.testing.assert_allclose(found.numpy(), own, **BOUND)
    measure = model.evaluate(batches)
    assert measure.tokens == sum(map(len, expected))
    np.testing.assert_allclose(measure.nats, -sum(map(sum, expected)), **BOUND)
