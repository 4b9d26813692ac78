"""The generated pages are what the code says today, and links lead somewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from architecture.source import REPOSITORY

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
PICTURES = ["docs/step-program.svg", "docs/step-engine.svg"]
GENERATED = ["README.md", "docs/cells.md", "docs/settings.md", "docs/step-program.md", *PICTURES]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    sys.path.insert(0, str(REPOSITORY / "docs"))
    import generate

    sys.path.remove(str(REPOSITORY / "docs"))
    return generate


@pytest.fixture(scope="module")
def generated(generate: ModuleType) -> dict[Path, str]:
    return generate.pages()


@pytest.mark.parametrize("name", GENERATED)
def test_generated_page_is_the_committed_one(name: str, generated: dict[Path, str]):
    committed = (REPOSITORY / name).read_text(encoding="utf-8")
    assert committed == generated[REPOSITORY / name], "run: python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_into_the_repository_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    ours = [link for link in links if not link.startswith(("https://", "http://"))]
    assert [link for link in ours if not (page.parent / link).exists()] == []


def test_every_generated_page_is_compared(generated: dict[Path, str]):
    assert {path.relative_to(REPOSITORY).as_posix() for path in generated} == set(GENERATED)


def test_another_program_has_pictures_of_its_own_which_show_it_the_same_way_each_time(generate: ModuleType):
    page = (REPOSITORY / "docs" / "step-program.md").read_text(encoding="utf-8")
    program = page.partition("```text\n")[2].partition("\n```")[0].replace("tanh v13", "relu v13")
    drawn = generate.pictures(program)
    assert {REPOSITORY / "docs" / name: text for name, text in drawn.items()} == generate.step_program_pictures(program)
    named = re.findall(r"<!-- +(.+?) -->", drawn["step-program.svg"])  # matplotlib names texts beside their outlines
    lines = [line.strip() for line in program.partition("forward, once\n")[2].splitlines() if " = " in line]
    assert "v14 = relu v13" in lines
    assert [line for line in lines if line not in named] == []


def test_anchors_into_the_page_of_cells_exist(generated: dict[Path, str]):
    anchors = set(re.findall(r"cells\.md#(\w+)", generated[REPOSITORY / "README.md"]))
    headings = set(re.findall(r"^## (\w+)$", generated[REPOSITORY / "docs" / "cells.md"], flags=re.MULTILINE))
    assert anchors
    assert anchors == headings


def test_readme_is_short():
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
