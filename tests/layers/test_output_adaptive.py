"""The adaptive softmax against torch.nn.AdaptiveLogSoftmaxWithLoss and against its own full table."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gatewise.errors import SettingError, ShapeError
from gatewise.layers.adaptive_softmax import AdaptiveSoftmax, usual_cutoffs
from tolerance import tolerance

WIDTH, VOCABULARY, CUTOFFS = 6, 40, (5, 12, 30)


def made(dtype=torch.float64, **options):
    """A layer whose parameters are all random, the biases and the identity maps too."""
    output = AdaptiveSoftmax(WIDTH, VOCABULARY, CUTOFFS, dtype=dtype, **options)
    for parameter in output.parameters():
        nn.init.normal_(parameter, std=0.5)
    return output


def witness(output):
    """torch's layer with the same numbers."""
    theirs = nn.AdaptiveLogSoftmaxWithLoss(
        WIDTH, VOCABULARY, CUTOFFS, div_value=1.0, head_bias=output.bias is not None, dtype=torch.float64
    )
    edges = [*CUTOFFS, VOCABULARY]
    with torch.no_grad():
        theirs.head.weight.copy_(torch.cat([output.matrix[: edges[0]], output.clusters]))
        for index, (project, rows) in enumerate(theirs.tail):
            project.weight.copy_(output.maps[index])
            rows.weight.copy_(output.matrix[edges[index] : edges[index + 1]])
    return theirs


def test_equals_torch():
    output = made(bias=False)
    theirs = witness(output)
    ours_in, theirs_in = (torch.ones(30, WIDTH, dtype=torch.float64).cumsum(0).sin().requires_grad_() for _ in "ab")
    targets = torch.arange(30) * 7 % VOCABULARY
    bounds = tolerance(torch.float64, 30)
    torch.testing.assert_close(output.log_probs(ours_in), theirs.log_prob(ours_in), **bounds)
    expected, loss = theirs(theirs_in, targets)
    torch.testing.assert_close(output.log_prob_of(ours_in, targets), expected.detach(), **bounds)
    torch.testing.assert_close(output.loss(ours_in, targets) / 30, loss, **bounds)
    output.loss(ours_in, targets).div(30).backward()
    loss.backward()
    torch.testing.assert_close(ours_in.grad, theirs_in.grad, **bounds)
    rows = torch.cat([theirs.head.weight.grad[: CUTOFFS[0]], *(tail[1].weight.grad for tail in theirs.tail)])
    torch.testing.assert_close(output.weight.grad, rows, **bounds)
    torch.testing.assert_close(output.clusters.grad, theirs.head.weight.grad[CUTOFFS[0] :], **bounds)
    for matrix, tail in zip(output.maps, theirs.tail, strict=True):
        torch.testing.assert_close(matrix.grad, tail[0].weight.grad, **bounds)


@pytest.mark.parametrize("options", [{}, {"rank": 2}, {"bias": False}, {"chunk": 3}])
def test_answers_agree_and_sum_to_one(options):
    output = made(**options)
    features, targets = torch.randn(50, WIDTH, dtype=torch.float64), torch.arange(50) % VOCABULARY
    table = output.log_probs(features)
    expected = table.gather(1, targets[:, None]).squeeze(1)
    bounds = tolerance(torch.float64, 10)
    torch.testing.assert_close(table.exp().sum(1), torch.ones(50, dtype=torch.float64), **bounds)
    torch.testing.assert_close(output.log_prob_of(features, targets), expected.detach(), **bounds)
    torch.testing.assert_close(output.loss(features, targets), -expected.sum(), **bounds)


@pytest.mark.parametrize("options", [{}, {"rank": 2}])
def test_gradients_are_those_of_the_table(options):
    output = made(**options)
    features = torch.randn(50, WIDTH, dtype=torch.float64, requires_grad=True)
    targets = torch.arange(50) % VOCABULARY
    leaves = [features, *output.parameters()]
    found = torch.autograd.grad(0.3 * output.loss(features, targets), leaves)
    table = output.log_probs(features).gather(1, targets[:, None])
    for ours, theirs in zip(found, torch.autograd.grad(-0.3 * table.sum(), leaves), strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance(torch.float64, 50))


@pytest.mark.parametrize("targets", [[0, 4], [5, 11], [39], []])
def test_clusters_without_tokens(targets):
    output = made()
    features = torch.randn(len(targets), WIDTH, dtype=torch.float64)
    wanted = torch.tensor(targets, dtype=torch.int64)
    expected = output.log_probs(features).gather(1, wanted[:, None]).squeeze(1)
    torch.testing.assert_close(output.log_prob_of(features, wanted), expected.detach(), **tolerance(torch.float64))
    torch.testing.assert_close(output.loss(features, wanted), -expected.sum(), **tolerance(torch.float64))


def test_tied_weight_collects_both_gradients():
    embedding = nn.Embedding(VOCABULARY, WIDTH, dtype=torch.float64)
    output = AdaptiveSoftmax(WIDTH, VOCABULARY, CUTOFFS, tied_to=embedding, dtype=torch.float64)
    ids, targets = torch.tensor([1, 1, 35]), torch.tensor([2, 39, 10])
    assert "weight" not in output.state_dict()
    (found,) = torch.autograd.grad(output.loss(embedding(ids).tanh(), targets), embedding.weight)
    table = output.log_probs(embedding(ids).tanh()).gather(1, targets[:, None])
    (expected,) = torch.autograd.grad(-table.sum(), embedding.weight)
    torch.testing.assert_close(found, expected, **tolerance(torch.float64, 3))


def test_autocast():
    output = made(torch.float32)
    features, targets = torch.randn(50, WIDTH), torch.arange(50) % VOCABULARY
    with torch.autocast("cpu", torch.bfloat16):
        rough = output.loss(features, targets)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, output.loss(features, targets), **tolerance(torch.bfloat16))
    assert rough.item() != output.loss(features, targets).item()


@pytest.mark.parametrize("target", [VOCABULARY, -1])
def test_target_outside(target):
    with pytest.raises(ShapeError, match=f"a target is {target}, but the vocabulary has 40 tokens"):
        made().loss(torch.zeros(2, WIDTH, dtype=torch.float64), torch.tensor([0, target]))


@pytest.mark.parametrize("cutoffs", [(5, 5), (12, 5), (0, 5), (40,)])
def test_cutoffs_outside(cutoffs):
    with pytest.raises(SettingError, match="cutoffs must rise and lie from 1 to 39"):
        AdaptiveSoftmax(WIDTH, VOCABULARY, cutoffs)


def test_usual_cutoffs():
    assert AdaptiveSoftmax(WIDTH, VOCABULARY).cutoffs == usual_cutoffs(VOCABULARY) == (4, 13)
    with pytest.raises(SettingError, match="no usual cutoffs for a vocabulary of 9 tokens"):
        AdaptiveSoftmax(WIDTH, 9)
    with pytest.raises(SettingError, match="rank must be below features=6"):
        AdaptiveSoftmax(WIDTH, VOCABULARY, rank=6)
