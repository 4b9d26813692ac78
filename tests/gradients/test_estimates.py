"""Estimated norms beside exact ones: their intervals hold what they promise, and nothing is lost at the edges."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from gatewise.cells.record import CellRecord
from gatewise.cells.registry import find
from gatewise.gradients.estimates import ROUNDS, doubling, estimated_norms
from gatewise.gradients.jacobians import exact_norms, jacobian_norms
from gatewise.gradients.levels import level_of
from gatewise.scan.stored.cell import stored_cell
from gatewise.scan.stored.find import program_of
from gradients.subjects import BOTH_WAYS, CELLS, layers, name, of_text

TARGETS, DISTANCES = torch.tensor([7, 9]), torch.arange(7)


def covered(level, seed, exact):
    """For either norm and each state, which of the intervals hold the exact norm [N, K]."""
    found = []
    for kind, wanted in zip(estimated_norms(level, TARGETS, DISTANCES, "hidden", seed=seed), exact, strict=True):
        for state, curve in kind.items():
            norms = wanted[state].log_norms[:, curve.distances]
            found.append(((curve.log_low <= norms) & (norms <= curve.log_high)).int())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_intervals_hold_the_exact_norm_in_at_least_90_of_100_trials(cell):
    level = level_of(of_text(layers(cell, hidden_size=12), 9))
    exact = exact_norms(level, TARGETS, DISTANCES, "hidden")
    trials = [covered(level, seed, exact) for seed in range(100)]
    for norm in zip(*trials, strict=True):
        assert (torch.stack(norm).sum(0) >= 90).all()


@pytest.mark.slow
def test_intervals_hold_where_many_directions_are_nearly_as_long_as_the_longest():
    """The hardest for Lanczos' method: eigenvalues close together at the top, and many of them."""
    stack = layers(find("rnn", nonlinearity="relu"), hidden_size=80, bias=False)
    subject = of_text(stack, 9)
    with torch.no_grad():
        subject.inputs.fill_(1.0)
        stack.weight_ih_l0.fill_(1.0)
        stack.weight_hh_l0.copy_(torch.diag(torch.linspace(0.9, 1.0, 80)))
    level = level_of(subject)
    exact = exact_norms(level, TARGETS, DISTANCES, "hidden")
    trials = [covered(level, seed, exact) for seed in range(100)]
    for norm in zip(*trials, strict=True):
        assert (torch.stack(norm).sum(0) >= 90).all()


@pytest.mark.parametrize("cell", CELLS, ids=name)
def test_of_few_numbers_the_spectral_norm_is_found_exactly(cell):
    """As many products as the state has numbers leave nothing out: for every cell, level and direction."""
    subject = of_text(layers(cell, **BOTH_WAYS))
    for layer, reverse, of in ((0, True, "hidden"), (1, False, list(subject.stack.state_widths)[-1])):
        settings = {"layer": layer, "reverse": reverse, "of": of, "max_distance": 4, "targets": 2}
        rough, exact = jacobian_norms(subject, **settings, exact_up_to=0), jacobian_norms(subject, **settings)
        assert not rough.exact
        assert exact.exact
        assert rough.positions.tolist() == exact.positions.tolist()
        assert subject.stack.state_widths[of] < ROUNDS
        for state, curve in rough.spectral.items():
            wanted = exact.spectral[state].log_norms[:, curve.distances]
            assert_close(curve.log_norms, wanted, atol=1e-7, rtol=0)
            assert (curve.log_norms <= wanted + 1e-9).all()


def test_above_the_size_norms_are_estimated_and_the_seed_decides():
    subject = of_text(layers("gru"))
    one, same, other = (jacobian_norms(subject, max_distance=3, exact_up_to=3, seed=seed) for seed in (1, 1, 2))
    assert not one.exact
    assert jacobian_norms(subject, max_distance=3, exact_up_to=4).exact
    frobenius = [norms.frobenius["hidden"].log_norms for norms in (one, same, other)]
    assert torch.equal(frobenius[0], frobenius[1])
    assert not torch.equal(frobenius[0], frobenius[2])


def test_a_cell_known_by_its_program_is_estimated_alike():
    cell = find("lstm")
    subject = of_text(layers(cell))
    known = layers(stored_cell(CellRecord.of(cell), program_of(cell, True), "model"))
    known.load_state_dict(subject.stack.state_dict())
    other = type(subject)(known, subject.inputs, subject.tokens, text_loss=subject.text_loss)
    one, two = (jacobian_norms(each, max_distance=4, exact_up_to=0) for each in (subject, other))
    for state in ("hidden", "memory"):
        assert_close(one.frobenius[state].log_norms, two.frobenius[state].log_norms)
        assert_close(one.spectral[state].log_norms, two.spectral[state].log_norms)


def test_at_no_distance_nothing_is_estimated():
    norms = jacobian_norms(of_text(layers("lstm", hidden_size=9)), max_distance=0, exact_up_to=0)
    assert norms.spectral["hidden"].log_norms.tolist() == [[0.0]] * 6
    assert_close(norms.frobenius["hidden"].log_norms, torch.full((6, 1), math.log(9) / 2).double())
    assert (norms.frobenius["memory"].log_norms == -math.inf).all()
    assert (norms.frobenius["hidden"].log_low == norms.frobenius["hidden"].log_high).all()


def test_where_nothing_comes_through_the_norms_are_zero():
    stack = layers("rnn")
    with torch.no_grad():
        stack.weight_hh_l0.zero_()
    norms = jacobian_norms(of_text(stack), max_distance=3, exact_up_to=0)
    for curve in (norms.spectral["hidden"], norms.frobenius["hidden"]):
        for logs in (curve.log_norms, curve.log_low, curve.log_high):
            assert (logs[:, 1:] == -math.inf).all()


@pytest.mark.parametrize("factor", [1e-8, 1e3])
def test_norms_beyond_the_range_of_numbers_are_logarithms(factor):
    stack = layers(find("rnn", nonlinearity="relu"), hidden_size=3, bias=False)
    subject = of_text(stack, 90)
    with torch.no_grad():
        subject.inputs.fill_(1e-3)
        stack.weight_ih_l0.fill_(1.0)
        stack.weight_hh_l0.copy_(factor * torch.eye(3).double())
    norms = jacobian_norms(subject, max_distance=80, targets=2, exact_up_to=0)
    spectral = norms.spectral["hidden"]
    assert_close(spectral.mean_log, spectral.distances.double() * math.log(factor), atol=1e-9, rtol=1e-12)
    curve = norms.frobenius["hidden"]
    wanted = curve.distances.double() * math.log(factor) + math.log(3) / 2
    assert ((curve.log_low <= wanted) & (wanted <= curve.log_high)).float().mean() > 0.9


def test_distances_of_doubling():
    assert doubling(torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 9, 11])).tolist() == [0, 1, 2, 4, 9, 11]
    assert doubling(torch.tensor([0])).tolist() == [0]
    assert doubling(torch.arange(9)).tolist() == [0, 1, 2, 4, 8]
