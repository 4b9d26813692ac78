"""The terms of the gradient of the recurrent weights: they add up to autograd's, and each is where it belongs."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from gatewise.cells.record import CellRecord
from gatewise.cells.registry import find
from gatewise.cells.spec import Cell, Input, Vector
from gatewise.gradients.bound import recurrent_matrices
from gatewise.gradients.loss_gradients import backward
from gatewise.gradients.subject import Subject
from gatewise.gradients.weight_shares import terms, weight_shares
from gatewise.scan.stored.cell import stored_cell
from gatewise.scan.stored.find import program_of
from gradients.subjects import BOTH_WAYS, CELLS, T, layers, name, of_steps, of_text
from tolerance import tolerance


class Independent(Cell):
    """A cell without a recurrent matrix."""

    state = {"hidden": "H"}
    W = Input(("hidden",))
    u = Vector("hidden")

    def step(self, x, s, p):
        return s.next(hidden=(x.hidden + p.u.hidden * s.hidden).tanh())


def gradients_of(stack, loss, layer, reverse):
    """What torch says of the loss of the layers as they are run, for the recurrent matrices of a level."""
    weights = stack.weights(layer, reverse)
    wanted = [weights[name] for name in recurrent_matrices(stack.cell)]
    return torch.autograd.grad(loss, wanted, retain_graph=True)


@pytest.mark.parametrize("cell", CELLS, ids=name)
@pytest.mark.parametrize("subject_of", [of_steps, of_text], ids=["loss of a step", "loss of the text"])
def test_the_terms_of_all_distances_add_up_to_the_gradient(cell, subject_of):
    subject = subject_of(layers(cell, **BOTH_WAYS))
    outputs, _ = subject.stack(subject.inputs[:, None])
    shares = weight_shares(subject, max_distance=2, targets=3)
    for one in backward(subject, 2, 3):
        level, mine = one.level, [s for s in shares if (s.layer, s.reverse) == (one.level.layer, one.level.reverse)]
        for number, (row, end) in enumerate(zip(one.rows.tolist(), one.ends.tolist(), strict=True)):
            place = level.positions(torch.tensor([end]))
            loss = subject.step_loss(outputs[place, 0], place) if subject.step_loss else subject.text_loss(outputs)
            steps = [terms(one, row, step, step) for step in range(1, T + 1)]
            for column, wanted in enumerate(gradients_of(subject.stack, loss, level.layer, level.reverse)):
                parts = torch.stack([step[column] for step in steps])
                assert_close(parts.sum(0), wanted, **tolerance(torch.float64, 8 * T))
                norms = torch.stack([parts[end - 1 - distance].norm() for distance in range(3)])
                assert_close(mine[column].norms[number], norms)
                rest = parts[: end - 3].sum(0) + parts[end:].sum(0)
                assert_close(mine[column].beyond[number], rest.norm())


def test_shares_by_hand():
    """One unit, R = 1/2, x = 1, linear: h = 1, 3/2, 7/4, 15/8; dh_4/dR = h_3 + h_2 / 2 + h_1 / 4 + 0."""
    stack = layers(find("rnn", nonlinearity="relu"), hidden_size=1, input_size=1, bias=False)
    with torch.no_grad():
        stack.weight_ih_l0.fill_(1.0)
        stack.weight_hh_l0.fill_(0.5)
    inputs = torch.ones(4, 1, dtype=torch.float64)
    subject = Subject(stack, inputs, ("a",) * 4, step_loss=lambda outputs, steps: -outputs[:, 0])
    (share,) = weight_shares(subject, max_distance=3)
    assert_close(share.norms, torch.tensor([[1.75, 0.75, 0.25, 0.0]]).double())
    assert_close(share.share, torch.tensor([1.75, 0.75, 0.25, 0.0]).double() / 2.75)
    (near,) = weight_shares(subject, max_distance=1, targets=3)
    assert_close(near.norms[-1], torch.tensor([1.75, 0.75]).double())
    assert_close(near.beyond, torch.tensor([0.0, 0.0, 0.25]).double())
    assert_close(share.cumulative[-1], torch.tensor(1.0).double())
    assert share.to_rows()[1] == {
        "layer": 0,
        "reverse": False,
        "parameter": "weight_hh",
        "distance": 1,
        "share": pytest.approx(0.75 / 2.75),
        "cumulative": pytest.approx(2.5 / 2.75),
    }


def test_a_cell_without_a_recurrent_matrix_has_no_shares():
    assert weight_shares(of_text(layers(Independent())), max_distance=2) == ()


def test_a_cell_known_by_its_program_has_the_same_shares():
    cell = find("gru")
    subject = of_steps(layers(cell))
    known = layers(stored_cell(CellRecord.of(cell), program_of(cell, True), "model"))
    known.load_state_dict(subject.stack.state_dict())
    other = Subject(known, subject.inputs, subject.tokens, step_loss=subject.step_loss)
    (one,), (two,) = weight_shares(subject, max_distance=3), weight_shares(other, max_distance=3)
    assert_close(one.norms, two.norms)


def test_weights_that_are_not_trained_are_measured_alike():
    subject = of_steps(layers("lstm"))
    (one,) = weight_shares(subject, max_distance=3)
    subject.stack.requires_grad_(False)
    (two,) = weight_shares(subject, max_distance=3)
    assert torch.equal(one.norms, two.norms)
    assert not subject.stack.weight_hh_l0.requires_grad


def test_where_there_is_no_gradient_every_share_is_zero():
    subject = of_text(layers("rnn"))
    (share,) = weight_shares(
        Subject(subject.stack, subject.inputs, subject.tokens, text_loss=lambda out: 0 * out.sum((0, 2))),
        max_distance=3,
    )
    assert share.cumulative.tolist() == [0.0] * 4


def test_a_place_without_a_gradient_takes_nothing_from_the_shares_of_the_others():
    subject = of_steps(layers("gru"))
    last = Subject(
        subject.stack, subject.inputs, subject.tokens, step_loss=lambda out, steps: out.sum(-1) * (steps == T - 1)
    )
    few, one = weight_shares(last, max_distance=2, targets=3)[0], weight_shares(last, max_distance=2, targets=1)[0]
    assert few.norms.size(0) == 3
    assert_close(few.share, one.share)
