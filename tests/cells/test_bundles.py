"""Bundles of gates and states: one operation for all, names instead of indices, and clear words for a wrong name."""

from __future__ import annotations

import copy

import pytest
import torch

from gatewise.cells import Gates, States
from gatewise.errors import ShapeError

A = torch.arange(8.0).view(2, 4)


def test_sums_and_products_act_on_all_gates():
    left, right = Gates(("i", "f"), A), Gates(("i", "f"), 2 * A)
    assert torch.equal((left + right).tensor, 3 * A)
    assert torch.equal((right - left).tensor, A)
    assert torch.equal((2.0 * left * 3.0).tensor, 6 * A)
    assert torch.equal((1.0 + left * right).f, (1 + 2 * A * A)[:, 2:])


def test_gates_are_cut_once_and_only_when_read():
    bundle = Gates(("i", "f"), A)
    assert bundle.i is bundle.i
    assert torch.equal(torch.cat([bundle.i, bundle.f], 1), A)


def test_a_single_gate_is_the_tensor_itself():
    assert Gates(("new",), A).new is A


def test_rows_of_a_weight_are_views_that_can_be_filled():
    weight = torch.zeros(4, 3)
    Gates(("i", "f"), weight, axis=0).f.fill_(1.0)
    assert weight.sum(1).tolist() == [0.0, 0.0, 3.0, 3.0]


def test_gates_of_a_missing_bias_are_empty():
    Gates(("i", "f"), torch.empty(0), axis=0).f.fill_(1.0)
    assert Gates(("i", "f"), torch.empty(0), axis=0).f.numel() == 0


def test_different_gates_do_not_add():
    with pytest.raises(ShapeError, match=r"bundles of different gates: \('i', 'f'\) and \('f', 'i'\)"):
        Gates(("i", "f"), A) + Gates(("f", "i"), A)


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(AttributeError, match="no gate 'forgot' here; did you mean forget"):
        _ = Gates(("input", "forget"), A).forgot
    with pytest.raises(AttributeError, match="no state 'hiden' here; did you mean hidden"):
        _ = States({"hidden": A}).hiden


def test_next_takes_every_state_and_keeps_the_declared_order():
    before = States({"hidden": A, "memory": A})
    assert list(before.next(memory=A, hidden=A).as_dict()) == ["hidden", "memory"]
    with pytest.raises(ShapeError, match="expects the states hidden, memory, but hidden came"):
        before.next(hidden=A)
    with pytest.raises(ShapeError, match="expects the states hidden, memory, but hidden, memory, cell came"):
        before.next(hidden=A, memory=A, cell=A)


def test_bundles_can_be_copied():
    assert torch.equal(copy.deepcopy(Gates(("i", "f"), A)).f, A[:, 2:])
    assert torch.equal(copy.copy(States({"hidden": A})).hidden, A)
