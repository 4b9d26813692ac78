"""A program is used in a layer only where it is the cell's step at that layer's sizes, in its type, in every mode."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import tanh
from torch.testing import assert_close

from gatewise.cells import Cell, Input, Matrix, variants
from gatewise.errors import SettingError
from gatewise.nn import Recurrent
from gatewise.scan import at_sizes, choose
from gatewise.scan.stored.find import program_of
from scan.problem import RAGGED, problem
from scan.program.expressions import EXPRESSIONS, cell_of
from tolerance import tolerance

TABLE = SimpleNamespace(factor=0.5, number=torch.tensor(0.5))


def made(become) -> Cell:
    """A cell whose new state is what becomes of tanh(W x + R h + b), told that and the state before."""

    def step(self, x, s, p):
        return s.next(hidden=become(tanh(x.a + p.R(s.hidden).a), s.hidden))

    body = {"state": {"hidden": "H"}, "W": Input(("a",)), "R": Matrix("H", ("a",)), "step": step}
    return type("Asking", (Cell,), body)()


ASKING = {
    "size": lambda h, s: h if h.size(-1) < 8 else 0.5 * h,
    "size in a number": lambda h, s: h / min(h.size(-1), 16),
    "batch": lambda h, s: h if s.shape[0] < 16 else 0.5 * h,
    "batch of one": lambda h, s: h if s.shape[0] == 1 else 0.5 * h,
    "large batch": lambda h, s: h if s.shape[0] < 200 else 0.5 * h,
    "dtype": lambda h, s: h if h.dtype == torch.float64 else 0.5 * h,
    "eps under a root": lambda h, s: (h * h + torch.finfo(h.dtype).eps).sqrt(),
    "eps in a quotient": lambda h, s: h / (s.abs().sum(-1, keepdim=True) + torch.finfo(h.dtype).eps),
    "eps at the end": lambda h, s: (1.0 - h * h).clamp(min=torch.finfo(h.dtype).eps).log(),
    "eps of nothing": lambda h, s: h + (h.abs().sum(-1, keepdim=True) + torch.finfo(h.dtype).eps).log() / 99,
    "gradients": lambda h, s: h if torch.is_grad_enabled() else 0.5 * h,
    "gradient only": lambda h, s: h if h.dtype == torch.float64 else h.detach(),
}
DIFFERS = r"at the sizes of this layer \(X 3, H 4, float32\) its step differs from its program: does it ask for sizes"


@pytest.mark.parametrize("name", ASKING)
def test_a_step_that_asks_is_run_by_the_reference_and_says_why(name):
    cell = made(ASKING[name])
    layer = Recurrent(cell, 3, 4)
    shown = repr(layer)
    assert "runner=reference: torch has no kernel for asking; the engine cannot run it: " in shown
    assert "at the sizes of this layer (X 3, H 4, float32) its step differs from its program" in shown
    same = problem(cell, hidden_size=4, dtype=torch.float32)
    came, expected = same.run(), same.run(runner="reference")
    assert came.runner == "reference"
    assert torch.equal(came.outputs, expected.outputs)
    layer(torch.zeros(5, 2, 3))
    assert layer.runner_used == "reference"
    with pytest.raises(SettingError, match=DIFFERS):
        Recurrent(cell, 3, 4, runner="fused")
    with pytest.raises(SettingError, match=DIFFERS):
        same.run(runner="fused")


def test_only_the_sizes_and_types_that_differ_are_refused():
    cell = made(ASKING["size"])
    assert choose(cell, sizes=(3, 4, 0)).name == "reference"
    assert choose(cell, sizes=(3, 40, 0)).name == "fused"
    cell = made(ASKING["dtype"])
    assert choose(cell, sizes=(3, 4, 0), parameter=torch.zeros(1)).name == "reference"
    assert choose(cell, sizes=(3, 4, 0), parameter=torch.zeros(1).double()).name == "fused"


def test_the_layer_above_may_differ_where_the_first_does_not():
    def step(self, x, s, p):
        wide = p.W.weight.tensor.size(1) > 9
        return s.next(hidden=tanh((x + p.R(s.hidden)).a) * (0.5 if wide else 1.0))

    body = {"state": {"hidden": "H"}, "W": Input(("a",)), "R": Matrix("H", ("a",)), "step": step}
    cell = type("Asking", (Cell,), body)()
    assert "runner=fused" in repr(Recurrent(cell, 20, 4))
    assert "(X 4, H 4, float32) its step differs" in repr(Recurrent(cell, 20, 4, 2))


def test_a_step_that_fails_at_these_sizes_is_not_run_by_the_engine():
    def fail(h, s):
        if h.size(-1) < 8:
            raise ValueError("too narrow\nfor me")
        return h

    layer = Recurrent(made(fail), 3, 4)
    assert repr(layer).endswith(
        "at the sizes of this layer (X 3, H 4, float32) its step raises ValueError: too narrow)"
    )
    with pytest.raises(ValueError, match="too narrow"):
        layer(torch.zeros(5, 2, 3))


@pytest.mark.parametrize("change", ["factor", "number"])
def test_a_number_that_has_changed_is_noticed_where_a_layer_is_made_anew(change, monkeypatch):
    cell = made(lambda h, s: h * getattr(TABLE, change))
    assert "runner=fused" in repr(Recurrent(cell, 3, 4))
    monkeypatch.setattr(TABLE, change, torch.tensor(0.25) if change == "number" else 0.25)
    assert "or has something changed that it reads?" in repr(Recurrent(cell, 3, 4))


def counted(cell: Cell, monkeypatch) -> list[int]:
    """The batch of every step that the cell runs from here on."""
    rows: list[int] = []
    step = type(cell).step

    def counting(self, x, s, p):
        rows.append(s.hidden.size(0))
        return step(self, x, s, p)

    monkeypatch.setattr(type(cell), "step", counting)
    return rows


def test_it_is_compared_once_for_each_kind_of_layer(monkeypatch):
    cell = made(lambda h, s: 0.5 * h)
    program_of(cell)
    rows = counted(cell, monkeypatch)
    layer = Recurrent(cell, 3, 4)
    first = list(rows)
    assert {1, 2} < set(first)
    assert max(first) > 200
    for _ in range(3):
        layer(torch.zeros(5, 2, 3))
    assert rows == first
    Recurrent(cell, 5, 4)
    assert len(rows) == 2 * len(first)


def test_large_layers_are_compared_on_few_rows(monkeypatch):
    cell = made(lambda h, s: 0.5 * h)
    program_of(cell)
    rows = counted(cell, monkeypatch)
    assert choose(cell, sizes=(1500, 1500, 0)).name == "fused"
    assert max(rows) == 3


def test_random_numbers_and_modes_of_the_caller_are_left_alone():
    cell = made(ASKING["size"])
    before = torch.get_rng_state()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16), torch.device("meta"):
        assert choose(cell, sizes=(3, 40, 0)).name == "fused"
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [1, 4, 37, 300])
def test_ordinary_cells_are_no_false_alarm(size, dtype):
    for cell in variants():
        sizes = (size + 1, size, (size - 1) if cell.has_projection else 0)
        if not cell.has_projection or size > 1:
            assert at_sizes._difference(cell, program_of(cell), sizes, True, dtype) == "", cell


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_no_expression_is_a_false_alarm(name):
    cell = cell_of(EXPRESSIONS[name])
    program = program_of(cell)
    for sizes, dtype in (((3, 4, 0), torch.float32), ((20, 33, 0), torch.float32), ((7, 9, 0), torch.float64)):
        assert at_sizes.difference(cell, program, sizes, True, dtype) == ""


@pytest.mark.parametrize("size", [4, 40, 300])
def test_rounding_that_the_step_magnifies_is_no_false_alarm(size):
    cell = made(lambda h, s: (3000.0 * h).sin())
    assert at_sizes.difference(cell, program_of(cell), (size, size, 0), True, torch.float32) == ""


def test_registered_cells_are_not_compared(monkeypatch):
    def refuse(*_):
        raise AssertionError("compared")

    monkeypatch.setattr(at_sizes, "_difference", refuse)
    for cell in variants():
        assert choose(cell, sizes=(3, 4, 2 if cell.has_projection else 0)).name == "fused"


def test_what_the_engine_may_run_equals_the_reference():
    same = problem(made(lambda h, s: 0.5 * h + 0.25 * s), RAGGED, dtype=torch.float32)
    fused, reference = same.run(runner="fused"), same.run(runner="reference")
    assert_close(fused.outputs, reference.outputs, **tolerance(torch.float32, 5))


def test_a_number_that_is_none_differs_from_one():
    """Both of ``inf`` and ``nan`` are told from numbers, and equal to themselves."""
    numbers = torch.tensor([1.0, torch.inf, -torch.inf, torch.nan])
    assert torch.equal(at_sizes._apart(numbers, numbers), torch.zeros(4))
    assert at_sizes._apart(numbers, numbers.roll(1)).isinf().all()
    assert at_sizes._scale(numbers).tolist() == [1.0]
