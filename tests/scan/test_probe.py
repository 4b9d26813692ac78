"""The numbers that tell an equation from another."""

from __future__ import annotations

import math

import pytest
import torch

from gatewise.cells import Cell, Input, Matrix, variants
from gatewise.scan.probe import probe


def made(step):
    """A cell with one gate whose step is this."""
    body = {"state": {"hidden": "H"}, "W": Input(("new",)), "R": Matrix("H", ("new",)), "step": step}
    return type("Own", (Cell,), body)()


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
def test_two_cells_share_their_numbers_only_where_they_share_their_equation(cell):
    found = probe(cell)
    assert len(found) == 4 * len(cell.state)
    assert all(math.isfinite(number) for number in found)
    same = {repr(other) for other in variants() if probe(other) == found}
    # How the parameters start is no part of the equation.
    assert {name.replace("identity", "uniform") for name in same} == {repr(cell).replace("identity", "uniform")}


def test_random_numbers_are_left_as_they_were_and_change_nothing():
    noisy = made(lambda self, x, s, p: s.next(hidden=x.new + p.R(s.hidden).new * torch.rand(1)))
    before = torch.random.get_rng_state()
    assert probe(noisy) == probe(noisy) != ()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_the_caller_has_switched_on_changes_nothing():
    cell = made(lambda self, x, s, p: s.next(hidden=(x + p.R(s.hidden)).new.tanh()))
    expected = probe(cell)
    with torch.autocast("cpu", torch.bfloat16), torch.device("meta"):
        assert probe(cell) == expected


def test_numbers_that_are_not_finite_are_kept_as_such():
    assert probe(made(lambda self, x, s, p: s.next(hidden=x.new / 0))) == (None,) * 4


def test_an_equation_that_cannot_be_run_at_these_sizes_has_no_numbers():
    assert probe(made(lambda self, x, s, p: s.next(hidden=x.new.view(-1, 7, 7)))) == ()
