"""Whatever does not fit is refused before anything is computed, with what was expected and what came."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gatewise.cells import Cell, Gates, Input, Matrix, Norm, find
from gatewise.errors import SettingError, ShapeError
from gatewise.scan import Packed, choose, run, step
from scan.problem import RAGGED, problem

LSTM = find("lstm")


def refused(words, **changes):
    with pytest.raises(ShapeError, match=words):
        replace(problem(LSTM), **changes).run()


def without(tensors, *names):
    return {name: value for name, value in tensors.items() if name not in names}


def test_parameters_that_do_not_fit():
    good = problem(LSTM).parameters
    refused(r"cell lstm: parameters weight_ih, .* but nothing came", parameters={})
    refused(r"but weight_hh \[20, 5\], bias_ih \[20\], bias_hh \[20\] came", parameters=without(good, "weight_ih"))
    refused("parameters weight_ih, weight_hh, .*bias_hh are expected, but", parameters=without(good, "bias_hh"))
    refused("are expected, but .*, extra came", parameters={**good, "extra": torch.zeros(1)})
    refused(r"weight_hh is expected as \[20, 5\], but its shape", parameters={**good, "weight_hh": torch.zeros(20, 4)})
    refused(r"weight_ih is expected as \[20, 3\], but its", parameters={**good, "weight_ih": torch.zeros(19, 3)})
    refused(
        r"weight_hh is expected as torch\.float64 on cpu, like weight_ih, but torch\.float32 on cpu came",
        parameters={**good, "weight_hh": torch.zeros(20, 5)},
    )


def test_input_and_states_that_do_not_fit():
    good = problem(LSTM)
    double = torch.float64
    refused(r"x is expected as \[rows, 3\], but its shape is \[13, 4\]", x=Packed(torch.zeros(13, 4), RAGGED))
    refused(r"x is expected as torch\.float64 on cpu", x=Packed(torch.zeros(13, 3), RAGGED))
    refused("x is expected as torch.float64 on cpu.* but torch.int64", x=Packed(torch.zeros(13, 3).long(), RAGGED))
    refused("the states hidden, memory are expected, but hidden came", initial=without(good.initial, "memory"))
    refused("the states hidden, memory are expected, but none came", initial={})
    wrong = torch.zeros(3, 5, dtype=double)
    refused(
        r"the state memory is expected as \[4, 5\], but its shape is \[3, 5\]",
        initial={**good.initial, "memory": wrong},
    )
    half = good.initial["memory"].float()
    refused(r"the state memory is expected as torch\.float64", initial={**good.initial, "memory": half})
    refused(
        "at least one time step",
        x=Packed(torch.zeros(0, 3, dtype=double), ()),
        initial={name: torch.zeros(0, 5, dtype=double) for name in good.initial},
    )


HALF = torch.zeros(1, dtype=torch.float16)


def test_autocast_mixes_floating_types_only():
    good = problem(LSTM, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(ShapeError, match="x is expected as"):
        good.with_input(torch.zeros(13, 3, dtype=torch.int64), RAGGED).run()


def test_a_step_is_checked_like_a_sequence():
    good = problem(LSTM, (4,))
    with pytest.raises(ShapeError, match=r"the state hidden is expected as \[2, 5\], but its shape is \[4, 5\]"):
        step(LSTM, good.parameters, good.x.data[:2], good.initial)


@pytest.mark.parametrize(
    ("cell", "options", "words"),
    [
        (
            LSTM,
            {"runner": "fused", "parameter": torch.zeros(1, device="meta")},
            "the engine runs on the CPU, not on meta",
        ),
        (LSTM, {"runner": "fused", "parameter": torch.zeros(1).half()}, "the engine has no float16"),
        (LSTM, {"runner": "troch"}, "runner: unknown runner 'troch'; did you mean torch?"),
        (
            LSTM,
            {"runner": "torch", "zoneout": True},
            "the torch runner cannot run this: torch's kernels have no zoneout",
        ),
        (
            LSTM,
            {"runner": "torch", "keep_states": True},
            "return the states other than the output for the last step only",
        ),
        (find("cho_gru"), {"runner": "torch"}, "the torch runner cannot run this: torch has no kernel for cho_gru"),
        (
            find("rnn", nonlinearity="sigmoid"),
            {"runner": "torch"},
            "no kernel for rnn(nonlinearity=sigmoid, start=uniform)",
        ),
    ],
)
def test_a_runner_that_cannot_run_it_is_refused_with_the_reason(cell, options, words):
    with pytest.raises(SettingError) as caught:
        choose(cell, **options)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "options", "name", "reason"),
    [
        (LSTM, {}, "fused", "the engine runs lstm"),
        (LSTM, {"runner": "reference"}, "reference", "asked for"),
        (LSTM, {"runner": "torch"}, "torch", "asked for"),
        (LSTM, {"keep_states": True}, "fused", "the engine runs lstm"),
        (LSTM, {"zoneout": True}, "fused", "the engine runs lstm"),
        (find("peephole_lstm"), {}, "fused", "the engine runs peephole_lstm"),
        (LSTM, {"parameter": HALF}, "torch", "torch has a kernel for lstm; the engine has no float16"),
        (LSTM, {"parameter": HALF, "keep_states": True}, "reference", "torch's kernels return the states"),
        (LSTM, {"parameter": HALF, "zoneout": True}, "reference", "torch's kernels have no zoneout"),
        (find("peephole_lstm"), {"parameter": HALF}, "reference", "torch has no kernel for peephole_lstm"),
    ],
)
def test_the_choice_says_why(cell, options, name, reason):
    choice = choose(cell, **options)
    assert choice.name == name
    assert choice.reason.startswith(reason)


def test_without_the_engine_the_choice_says_so(monkeypatch):
    monkeypatch.setattr("gatewise.scan.choice.engine_is_built", lambda: False)
    assert choose(LSTM).reason == "torch has a kernel for lstm; the engine is not built here"
    assert choose(find("cho_gru")).reason == "torch has no kernel for cho_gru; the engine is not built here"
    with pytest.raises(SettingError, match="the fused runner cannot run this: the engine is not built here"):
        choose(LSTM, runner="fused")


class Wrong(Cell):
    """A user's mistakes inside a step, one at a time."""

    state = {"hidden": "H"}
    W = Input(("one", "two"))
    R = Matrix("H", ("one", "two"))
    norm = Norm(("one", "two"))
    mistake: str = ""

    def step(self, x, s, p):
        made = {
            "shape": lambda: x.tensor,
            "gate": lambda: x.three,
            "parameter": lambda: p.Q(s.hidden),
            "norm": lambda: p.norm(x, over="batch").one,
            "bundles": lambda: (x + Gates(("one",), s.hidden)).one,
        }
        return s.next(hidden=made[self.mistake]())


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (
            "shape",
            ShapeError,
            r"cell wrong: step: the state hidden is \[4, 5\] before the step, but \[4, 10\] after it",
        ),
        ("gate", AttributeError, "no gate 'three' here"),
        ("parameter", AttributeError, "the cell declares no 'Q'; it has W, R, norm"),
        ("norm", ShapeError, 'a norm is taken over "gate" or "all", but \'batch\' came'),
        ("bundles", ShapeError, "bundles of different gates"),
    ],
)
def test_mistakes_inside_a_step_are_named(mistake, error, words):
    with pytest.raises(error, match=words):
        problem(Wrong(mistake=mistake)).run()


def test_run_takes_no_initial_state_for_granted():
    good = problem(LSTM)
    with pytest.raises(TypeError, match="initial"):
        run(LSTM, good.parameters, good.x)


def test_an_instruction_set_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("GATEWISE_ISA", "mmx")
    with pytest.raises(
        SettingError, match=r"GATEWISE_ISA: the instruction set mmx cannot run here.*; set it to .*portable"
    ):
        choose(LSTM)
    monkeypatch.setenv("GATEWISE_ISA", "portable")
    assert choose(LSTM).name == "fused"
