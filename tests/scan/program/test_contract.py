"""Every registered cell: the program, run by the interpreter, equals the reference in all values and gradients."""

from __future__ import annotations

import pytest
import torch

from gatewise.cells import Cell, variants
from gatewise.scan.program import check, from_json, to_json
from scan.program.witness import Case, compare, traced

CELLS = list(variants())
LENGTHS = {"ragged": (4, 4, 3, 1, 1), "uniform": (3, 3, 3), "one step": (2,), "one row": (1, 1, 1, 1)}


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_program_equals_reference(cell: Cell, bias: bool, reverse: bool):
    program = traced(cell, bias=bias)
    for dtype in (torch.float64, torch.float32):
        compare(program, cell, Case(bias=bias, reverse=reverse, dtype=dtype))


@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("name", ["peephole_lstm", "cho_gru", "projected_lstm", "layer_norm_lstm"])
def test_lengths(name: str, lengths: tuple[int, ...]):
    cell = next(cell for cell in CELLS if cell.name == name)
    compare(traced(cell), cell, Case(batch_sizes=lengths))


@pytest.mark.parametrize("sizes", [(1, 2, 1), (5, 17, 16), (2, 7, 5)], ids=str)
@pytest.mark.parametrize("cell", CELLS[-5:], ids=repr)
def test_sizes_that_were_not_traced(cell: Cell, sizes: tuple[int, int, int]):
    input_size, hidden_size, proj_size = sizes
    compare(traced(cell), cell, Case(input_size=input_size, hidden_size=hidden_size, proj_size=proj_size))


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_file_form_gives_the_same_program_back(cell: Cell):
    program = traced(cell)
    data = to_json(program)
    again = from_json(data, "program.json")
    assert again == program
    assert to_json(again) == data
    check(again)


@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_no_value_is_kept_in_vain(cell: Cell):
    program = traced(cell)
    backward = program.backward
    sections = (backward.step, backward.all_steps)
    reads = {
        source
        for section in sections
        for stage in section
        for step in (*stage.products, *stage.instructions)
        for source in step.sources
    }
    reads |= {value for matrix in program.matrices for term in matrix.gradient for value in (*term.left, *term.right)}
    assert reads.issuperset(program.forward.kept)
    assert reads.issuperset(backward.kept)
