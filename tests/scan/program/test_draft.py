"""Recording steps: what is known is not computed, and nothing is computed twice."""

from __future__ import annotations

import math

import pytest

from gatewise.scan.program.draft import Draft, DraftMatrix
from gatewise.scan.program.errors import TraceError


def test_numbers_are_computed_at_once():
    draft = Draft()
    assert draft.number(draft.emit("mul", draft.constant(2.0), draft.constant(4.0))) == 8.0
    assert draft.number(draft.emit("exp", draft.constant(1.0))) == math.e
    assert draft.steps == []


@pytest.mark.parametrize(("operation", "number"), [("add", 0.0), ("sub", 0.0), ("mul", 1.0), ("div", 1.0)])
def test_neutral_numbers_vanish(operation: str, number: float):
    draft = Draft()
    row = draft.given("state", "H", "hidden")
    assert draft.emit(operation, row, draft.constant(number)) == row
    assert draft.steps == []


def test_zero_times_a_row_is_not_zero_where_the_row_is_infinite():
    draft = Draft()
    draft.emit("mul", draft.given("state", "H", "hidden"), draft.constant(0.0))
    assert len(draft.steps) == 1


def test_operands_that_may_change_places_are_recognised():
    draft = Draft()
    a, b = draft.given("state", "H", "a"), draft.given("state", "H", "b")
    assert draft.emit("add", a, b) == draft.emit("add", b, a)
    assert draft.emit("sub", a, b) != draft.emit("sub", b, a)


def test_levels_say_how_often_a_value_is_computed():
    draft = Draft()
    row, vector = draft.given("state", "H", "a"), draft.given("parameter", "H", "v")
    assert draft.levels[draft.emit("exp", vector)] == "call"
    assert draft.levels[draft.emit("mul", row, vector)] == "row"
    total = draft.accumulate(row)
    assert draft.levels[draft.emit("mul", total, vector)] == "sum"
    with pytest.raises(TraceError, match="no row may look at another"):
        draft.emit("mul", total, row)
    with pytest.raises(TraceError, match="over the batch again"):
        draft.accumulate(total)


def test_a_parameter_is_summed_over_rows_as_a_row():
    draft = Draft()
    vector = draft.given("parameter", "H", "v")
    draft.accumulate(vector)
    assert [step.operation for step in draft.steps] == ["copy", "accumulate"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("operation", "numbers", "message"),
    [
        ("div", (1.0, 0.0), "div of the numbers 1.0, 0.0"),
        ("sqrt", (-1.0,), "sqrt of the numbers -1.0"),
        ("exp", (1e3,), "exp"),
    ],
)
def test_impossible_numbers_are_refused(operation: str, numbers: tuple[float, ...], message: str):
    draft = Draft()
    with pytest.raises(TraceError, match=message):
        draft.emit(operation, *map(draft.constant, numbers))


def test_values_of_two_widths_are_refused():
    draft = Draft()
    with pytest.raises(TraceError, match="add of values of the widths H, P"):
        draft.emit("add", draft.given("state", "H", "a"), draft.given("state", "P", "b"))


def test_product_has_the_parts_of_its_matrix():
    draft = Draft([DraftMatrix("R", ("H", "H"), ("P",))])
    state = draft.given("state", "P", "hidden")
    assert len(draft.product(0, False, (state,))) == 2
    assert draft.product(0, False, (state,)) == draft.product(0, False, (state,))
    with pytest.raises(TraceError, match="R is applied to parts of widths P, not H, H"):
        draft.product(0, True, (state,))
