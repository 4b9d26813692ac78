"""The weights of a mixture beside a fine grid, and beside thousands of plain rounds of expectation maximisation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gatewise.errors import SettingError
from gatewise.lm.mixture import mixture_weights
from tolerance import tolerance

ENOUGH = 1e-8
"""Nats per token that other weights may gain, as the docstring says."""


def alike(models, tokens, seed=0, apart=0.05):
    """Log probabilities [models, tokens] that differ by little, of tokens as unequal as in a language."""
    drawn = np.random.default_rng(seed)
    return torch.from_numpy(-8 * drawn.random(tokens) + apart * drawn.standard_normal((models, tokens)))


def nats(log_probs, weights):
    """The mean log probability of a token."""
    return float(np.log(np.asarray(weights) @ log_probs.exp().numpy()).mean())


def plain_rounds(log_probs, rounds):
    """The weights after so many rounds of expectation maximisation."""
    probs, weights = log_probs.exp().numpy(), np.full(len(log_probs), 1 / len(log_probs))
    for _ in range(rounds):
        weights = weights * (probs / (weights @ probs)).mean(1)
    return weights


@pytest.mark.parametrize("seed", range(6))
def test_the_weights_of_two_models_that_are_alike_are_the_best_of_a_fine_grid(seed):
    log_probs = alike(2, 5000, seed)
    (first, second), shares = mixture_weights(log_probs), np.linspace(0, 1, 2001)
    grid = [nats(log_probs, (share, 1 - share)) for share in shares]
    assert nats(log_probs, (first, second)) >= max(grid) - ENOUGH
    assert abs(first - shares[int(np.argmax(grid))]) <= 1 / 2000
    assert math.isclose(first + second, 1, abs_tol=tolerance(torch.float64)["atol"])


@pytest.mark.parametrize("models", [3, 5])
def test_no_other_weights_gain_more_than_is_said(models):
    log_probs = alike(models, 2000)
    weights = mixture_weights(log_probs)
    probs = log_probs.exp().numpy()
    slopes = (probs / (np.asarray(weights) @ probs)).mean(1)
    assert slopes.max() <= 1 + ENOUGH
    assert nats(log_probs, weights) >= nats(log_probs, plain_rounds(log_probs, 5000)) - ENOUGH


def test_a_model_that_only_makes_it_worse_has_no_weight():
    good = alike(1, 500)
    assert mixture_weights(torch.cat([good, good - 0.5, good - 2])) == (1.0, 0.0, 0.0)


def test_a_model_keeps_weight_that_one_token_needs():
    log_probs = torch.tensor([[-1.0] * 99 + [-torch.inf], [-torch.inf] * 99 + [-3.0]])
    first, second = mixture_weights(log_probs)
    near = math.sqrt(2 * ENOUGH * 0.99 * 0.01)  # so far off the best, ENOUGH is lost
    assert abs(first - 0.99) <= 2 * near
    assert abs(second - 0.01) <= 2 * near


def test_equal_models_and_a_single_one_keep_what_they_begin_with():
    same = alike(1, 50)
    assert mixture_weights(torch.cat([same, same])) == (0.5, 0.5)
    assert mixture_weights(same) == (1.0,)


def test_without_a_token_or_with_one_that_no_model_allows_there_are_no_weights():
    with pytest.raises(SettingError, match="weights are found on held-out text, but there is no token"):
        mixture_weights(torch.zeros(2, 0))
    with pytest.raises(SettingError, match="a held-out token has probability 0 under every model"):
        mixture_weights(torch.tensor([[-1.0, -torch.inf], [-2.0, -torch.inf]]))
