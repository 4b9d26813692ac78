"""The interpreter is given what the program asks for, or says what is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gatewise.cells import find
from gatewise.errors import ShapeError
from gatewise.scan import Packed
from gatewise.scan.interpret import MEANING, interpret, interpret_backward
from gatewise.scan.program.operations import OPERATIONS
from scan.program.witness import Case, given, traced
from tolerance import tolerance

Named = dict[str, Tensor]
WRONG: dict[str, tuple[Callable[[Named, Named], object], str]] = {
    "missing parameter": (lambda p, s: p.pop("bias_hh"), "are expected, but weight_ih, weight_hh, bias_ih came"),
    "unknown parameter": (lambda p, s: p.update(more=torch.zeros(1)), "are expected, but weight_ih"),
    "missing state": (lambda p, s: s.pop("memory"), "hidden, memory are expected, but hidden came"),
    "axes": (lambda p, s: p.update(bias_ih=torch.zeros(24, 1)), "bias_ih is expected with 1 axes"),
    "parts": (
        lambda p, s: p.update(bias_ih=torch.zeros(23)),
        "bias_ih is expected with an axis of 24 units",
    ),
    "width": (lambda p, s: s.update(memory=torch.zeros(4, 5)), "the state memory is expected with an axis of 6 units"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_tensor_is_named(name: str):
    change, message = WRONG[name]
    data = given(find("lstm"), Case())
    change(data.parameters, data.initial)
    with pytest.raises(ShapeError) as caught:
        interpret(traced(find("lstm")), data.parameters, data.x, data.initial)
    assert message in str(caught.value)


def test_units_that_do_not_divide_are_named():
    data = given(find("lstm"), Case())
    data.parameters["weight_ih"] = torch.zeros(23, 3)
    with pytest.raises(ShapeError, match="weight_ih is expected with an axis of 24 units, but it has 23"):
        interpret(traced(find("lstm")), data.parameters, data.x, data.initial)


def test_backward_runs_twice_on_one_run():
    data = given(find("lstm"), Case())
    program = traced(find("lstm"))
    run = interpret(program, data.parameters, data.x, data.initial)
    first, second = (interpret_backward(program, run, data.outputs, data.final) for _ in range(2))
    assert torch.equal(first.input, second.input)
    assert all(torch.equal(first.parameters[name], second.parameters[name]) for name in first.parameters)


def test_what_is_given_stays_as_it_is():
    data = given(find("cho_gru"), Case())
    before = {name: tensor.clone() for name, tensor in {**data.parameters, **data.initial, **data.final}.items()}
    program = traced(find("cho_gru"))
    run = interpret(program, data.parameters, data.x, data.initial, reverse=True)
    outputs = run.scan.outputs.clone()
    interpret_backward(program, run, data.outputs, data.final, data.states)
    after = {**data.parameters, **data.initial, **data.final}
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(run.scan.outputs, outputs)


def test_steps_one_by_one_equal_the_sequence():
    cell = find("peephole_lstm")
    data = given(cell, Case(batch_sizes=(3, 3, 3)))
    program = traced(cell)
    whole = interpret(program, data.parameters, data.x, data.initial).scan
    states = data.initial
    for rows in data.x.data.split(3):
        states = interpret(program, data.parameters, Packed(rows, (3,)), states).scan.final
    for name, final in whole.final.items():
        torch.testing.assert_close(states[name], final, **tolerance(torch.float64, 3))


def test_every_operation_has_a_meaning_and_a_number_of_its_own():
    assert MEANING.keys() | {"accumulate", "chosen"} == OPERATIONS.keys()
    codes = [operation.code for operation in OPERATIONS.values()]
    assert len(set(codes)) == len(codes)
    assert max(codes) < 256
