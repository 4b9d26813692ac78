"""What a layer read and its states before and after each step are those of the layers themselves, step by step."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells.registry import variants
from gatewise.errors import ShapeError
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.reading import reading_of, readings, start_of, walk
from gatewise.gradients.subject import Subject
from gatewise.layers.recurrent import Recurrent
from gatewise.scan import step
from tolerance import tolerance

T = 7


def subject_of(layers):
    inputs = torch.randn(T, layers.input_size, dtype=next(layers.parameters()).dtype)
    return Subject(layers.eval(), inputs, tuple("abcdefg"), text_loss=lambda outputs: outputs[-1].sum(-1))


def layers_of(cell, layers=2, **options):
    projected = {"proj_size": 3} if getattr(cell, "has_projection", False) else {}
    return Recurrent(cell, 3, 4, layers, dtype=torch.float64, **projected, **options)


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
def test_one_step_from_the_states_before_gives_those_after(cell):
    subject = subject_of(layers_of(cell, bidirectional=True, residual=True, initial_state="learned"))
    torch.nn.init.normal_(subject.stack.initial_hidden)
    for layer in (0, 1):
        for reverse in (False, True):
            one = reading_of(subject, layer, reverse)
            again = step(cell, one.weights, one.inputs, one.before)
            for name, after in one.after.items():
                torch.testing.assert_close(again[name], after, **tolerance(torch.float64, T))


@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"residual": True}, {"zoneout": 0.3}])
def test_what_comes_out_is_what_the_layers_return(options):
    layers = layers_of("lstm", 3, **options).eval()
    inputs = torch.randn(T, 2, 3, dtype=torch.float64)
    expected, _, states = layers.trajectory(inputs)
    found = walk(layers, inputs, start_of(layers, inputs, 2), keep_states=True)
    torch.testing.assert_close(found.outputs, expected.detach(), **tolerance(torch.float64, T))
    for level, one in enumerate(found.levels):
        torch.testing.assert_close(
            one.states["memory"], states["memory"][level].detach(), **tolerance(torch.float64, T)
        )


def test_a_text_goes_on_from_states_in_its_middle():
    layers = layers_of("gru").eval()
    inputs = torch.randn(T, 3, dtype=torch.float64)
    whole = walk(layers, inputs[:, None], start_of(layers, inputs, 1)).outputs
    start = [{name: state[3, None] for name, state in one.before.items()} for one in readings(layers, inputs)]
    torch.testing.assert_close(walk(layers, inputs[3:, None], start).outputs, whole[3:], **tolerance(torch.float64, T))


def test_in_reverse_the_step_at_the_last_token_begins():
    one = reading_of(subject_of(layers_of("gru", bidirectional=True)), 0, reverse=True)
    assert not one.before["hidden"][-1].any()
    assert torch.equal(one.before["hidden"][:-1], one.after["hidden"][1:])


def test_what_is_not_there_is_told():
    subject = subject_of(layers_of("gru"))
    with pytest.raises(MeasureError, match="there is no layer 2, the layers are 0 to 1"):
        reading_of(subject, 2)
    with pytest.raises(MeasureError, match="the layers read forward only; leave reverse out"):
        reading_of(subject, 0, reverse=True)


def test_a_state_that_is_not_finite_is_told_with_its_place():
    subject = subject_of(layers_of("gru"))
    subject.inputs[4] = torch.nan
    with pytest.raises(MeasureError, match="layer 1: the state hidden is not finite at token 4"):
        reading_of(subject)


def test_a_text_of_nothing_is_refused():
    with pytest.raises(ShapeError, match="the text has no token, expected one or more"):
        Subject(layers_of("gru"), torch.zeros(0, 3), (), text_loss=lambda outputs: outputs.sum((0, 2)))
