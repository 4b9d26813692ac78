"""The memory of a curve, worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise.cells.registry import find
from gatewise.gradients.curves import Curve
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.jacobians import jacobian_norms
from gatewise.gradients.memory import gradient_memory
from gradients.subjects import layers, of_text


def curve(*logs, distances=None):
    rows = torch.tensor(logs, dtype=torch.float64)
    rows = rows if rows.dim() == 2 else rows[None]
    return Curve.of_exact(torch.arange(rows.size(1)) if distances is None else torch.tensor(distances), rows)


ONE_PERCENT = -math.log(100)


def test_between_two_distances_the_logarithm_is_a_straight_line():
    assert gradient_memory(curve(0.0, ONE_PERCENT * 0.5, ONE_PERCENT * 1.5)) == pytest.approx(1.5)
    assert gradient_memory(curve(3.0, 3 + ONE_PERCENT * 2, distances=[0, 8])) == pytest.approx(4.0)
    assert gradient_memory(curve(0.0, -1.0, -2.0), share=math.exp(-1.5)) == pytest.approx(1.5)


def test_what_does_not_stay_below_is_infinite():
    assert gradient_memory(curve(0.0, -9.0, 0.0)) == math.inf
    assert gradient_memory(curve(0.0, 1.0, 2.0)) == math.inf


def test_a_dip_is_no_end():
    assert gradient_memory(curve(0.0, -9.0, ONE_PERCENT + 1e-9, -9.0, -9.0)) == pytest.approx(2.0)


def test_the_start_is_the_first_gradient_there_is():
    assert gradient_memory(curve(-math.inf, 0.0, ONE_PERCENT * 2)) == pytest.approx(1.5)
    assert gradient_memory(curve(-math.inf, -math.inf)) == 0.0
    assert gradient_memory(curve(0.0, -1.0, -math.inf)) == 2.0


def test_places_are_averaged_geometrically():
    assert gradient_memory(curve([0.0, 0.0, -20.0], [0.0, ONE_PERCENT * 2, -20.0])) == pytest.approx(1.0)


def test_a_network_that_halves_remembers_for_the_logarithm_of_a_hundred():
    stack = layers(find("rnn", nonlinearity="relu"), hidden_size=2, bias=False)
    subject = of_text(stack, 40)
    with torch.no_grad():
        subject.inputs.fill_(1.0)
        stack.weight_ih_l0.fill_(1.0)
        stack.weight_hh_l0.copy_(0.5 * torch.eye(2))
    norms = jacobian_norms(subject, max_distance=30)
    assert gradient_memory(norms.spectral["hidden"]) == pytest.approx(math.log2(100))


@pytest.mark.parametrize("share", [0.0, 1.0, math.nan])
def test_a_share_that_is_none_is_said(share):
    with pytest.raises(MeasureError, match="share: expected a share between 0 and 1, but"):
        gradient_memory(curve(0.0), share)


def test_quantiles_are_those_of_torch_and_infinities_stay():
    logs = torch.randn(7, 4, dtype=torch.float64)
    found = Curve.of_exact(torch.arange(4), logs)
    for share in (0.0, 0.1, 0.5, 0.77, 1.0):
        torch.testing.assert_close(found.quantile(share), logs.quantile(share, dim=0))
    empty = curve([-math.inf, 0.0], [-math.inf, -math.inf], [0.0, 0.0])
    assert empty.median.tolist() == [-math.inf, 0.0]
    assert empty.low.tolist() == [-math.inf, -math.inf]
    assert [row["distance"] for row in empty.to_rows()] == [0, 1]


def test_the_mean_is_over_the_places_with_a_gradient_unless_most_have_none():
    """One place behind a token that shuts a layer is no reason to say that nothing reaches back from anywhere."""
    found = curve([-math.inf, 1.0, -math.inf], [-math.inf, -math.inf, -math.inf], [0.5, 3.0, -math.inf])
    assert found.mean_log.tolist() == [-math.inf, 2.0, -math.inf]
    assert [row["zeros"] for row in found.to_rows()] == [2, 1, 3]


def test_rows_have_the_intervals_of_what_is_estimated():
    logs = torch.tensor([[0.0, 1.0], [0.0, 3.0]])
    (_, row) = Curve(torch.tensor([0, 1]), logs, logs - 0.5, logs + 0.25).to_rows()
    told = {name: row[name] for name in ("mean_log", "interval_low_log", "interval_high_log", "exact")}
    assert told == {"mean_log": 2.0, "interval_low_log": 1.5, "interval_high_log": 2.25, "exact": False}
