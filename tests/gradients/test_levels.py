"""Levels are what the layers themselves compute, whichever runner they take, and what is asked in vain is said."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from gatewise.gradients.errors import MeasureError
from gatewise.gradients.levels import level_of, spread_distances, spread_targets, unroll
from gatewise.layers.recurrent import Recurrent
from gradients.subjects import BOTH_WAYS, CELLS, H, T, X, layers, name, of_text
from tolerance import tolerance

SETTINGS = [
    {},
    BOTH_WAYS,
    {"num_layers": 3, "residual": True, "initial_state": "learned"},
    {"zoneout": 0.3, "bidirectional": True, "bias": False},
]


@pytest.mark.parametrize("cell", CELLS, ids=name)
@pytest.mark.parametrize("options", SETTINGS, ids=str)
def test_states_and_outputs_are_those_of_the_layers(cell, options):
    stack = layers(cell, **options)
    inputs = torch.randn(T, 2, X, dtype=torch.float64)
    levels, outputs = unroll(stack, inputs)
    wanted, _, states = stack.trajectory(inputs)
    assert stack.runner_used != "reference"
    assert_close(outputs, wanted, **tolerance(torch.float64, T))
    for number, level in enumerate(levels):
        for state, part in level.parts.items():
            came = torch.stack(level.states[1:])[..., part]
            came = came.flip(0) if level.reverse else came
            assert_close(came, states[state][number], **tolerance(torch.float64, T))


def test_positions_are_places_in_the_text():
    stack = layers("gru", **BOTH_WAYS)
    forward, backward = level_of(of_text(stack)), level_of(of_text(stack), 1, reverse=True)
    assert forward.positions(torch.tensor([1, T])).tolist() == [0, T - 1]
    assert backward.positions(torch.tensor([1, T])).tolist() == [T - 1, 0]
    assert (forward.name, backward.name) == ("layer 1", "layer 2, reverse")


def test_targets_have_the_distance_behind_them():
    assert spread_targets(200, 100, 6).tolist() == [101, 121, 141, 160, 180, 200]
    assert spread_targets(10, 9, 6).tolist() == [10]
    assert spread_targets(10, 8, 6).tolist() == [9, 10]
    assert spread_targets(10, 3, 1).tolist() == [10]


def test_distances_are_dense_near_and_sparse_far():
    assert spread_distances(5).tolist() == [0, 1, 2, 3, 4, 5]
    far = spread_distances(400)
    assert far[:17].tolist() == list(range(17))
    assert far[-1] == 400
    assert len(far) < 50
    assert (far.diff() > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layer": 1}, "layer: there is no layer 1, the layers are 0 to 0"),
        ({"layer": -1}, "layer: there is no layer -1"),
        ({"reverse": True}, "reverse: the layers read forward only; leave reverse out"),
    ],
    ids=str,
)
def test_a_level_that_is_not_there_is_said(arguments, message):
    with pytest.raises(MeasureError, match=message):
        level_of(of_text(layers("gru")), **arguments)


def test_a_text_shorter_than_the_distance_is_said():
    with pytest.raises(MeasureError, match="the text has 7 tokens, expected more than the distance 7; give a longer"):
        spread_targets(7, 7, 2)
    with pytest.raises(MeasureError, match="expected a distance of 0 or more and one target or more, but 3, 0 came"):
        spread_targets(7, 3, 0)


def test_numbers_that_are_none_are_named():
    stack = layers("gru", num_layers=2)
    subject = of_text(stack)
    with torch.no_grad():
        stack.weight_hh_l1[0, 0] = torch.nan
    with pytest.raises(MeasureError, match="weight_hh_l1: there are numbers in it that are not finite"):
        level_of(subject)
    bad = of_text(layers("gru"))
    bad.inputs[3, 1] = torch.inf
    with pytest.raises(MeasureError, match="inputs: what the layers read at token 3 is not finite"):
        level_of(bad)


def test_states_that_leave_the_numbers_are_said_with_the_token():
    stack = Recurrent(next(cell for cell in CELLS if cell.constants().get("nonlinearity") == "relu"), 1, 1).eval()
    with torch.no_grad():
        for weight in stack.parameters():
            weight.fill_(1e30)
    subject = of_text(stack, 30)
    subject.inputs.fill_(1.0)
    with pytest.raises(MeasureError, match="layer 1: the states are not finite from token 10 on"):
        level_of(subject)


def test_the_subject_is_left_as_it_was():
    stack = layers("lstm", dtype=torch.float32)
    before = {key: value.clone() for key, value in stack.state_dict().items()}
    level = level_of(of_text(stack))
    assert level.inputs.dtype == torch.float64
    assert stack.weight_hh_l0.dtype == torch.float32
    assert all(torch.equal(value, before[key]) for key, value in stack.state_dict().items())
    assert level.size == H * 2
