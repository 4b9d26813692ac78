"""The lesson of vanishing: measured before and after, with the shapes of the curves that theory gives at the start."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from gatewise.doctor.lessons.characters import CharacterModel, Text
from gatewise.doctor.lessons.practice import made
from gatewise.doctor.lessons.vanishing import run

TEXT = Text.of("one two three four five six seven. " * 400)


@pytest.fixture(scope="module")
def found() -> list[run.Measured]:
    patch = pytest.MonkeyPatch()
    patch.setattr(run, "BUDGET", replace(run.BUDGET, updates=3, hidden=12))
    patch.setattr(run, "READ", 120)
    patch.setattr(run, "TARGETS", 2)
    measured = [
        one
        for name, cell in run.CELLS.items()
        for one in run.before_and_after(
            made(0, lambda cell=cell: CharacterModel(cell, len(TEXT.alphabet), 6, 12)), name, 0, TEXT
        )
    ]
    patch.undo()
    return measured


def at(found: list[run.Measured], cell: str) -> torch.Tensor:
    (one,) = (each for each in found if each.cell == cell and not each.trained)
    return one.path.mean_log


def test_identity_start_keeps_every_change_and_the_sigmoid_loses_it_soonest(found: list[run.Measured]):
    torch.testing.assert_close(
        at(found, "ReLU RNN, identity start"), torch.zeros(len(found[0].path.distances)).double()
    )
    last = {cell: at(found, cell)[-1].item() for cell in run.CELLS}
    assert min(last, key=lambda cell: last[cell]) == "sigmoid RNN"
    assert last["LSTM, forget bias 0"] < last["LSTM, forget bias 1"] < 0


def test_sigmoid_stays_below_the_bound_of_the_notes(found: list[run.Measured]):
    network = made(0, lambda: CharacterModel(run.CELLS["sigmoid RNN"], len(TEXT.alphabet), 6, 12))
    factor = torch.linalg.matrix_norm(network.layer.weight_hh_l0.double(), 2).item() / 4
    (one,) = (each for each in found if each.cell == "sigmoid RNN" and not each.trained)
    bound = one.path.distances.double() * math.log(factor)
    assert (one.path.mean_log <= bound + 1e-9).all()


def test_the_memory_is_what_carries_in_an_lstm(found: list[run.Measured]):
    lstm = next(one for one in found if "LSTM" in one.cell)
    assert lstm.path is lstm.curves["memory"]
    assert {"hidden", "memory"} == set(lstm.curves)
    gru = next(one for one in found if one.cell == "GRU")
    assert gru.path is gru.curves["hidden"]


def test_page_has_a_row_for_each_cell_before_and_after(found: list[run.Measured]):
    page = run.page(found)
    memory = page.tables[0].rows
    assert [(row["cell"], row["training"]) for row in memory] == [
        (cell, training) for training in ("before", "after") for cell in run.CELLS
    ]
    assert memory[2]["seed 0"] == math.inf  # the identity start
    assert "ReLU RNN, identity start: more than 100" in page.finding
    assert page.finding.index("sigmoid RNN") < page.finding.index("ReLU RNN")
