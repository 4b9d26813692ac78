"""The page of a lesson: what it writes, and that it writes the same twice."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gatewise.doctor.lessons.figures import LOOKS, figure, look, rendered
from gatewise.doctor.lessons.page import Page, Picture, Table
from gatewise.errors import GatewiseError

ROWS = [{"cell": "lstm", "loss": 0.123456789012, "steps": None}, {"cell": "a|b", "loss": 2.0, "steps": 30}]


def page(rows: list = ROWS, on_page: bool = True) -> Page:
    with figure() as (drawing, (axes,)):
        axes.plot([0, 1], [1, 10], label="line", **look(1))
        axes.set_yscale("log")
        axes.legend()
    table = Table("numbers", "Some numbers:", rows, on_page)
    return Page("trial", "A trial", "it works.", ("Text.", Picture("curve", "A curve.", drawing), table), "*End.*")


def test_page_its_tables_and_pictures_are_files_that_it_leads_to(tmp_path: Path):
    path = page().write(tmp_path / "new" / "folder")
    text = path.read_text(encoding="utf-8")
    assert sorted(file.name for file in path.parent.iterdir()) == ["trial-curve.svg", "trial-numbers.csv", "trial.md"]
    for part in (
        "# A trial\n",
        "**Found:** it works.",
        "![A curve.](trial-curve.svg)",
        "(trial-numbers.csv)",
        "*End.*",
    ):
        assert part in text
    assert "| lstm | 0.1235 | – |\n| a\\|b | 2 | 30 |" in text
    assert text.index("Text.") < text.index("trial-curve.svg") < text.index("Some numbers:")


def test_csv_has_more_digits_than_the_page_and_nothing_where_nothing_is(tmp_path: Path):
    page().write(tmp_path)
    with open(tmp_path / "trial-numbers.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {"cell": "lstm", "loss": "0.123456789", "steps": ""}


def test_a_long_table_is_only_led_to():
    text = page(on_page=False).markdown()
    assert "(trial-numbers.csv)" in text
    assert "| lstm |" not in text


def test_the_same_figure_gives_the_same_bytes():
    assert rendered(page().pictures[0].figure) == rendered(page().pictures[0].figure)
    assert rendered(page().pictures[0].figure, "png").startswith(b"\x89PNG")


def test_no_two_lines_share_dashes_and_marker():
    assert len({(str(one["linestyle"]), one["marker"]) for one in LOOKS}) == len(LOOKS)
    assert len({one["marker"] for one in LOOKS}) == len(LOOKS)


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(GatewiseError, match="cannot be written"):
        page().write(tmp_path / "taken")
