"""The lesson of gates: what a person sees in a text is counted rightly, and units are named by it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gatewise.cells.registry import find
from gatewise.doctor.lessons.characters import CharacterModel, Text
from gatewise.doctor.lessons.gates import run
from gatewise.doctor.lessons.gates.features import correlations, features, named
from gatewise.doctor.lessons.practice import made


def of(name: str, text: str) -> str:
    """The feature as digits below the text."""
    return "".join(str(int(number)) for number in features(text)[name].tolist())


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("column in the line", "ab\ncde\n\nf", "120123001"),
        ("indentation of the line", "  a b\nc\n d", "1222200011"),
        ("inside parentheses", "a(b(c)d)e(\nf)g", "01111110010000"),
        ("letters since the word began", "ab, c1 d", "12001201"),
        ("characters since the clause began", "ab, cd.e", "12012301"),
        ("inside a word in capitals", "aB ABc A_B d", "000110011100"),
        ("inside quotation marks", "a 'b' don't \"c", "00110000000011"),
        ("inside quotation marks", "'a\nb' c", "1100000"),
    ],
)
def test_feature(name: str, text: str, expected: str):
    assert of(name, text) == expected


def test_correlation_is_torchs_and_zero_where_nothing_changes():
    states, value = torch.randn(50, 3), torch.randn(50)
    states[:, 2] = 4.0
    found = correlations(states, [value, torch.ones(50)])
    expected = torch.corrcoef(torch.cat([states[:, :2], value[:, None]], 1).T.double())[2, :2]
    torch.testing.assert_close(found[:2, 0], expected)
    assert found[2].tolist() == [0.0, 0.0]
    assert found[:, 1].tolist() == [0.0, 0.0, 0.0]


def test_each_unit_and_each_feature_is_named_once_the_closest_first():
    table = torch.tensor([[0.9, 0.8, 0.1], [0.85, -0.2, 0.0], [0.1, 0.3, -0.25]])
    assert named(table, ("a", "b", "c")) == [(0, "a", 0.9), (2, "b", 0.3), (1, "c", 0.0)]


def test_page_shows_half_lives_of_all_units_and_names_three(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run, "BUDGET", replace(run.BUDGET, updates=5, batch=4, hidden=10))
    monkeypatch.setattr(run, "READ", 400)
    text = Text.of('  One "two" (three), FOUR.\nFive six: seven. ' * 400)
    found = [
        run.trained(made(seed, lambda: CharacterModel(find("lstm"), len(text.alphabet), 4, 10)), seed, text)
        for seed in (0, 1)
    ]
    page = run.page(found)
    chosen, spread, units = (table.rows for table in page.tables)
    assert len(chosen) == 3
    assert len({row["unit"] for row in chosen}) == len({row["follows"] for row in chosen}) == 3
    assert len(units) == 20
    for row, one in zip(spread, found, strict=True):
        expected = torch.log(torch.tensor(0.5)) / one.kept.log()
        torch.testing.assert_close(one.half_life.float(), expected.float(), rtol=1e-5, atol=1e-5)
        assert row["longest"] == one.half_life.max().item()
    assert all(f"unit {row['unit']} follows *{row['follows']}*" in page.finding for row in chosen)
