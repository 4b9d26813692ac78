"""The one list of cells: found by name, every variant, described for a reader; all without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gatewise.cells import CELLS, describe, find, variants
from gatewise.errors import SettingError


def test_the_cells_of_the_first_release_are_there():
    expected = "rnn simple_gru gru cho_gru lstm projected_lstm peephole_lstm coupled_lstm layer_norm_lstm"
    assert list(CELLS) == expected.split()


@pytest.mark.parametrize(
    ("name", "constants", "words"),
    [
        ("lsmt", {}, "cell: unknown cell 'lsmt'; did you mean lstm?"),
        ("transformer", {}, "unknown cell 'transformer'; known are: rnn, "),
        ("lstm", {"forget": 1.0}, "cell lstm: unknown constant 'forget'; did you mean forget_bias?"),
        ("gru", {"forget_bias": 1.0}, "unknown constant 'forget_bias'; this cell has no constants"),
        (
            "rnn",
            {"nonlinearity": "sin"},
            "cell rnn: nonlinearity: expected one of 'tanh', 'relu', 'sigmoid', but 'sin' came",
        ),
    ],
)
def test_a_misspelt_cell_or_constant_is_answered_with_the_nearest(name, constants, words):
    with pytest.raises(SettingError) as caught:
        find(name, **constants)
    assert words in str(caught.value)


def test_variants_are_all_combinations_of_literal_constants():
    cells = list(variants())
    assert len(cells) == len(set(cells)) == 6 + 1 + 1 + 1 + 1 + 1 + 2 + 1 + 2
    assert {cell.name for cell in cells} == set(CELLS)


@pytest.mark.parametrize("cell", list(variants()), ids=repr)
def test_every_cell_is_described_with_equation_source_and_start(cell):
    text = describe(cell)
    assert text.startswith(f"{cell.name}")
    assert "Source: " in text
    assert "Initialisation: " in text
    assert "h' = " in text or "hidden" in text
    assert ">>>" not in text


def test_cells_and_scans_of_a_user_start_without_torch():
    program = (
        "import sys, gatewise.cells as c; list(c.variants()); c.describe(c.find('lstm')); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
