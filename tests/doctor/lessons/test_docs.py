"""The pages in docs/lessons: one for each lesson, whole, and the page that leads to them."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import pytest

from gatewise.doctor.lessons.registry import LESSONS, index

REPOSITORY = Path(__file__).resolve().parents[3]
FOLDER = REPOSITORY / "docs" / "lessons"


@pytest.mark.parametrize("name", LESSONS)
def test_page_leads_to_its_pictures_and_numbers_and_nothing_lies_beside_it(name: str):
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    linked = {link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("https://")}
    others = [other for other in LESSONS if other != name and other.startswith(name)]
    assert others == []
    assert linked == {file.name for file in FOLDER.glob(f"{name}-*")}
    assert any(link.endswith(".svg") for link in linked)
    assert f"`gatewise doctor --lesson {name}` (gatewise" in text
    assert "seeds 0, 1, 2)" in text


@pytest.mark.parametrize("name", LESSONS)
def test_numbers_are_tables_with_a_heading_for_every_column(name: str):
    for path in FOLDER.glob(f"{name}-*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert len(rows) > 1
        assert {len(row) for row in rows} == {len(rows[0])}


def test_pictures_need_nothing_outside_themselves():
    for path in FOLDER.glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert not re.search(r'href="(?!#)', text)


def test_index_is_what_the_pages_say():
    sys.path.insert(0, str(REPOSITORY / "docs"))
    import write_lessons

    sys.path.remove(str(REPOSITORY / "docs"))
    pages = write_lessons.written()
    assert list(pages) == list(LESSONS)
    committed = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert committed == index(pages), "run: python docs/write_lessons.py --index"
    assert [f"]({name}.md)" in committed for name in LESSONS] == [True] * len(LESSONS)
