"""The gradient of the loss by every state: differences through the whole network, run by whichever runner is taken."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch.testing import assert_close

from gatewise.cells.registry import find
from gatewise.gradients.errors import MeasureError
from gatewise.gradients.loss_gradients import backward, loss_gradients
from gatewise.gradients.subject import Subject
from gatewise.scan import Packed, run
from gradients.subjects import BOTH_WAYS, CELLS, T, X, layers, name, of_steps, of_text
from tolerance import tolerance

BOUND = 1e-6


def outputs_of_moved(stack, rows, moved, step, change):
    """The outputs [T, 1, F] of the stack where ``change`` [S] is added to the states of a level after a step."""
    for layer in range(stack.num_layers):
        both = []
        for reverse in (False, True)[: stack.num_directions]:
            read = rows.flip(0) if reverse else rows
            state = {key: torch.zeros(1, width).double() for key, width in stack.state_widths.items()}
            pieces = []
            cuts = (0, step, len(read)) if (layer, reverse) == moved else (0, len(read))
            for first, last in pairwise(cuts):
                if first == last:
                    continue
                piece = Packed(read[first:last, 0], (1,) * (last - first))
                scan = run(stack.cell, stack.weights(layer, reverse), piece, state)
                state, out = dict(scan.final), scan.outputs.clone()
                if last == step and (layer, reverse) == moved:
                    parts = change.split(list(stack.state_widths.values()))
                    state = {key: value + part for (key, value), part in zip(state.items(), parts, strict=True)}
                    out[-1] = next(iter(state.values()))[0]
                pieces.append(out)
            out = torch.cat(pieces)[:, None]
            both.append(out.flip(0) if reverse else out)
        rows = torch.cat(both, dim=-1)
    return rows


def difference(subject, place, moved, step):
    """dL/ds [S] of one level after one step, by moving each number to either side."""
    size, width = 1e-5, sum(subject.stack.state_widths.values())
    quotients = []
    for unit in range(width):
        losses = []
        for sign in (size, -size):
            change = torch.zeros(width).double().index_fill(0, torch.tensor([unit]), sign)
            outputs = outputs_of_moved(subject.stack, subject.inputs[:, None], moved, step, change)
            if subject.step_loss is None:
                losses.append(subject.text_loss(outputs))
            else:
                losses.append(subject.step_loss(outputs[place], torch.tensor([place])))
        quotients.append((losses[0] - losses[1]) / (2 * size))
    return torch.cat(quotients)


@pytest.mark.parametrize("cell", CELLS, ids=name)
@pytest.mark.parametrize("subject_of", [of_steps, of_text], ids=["loss of a step", "loss of the text"])
def test_gradients_are_those_of_differences_through_the_network(cell, subject_of):
    subject = subject_of(layers(cell, **BOTH_WAYS))
    with torch.no_grad():
        found = {(one.layer, one.reverse, one.state): one for one in loss_gradients(subject, max_distance=3).states}
        for layer, reverse in ((0, False), (0, True), (1, True)):
            one = found[layer, reverse, "hidden"]
            ends = T - one.positions if reverse else one.positions + 1
            wanted = difference(subject, int(one.positions[0]), (layer, reverse), int(ends[0]) - 2)
            for (state, width), part in zip(
                subject.stack.state_widths.items(), wanted.split(list(subject.stack.state_widths.values())), strict=True
            ):
                came = found[layer, reverse, state].curve.log_norms[0, 2].exp()
                assert abs(came - part.norm()) < BOUND, (layer, reverse, state, width)


@pytest.mark.parametrize("subject_of", [of_steps, of_text])
@pytest.mark.parametrize("options", [{}, BOTH_WAYS, {"num_layers": 2, "residual": True, "zoneout": 0.2}], ids=str)
def test_gradients_by_the_input_follow_from_those_by_the_states(subject_of, options):
    """dL/dx_k of layer 1 = dL/ds_k ds_k/dx_k, and dL/dx is what torch says for the layers as they are run."""
    subject = subject_of(layers("lstm", **options))
    inputs = subject.inputs.clone().requires_grad_()
    outputs, _ = subject.stack(inputs[:, None])
    place = T - 1
    loss = subject.text_loss(outputs) if subject.text_loss else subject.step_loss(outputs[place], torch.tensor([place]))
    (wanted,) = torch.autograd.grad(loss.sum(), inputs)
    came = torch.zeros(T, X).double()
    reached = [one for one in backward(subject, 0, T) if one.level.layer == 0]
    for one in reached:
        row = 0 if subject.text_loss else int((one.level.positions(one.ends) == place).nonzero())
        for step in range(1, T + 1):
            copy = one.level.inputs[step - 1].detach().requires_grad_()
            level = type(one.level)(**{**vars_of(one.level), "inputs": copy[None], "states": []})
            after = level.advance(1, one.level.states[step - 1].detach())
            (by_input,) = torch.autograd.grad(after, copy, one.gradients[step - 1])
            came[int(one.level.positions(torch.tensor(step)))] += by_input[row if subject.text_loss else one.rows[row]]
    assert_close(came, wanted, **tolerance(torch.float64, 4 * T))


def vars_of(level):
    return {key: getattr(level, key) for key in level.__dataclass_fields__}


def test_a_linear_network_of_a_half_tells_half_at_every_step():
    stack = layers(find("rnn", nonlinearity="relu"), hidden_size=3, bias=False)
    with torch.no_grad():
        stack.weight_ih_l0.fill_(1.0)
        stack.weight_hh_l0.copy_(0.5 * torch.eye(3))
    inputs = torch.ones(40, X, dtype=torch.float64)
    for options in ({"step_loss": lambda out, steps: out[:, 0]}, {"text_loss": lambda out: out[-1, :, 0]}):
        curve = loss_gradients(Subject(stack, inputs, ("a",) * 40, **options), max_distance=30).of(0)
        assert_close(curve.mean_log, -math.log(2) * curve.distances.double(), **tolerance(torch.float64, 30))


def test_losses_in_float32_are_measured_in_float32():
    exact, rough = of_steps(layers("gru")), of_steps(layers("gru", dtype=torch.float32))
    rough.stack.load_state_dict(exact.stack.state_dict())
    seen = []

    def loss(outputs, steps):
        seen.append(outputs.dtype)
        return exact.step_loss(outputs, steps)

    inputs = exact.inputs.float()
    found = loss_gradients(Subject(rough.stack, inputs, rough.tokens, step_loss=loss), max_distance=3)
    assert seen == [torch.float32]
    wanted = loss_gradients(exact, max_distance=3).of(0).log_norms
    assert_close(found.of(0).log_norms, wanted, atol=1e-4, rtol=1e-4)


def test_places_have_the_distance_behind_them_in_both_directions():
    found = loss_gradients(of_steps(layers("gru", **BOTH_WAYS), 9), max_distance=6, targets=3).states
    assert [one.positions.tolist() for one in found] == [[6, 7, 8], [2, 1, 0]] * 2
    whole = loss_gradients(of_text(layers("lstm", **BOTH_WAYS), 9), max_distance=8).states
    assert [one.positions.tolist() for one in whole[::2]] == [[8], [0]] * 2
    assert [one.state for one in whole[:2]] == ["hidden", "memory"]


def test_what_cannot_be_measured_is_said():
    subject = of_text(layers("gru"))
    with pytest.raises(MeasureError, match="the text has 7 tokens, expected more than the distance 7"):
        loss_gradients(subject, max_distance=7)
    found = loss_gradients(subject, max_distance=2)
    with pytest.raises(MeasureError, match="of: there is no state 'memory' in layer 0"):
        found.of(0, state="memory")
    with pytest.raises(MeasureError, match="of: there is no state None in layer 0, reverse"):
        found.of(0, reverse=True)
    assert [row["distance"] for row in found.to_rows()] == [0, 1, 2]
    with torch.no_grad():
        subject.stack.weight_ih_l0[0, 0] = torch.nan
    with pytest.raises(MeasureError, match="weight_ih_l0: there are numbers in it that are not finite"):
        loss_gradients(subject, max_distance=2)
