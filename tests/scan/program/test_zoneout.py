"""Zoneout as a transformation of programs, run by the interpreter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gatewise.cells import Cell, Gates, Input, Matrix, Parameters, States, find, variants
from gatewise.errors import ModelFileError, SettingError
from gatewise.scan import Zoneout
from gatewise.scan.interpret import interpret
from gatewise.scan.program import ProgramError, check, from_json, to_json
from gatewise.scan.program.zoneout import with_zoneout
from gatewise.scan.trace import trace
from scan.program.random_cells import make
from scan.program.witness import Case, compare, given, traced

RATES = (0.3, 0.6, 0.1)
STEP = """\
    v10 = tanh v9
    v13 = units of state 0 chosen at rate 0.25
    v14 = hidden if v13 else v10
  hidden = v14
  keep hidden, v10
"""
BACK = """\
backward, step by step
  stage 1
    v15 = units of state 0 chosen at rate 0.25
    v17 = d hidden' if v15 else 0
    v18 = 0 if v15 else d hidden'
    v19 = v18 * (1 - v10^2)
    v20 += v19
  stage 2
    v21 = weight_hh' (v19)
    v22 = v21 + v17
  d hidden = v22
  keep v19
"""


class Odd(Cell):
    """Results for which the transformation looks twice: products, a reduction, another's state, the input alone."""

    state = {"hidden": "H", "level": "one", "copy": "H", "still": "H", "mixed": "H", "seen": "H"}
    W = Input(("new", "seen"))
    R = Matrix("H", ("new",))
    one: int = 1

    def step(self, x: Gates, s: States, p: Parameters) -> States:
        new = x.new + p.R(s.hidden).new
        level: Tensor = (new * s.level).mean(-1, keepdim=True)
        still, mixed = s.still * s.level, p.R(s.copy).new
        return s.next(hidden=new.tanh(), level=level, copy=new.tanh(), still=still, mixed=mixed, seen=x.seen)


def noise(cell: Cell, training: bool = True, **options: Any) -> Zoneout:
    """One that gives every state a rate of its own."""
    usual = {"seed": 5, "rows": torch.tensor([3, 0, -7, 2**35 + 1]), "training": training}
    rates = {name: RATES[place % 3] for place, name in enumerate(cell.state)}
    return Zoneout(**{"rates": rates} | usual | options)


both_modes = pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])


@both_modes
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("cell", [*variants(), Odd()], ids=repr)
def test_program_equals_reference(cell: Cell, reverse: bool, training: bool):
    zoneout = noise(cell, training, start=9)
    program = with_zoneout(traced(cell), zoneout.rates, training)
    check(program)
    assert from_json(to_json(program), "program.json") == program
    for dtype in (torch.float64, torch.float32):
        compare(program, cell, Case(reverse=reverse, dtype=dtype), zoneout)


@both_modes
@pytest.mark.parametrize("seed", range(10))
def test_random_cell_equals_reference(seed: int, training: bool):
    cell = make(seed)
    zoneout = noise(cell, training)
    program = with_zoneout(trace(cell), zoneout.rates, training)
    check(program)
    compare(program, cell, Case(reverse=bool(seed % 2)), zoneout)


@both_modes
@pytest.mark.parametrize("rates", [{"memory": 0.4}, {"hidden": 1.0, "memory": 0.0}, {"hidden": 0.5}], ids=str)
def test_states_have_rates_of_their_own(rates: dict[str, float], training: bool):
    cell = find("lstm")
    compare(with_zoneout(traced(cell), rates, training), cell, Case(), noise(cell, training, rates=rates))


def test_rates_of_zero_change_nothing():
    program = traced(find("lstm"))
    assert with_zoneout(program, {"hidden": 0.0}, training=True) == program
    assert with_zoneout(program, {}, training=False) == program


def test_program_is_readable_and_keeps_no_mask():
    text = str(with_zoneout(traced(find("rnn")), {"hidden": 0.25}, training=True))
    assert STEP in text
    assert BACK in text


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_a_rate_outside_the_range_is_refused(rate: float):
    with pytest.raises(SettingError, match="zoneout: the rate of hidden must be between 0 and 1, but"):
        with_zoneout(traced(find("rnn")), {"hidden": rate}, training=True)


def test_a_state_that_is_not_there_is_refused():
    with pytest.raises(SettingError, match="zoneout: the cell has no state 'memory', only hidden"):
        with_zoneout(traced(find("rnn")), {"memory": 0.5}, training=True)


def test_a_program_that_chooses_asks_where_its_rows_stand():
    program = with_zoneout(traced(find("rnn")), {"hidden": 0.5}, training=True)
    data = given(find("rnn"), Case())
    with pytest.raises(ProgramError, match="it chooses units, but nothing says where its rows stand"):
        interpret(program, data.parameters, data.x, data.initial)


def choice_of(data: Any) -> Any:
    """The forward part's choice: [operation, target, rate, state]."""
    return data["forward"]["step"][0]["instructions"][3]


def operand(place: int, number: float) -> Callable[[Any], object]:
    """Change a constant that the choice reads."""
    return lambda data: data["values"].__setitem__(choice_of(data)[place], ["constant", "1", number])


def choose_once(data: Any) -> None:
    """Choose before the loop, for no row."""
    data["values"].append(["vector", "H", ""])
    choice = ["chosen", len(data["values"]) - 1, *choice_of(data)[2:]]
    data["forward"]["once"] = [{"products": [], "instructions": [choice]}]


WRONG: dict[str, tuple[Callable[[Any], object], str]] = {
    "rate": (operand(2, 1.5), "units are chosen at a rate that is a number from 0 to 1"),
    "no rate": (lambda data: choice_of(data).__setitem__(2, 4), "units are chosen at a rate that is a number"),
    "state": (operand(3, 1), "units are chosen of a state, numbered 0 to 0"),
    "half a state": (operand(3, 0.5), "units are chosen of a state, numbered 0 to 0"),
    "no state": (lambda data: choice_of(data).__setitem__(3, 1), "units are chosen of a state"),
    "operands": (lambda data: choice_of(data).pop(), "chosen reads 2 values"),
    "once": (choose_once, "only rows have units to choose"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_choice_that_cannot_be_made_is_refused(name: str):
    change, message = WRONG[name]
    data = json.loads(to_json(with_zoneout(traced(find("rnn")), {"hidden": 0.25}, training=True)))
    assert choice_of(data)[0] == "chosen"
    change(data)
    with pytest.raises(ModelFileError) as caught:
        from_json(json.dumps(data).encode(), "program.json")
    assert message in str(caught.value)
