"""The lesson of clipping: its surface is the layer's, its descent is the algorithm, and clipping ends lower."""

from __future__ import annotations

import pytest
import torch

from gatewise.doctor.lessons import clipping
from gatewise.doctor.lessons.lesson import Plan
from tolerance import tolerance


def of_layer(w: float, b: float) -> tuple[float, list[float]]:
    """Loss and gradient (w, b) of the layer that the equation stands for."""
    layer = clipping.network(w, b)
    start = {"hidden": torch.full((1, 1, 1), clipping.START, dtype=torch.float64)}
    output, _ = layer(torch.zeros(clipping.STEPS, 1, 1, dtype=torch.float64), start)
    loss = (output[-1] - clipping.GOAL).square().sum()
    loss.backward()
    found = dict(layer.named_parameters())
    return loss.item(), [found[name].grad.item() for name in ("weight_hh_l0", "bias_hh_l0")]


def test_surface_and_its_gradient_are_those_of_the_layer():
    w, b = clipping.starts(seed=3, count=20)
    course = clipping.descend(w, b, None, updates=1)
    near = tolerance(torch.float64, clipping.STEPS)
    for place in range(20):
        loss, gradient = of_layer(w[place].item(), b[place].item())
        torch.testing.assert_close(course.losses[0, place].item(), loss, **near)
        torch.testing.assert_close(
            course.norms[0, place].item(), torch.tensor(gradient).norm().item(), atol=1e-5, rtol=1e-5
        )


def test_free_descent_is_torchs_sgd_and_clipped_descent_is_sgd_after_torchs_clipping():
    for threshold in (None, clipping.THRESHOLD):
        place = torch.tensor(clipping.SHOWN, dtype=torch.float64, requires_grad=True)
        sgd = torch.optim.SGD([place], clipping.RATE)
        for _ in range(8):  # on the wall rounding grows quickly: few updates
            sgd.zero_grad()
            clipping.loss(place[0], place[1]).backward()
            if threshold is not None:
                torch.nn.utils.clip_grad_norm_([place], threshold)
            sgd.step()
        w, b = (torch.tensor([number], dtype=torch.float64) for number in clipping.SHOWN)
        course = clipping.descend(w, b, threshold, updates=8)
        torch.testing.assert_close(course.places[-1, 0], place.detach(), atol=1e-5, rtol=1e-5)


def test_clipped_descent_ends_at_a_lower_loss_than_unclipped():
    w, b = clipping.starts(seed=0)
    free, clipped = clipping.descend(w, b, None), clipping.descend(w, b, clipping.THRESHOLD)
    assert clipped.losses[-1].median() < 0.01 * free.losses[-1].median()
    assert (clipped.losses[-1] < 0.01).double().mean() > 0.9 > 0.5 > (free.losses[-1] < 0.01).double().mean()


def test_no_clipped_step_is_longer_than_rate_times_threshold():
    course = clipping.descend(*clipping.starts(seed=1, count=50), clipping.THRESHOLD, updates=50)
    steps = (course.places[1:] - course.places[:-1]).norm(dim=-1)
    longest = clipping.RATE * clipping.THRESHOLD
    assert steps.max() <= longest * (1 + 1e-9)
    assert course.norms.max() > 10 * clipping.THRESHOLD  # it did meet the wall


def test_page_shows_both_descents_and_every_seed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clipping, "STARTS", 3)
    page = clipping.run(Plan(seeds=(4, 5)))
    descents, starts, steps = (table.rows for table in page.tables)
    assert descents[1]["loss at the end"] < 0.01 < descents[0]["loss at the end"]
    assert [row["seed"] for row in starts] == [4, 4, 5, 5]
    assert len(steps) == 2 * (clipping.UPDATES + 1)
    assert [picture.name for picture in page.pictures] == ["surface", "course"]
