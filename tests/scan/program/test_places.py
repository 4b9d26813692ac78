"""Where the steps of a program stand: out of the loop what no state feeds, inside it what the loop has at hand."""

from __future__ import annotations

from collections import Counter

import pytest

from gatewise.cells import Cell, find, variants
from gatewise.scan.program.form import Program, Section
from scan.program.expressions import EXPRESSIONS, cell_of
from scan.program.witness import traced

CELLS = list(variants())


def operations(section: Section) -> Counter[str]:
    return Counter(instruction.operation for stage in section for instruction in stage.instructions)


def products(program: Program, section: Section) -> list[str]:
    return [program.matrices[product.matrix].name for stage in section for product in stage.products]


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_input_product_and_its_gradient_stand_outside_the_loops(cell: Cell):
    program = traced(cell)
    assert products(program, program.forward.all_steps) == ["weight_ih"]
    assert products(program, program.backward.all_steps) == ["weight_ih"]
    inside = products(program, program.forward.step) + products(program, program.backward.step)
    assert "weight_ih" not in inside
    assert Counter(inside) == {name: 2 for name in {matrix.name for matrix in program.matrices} - {"weight_ih"}}


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_gradients_of_matrices_are_left_to_products_after_the_loop(cell: Cell):
    assert all(len(matrix.gradient) == 1 for matrix in traced(cell).matrices)


def test_gradients_of_vectors_are_summed_in_the_loop():
    program = traced(find("peephole_lstm"))
    assert operations(program.backward.step)["accumulate"] == 4 + 3  # the biases' gates, which two share, and peepholes
    assert operations(program.backward.all_steps)["accumulate"] == 0
    biases = [vector.gradients for vector in program.vectors if vector.name.startswith("bias")]
    assert biases[0] == biases[1]


def test_reductions_end_stages_and_leave_the_loop_with_the_input():
    program = traced(find("layer_norm_lstm", norm="gate"))
    forward, backward = program.forward, program.backward
    assert operations(forward.all_steps)["row_mean"] == operations(backward.all_steps)["row_mean"] == 4 * 2
    assert operations(forward.step)["row_mean"] == operations(backward.step)["row_mean"] == 5 * 2
    assert [len(forward.all_steps), len(forward.step), len(backward.step)] == [3, 5, 4]
    sums = {item.target for stage in backward.step for item in stage.instructions if item.operation == "accumulate"}
    inside = [vector.name for vector in program.vectors if sums.issuperset(vector.gradients)]
    assert "gain_norm_h" in inside
    assert "gain_norm_x" not in inside  # only for it the loop would read the normalised input


def test_reset_before_the_product_takes_two_stages():
    program = traced(find("cho_gru"))
    assert [[product.matrix for product in stage.products] for stage in program.forward.step] == [[1], [2]]


def test_functions_of_parameters_are_computed_once():
    program = traced(cell_of(EXPRESSIONS["of vectors"]))
    assert operations(program.forward.once) == {"exp": 1, "row_sum": 1, "row_mean": 1}
    assert operations(program.forward.step)["exp"] == 0
    assert operations(program.backward.once_after)["mul"] >= 1


def test_the_loop_of_lstm_is_no_longer_than_its_equation():
    program = traced(find("lstm"), bias=False)
    assert operations(program.forward.step) == {"add": 4 + 1, "mul": 3, "sigmoid": 3, "tanh": 2}
    assert sum(operations(program.backward.step).values()) == 12
    assert [program.values[index].kind for index in program.forward.kept].count("row") == 5


def test_the_same_twice_is_computed_once():
    program = traced(cell_of(lambda o: (o.a * o.b).sigmoid() + (o.b * o.a).sigmoid()))
    assert operations(program.forward.step)["sigmoid"] == 1


def test_numbers_that_are_sizes_hold_at_any_size():
    program = traced(cell_of(EXPRESSIONS["by the root of the size"]))
    assert [value.name for value in program.values if value.kind == "size"] == ["H", "H"]
    assert operations(program.forward.once)["sqrt"] == 1
