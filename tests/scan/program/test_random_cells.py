"""Randomly generated cells equal their reference: what holds for the cells we know holds for those we do not."""

from __future__ import annotations

import pytest

from gatewise.scan.program import from_json, to_json
from gatewise.scan.trace import trace
from scan.program.random_cells import BINARY, UNARY, make
from scan.program.witness import Case, compare

SEEDS = range(30)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_cell_equals_reference(seed: int):
    cell = make(seed)
    program = trace(cell)
    assert from_json(to_json(program), "program.json") == program
    compare(program, cell, Case(reverse=bool(seed % 2)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30, 500))
def test_more_random_cells_equal_reference(seed: int):
    cell = make(seed)
    compare(trace(cell), cell, Case(reverse=bool(seed % 2)))


def test_seeds_cover_products_and_states():
    cells = [make(seed) for seed in SEEDS]
    assert {len(cell.state) for cell in cells} == {1, 2, 3}
    assert {"S", "A", "norm"} <= {name for cell in cells for name in cell.declarations}
    assert len(UNARY) + len(BINARY) > 40
