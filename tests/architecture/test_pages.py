"""The generated pages are what the code says today, and links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from architecture.source import REPOSITORY

PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def generated() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("generate", REPOSITORY / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize("name", ["README.md", "docs/cells.md", "docs/settings.md"])
def test_generated_page_is_the_committed_one(name: str, generated: dict[Path, str]):
    committed = (REPOSITORY / name).read_text(encoding="utf-8")
    assert committed == generated[REPOSITORY / name], "run: python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_into_the_repository_lead_somewhere(page: Path):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    ours = [link for link in links if not link.startswith(("https://", "http://"))]
    assert [link for link in ours if not (page.parent / link).exists()] == []


def test_anchors_into_the_page_of_cells_exist(generated: dict[Path, str]):
    anchors = set(re.findall(r"cells\.md#(\w+)", generated[REPOSITORY / "README.md"]))
    headings = set(re.findall(r"^## (\w+)$", generated[REPOSITORY / "docs" / "cells.md"], flags=re.MULTILINE))
    assert anchors
    assert anchors == headings


def test_readme_is_short():
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
