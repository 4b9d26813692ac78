"""Clipping, against torch's."""

import pytest
import torch

from gatewise.training.clipping import clip_by_norm, clip_by_value, gradient_norm
from tolerance import tolerance


def gradients():
    return [torch.randn(3, 4), torch.randn(5) * 10, torch.zeros(2), torch.randn(1, 1, 1)]


def parameters(values):
    made = [torch.nn.Parameter(torch.zeros_like(value)) for value in values]
    for parameter, value in zip(made, values, strict=True):
        parameter.grad = value.clone()
    return made


@pytest.mark.parametrize("limit", [0.5, 5.0, 1000.0])
def test_by_norm(limit):
    ours = gradients()
    theirs = parameters(ours)
    expected = torch.nn.utils.clip_grad_norm_(theirs, limit)
    norm = gradient_norm(ours)
    assert norm == pytest.approx(float(expected), rel=tolerance(torch.float32)["rtol"])
    assert clip_by_norm(ours, norm, limit) == (norm > limit)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other.grad, **tolerance(torch.float32))


@pytest.mark.parametrize("limit", [0.5, 1000.0])
def test_by_value(limit):
    ours = gradients()
    theirs = parameters(ours)
    torch.nn.utils.clip_grad_value_(theirs, limit)
    outside = any(bool((value.abs() > limit).any()) for value in ours)
    assert clip_by_value(ours, limit) == outside
    assert all(torch.equal(mine, other.grad) for mine, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_one_number_that_is_not_finite_is_seen(bad):
    values = gradients()
    values[1][3] = bad
    assert not torch.isfinite(torch.tensor(gradient_norm(values)))


def test_the_norm_of_half_precision_does_not_overflow():
    assert gradient_norm([torch.full((10_000,), 100.0, dtype=torch.bfloat16)]) == pytest.approx(1e4, rel=0.01)
    mixed = [torch.full((10_000,), 1000.0, dtype=torch.float16), torch.ones(1)]
    assert gradient_norm(mixed) == pytest.approx(1e5, rel=0.01)
