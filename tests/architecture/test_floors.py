"""Imports only go down; the floors are those drawn in docs/architecture.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from architecture.source import FILES_OF_PACKAGE as FILES
from architecture.source import PACKAGE, REPOSITORY, floors, imported, module_name, room, shown

TORCH_FREE = ["gatewise", "gatewise.errors", "gatewise.settings", "gatewise.cells", "gatewise.cli", "gatewise.measures"]


def allowed(source: str, target: str) -> bool:
    """Whether a module may import another: lower floors, its own room, the ground, and anybody the version."""
    table, here, there = floors(), room(source), room(target)
    if here == there == "tasks":
        return task(target) in ("", task(source))
    return here == there or there == "errors" or target == "gatewise.__version__" or table[there] < table[here]


def task(module: str) -> str:
    """The task folder a module lies in; "" for what all tasks share."""
    part = [*module.split("."), "", ""][2]
    return part if part and (PACKAGE / "tasks" / part).is_dir() else ""


def test_every_room_stands_on_a_floor():
    assert {room(module_name(file)) for file in FILES} <= set(floors())


def test_every_floor_of_the_page_has_its_rooms():
    assert set(floors()) <= {room(module_name(file)) for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_imports_only_go_down(file: Path):
    source = module_name(file)
    ours = [(target, node) for target, node in imported(file) if target.split(".")[0] == "gatewise"]
    wrong = [f"{shown(file, node)} imports {target}" for target, node in ours if not allowed(source, target)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("gatewise.layers.recurrent", "gatewise.scan", True),
        ("gatewise.layers.recurrent", "gatewise.models.recurrent_lm", False),
        ("gatewise.cells.lstm", "gatewise.text.readers", False),
        ("gatewise.storage.atomic", "gatewise.errors", True),
        ("gatewise.training.loop", "gatewise", False),
        ("gatewise.tasks.language_model.task", "gatewise.tasks.declaration", True),
        ("gatewise.tasks.discovery", "gatewise.tasks.language_model.task", False),
        ("gatewise.training.checkpoint", "gatewise.__version__", True),
        ("gatewise.tasks.language_model.task", "gatewise.tasks", True),
    ],
)
def test_the_rule_itself(source: str, target: str, expected: bool):
    assert allowed(source, target) is expected


def engine_table() -> dict[str, set[str]]:
    """Folder of the engine -> the folders it may include from, as docs/architecture.md says."""
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| ((?:`\w+`(?:, )?)+|nothing) \|", page, flags=re.MULTILINE)
    return {folder: set(re.findall(r"`(\w+)`", below)) for folder, below in rows}


def engine_files() -> list[Path]:
    """Every source of the folders that the page names."""
    places = [REPOSITORY / "engine" / name for name in engine_table()]
    return sorted(file for place in places for file in (place.iterdir() if place.is_dir() else [place]))


ENGINE = engine_files()


@pytest.mark.parametrize("file", ENGINE, ids=lambda file: file.relative_to(REPOSITORY / "engine").as_posix())
def test_includes_of_the_engine_only_go_down(file: Path):
    here = file.relative_to(REPOSITORY / "engine").parts[0]
    included = set(re.findall(r'^#include "(\w+)/', file.read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert included - {here} <= engine_table()[here]
    assert not re.search(r"#include <(torch|ATen|Python|numpy)", file.read_text(encoding="utf-8"))
    assert here == "bindings.cpp" or "nanobind" not in file.read_text(encoding="utf-8")


def test_floors_of_the_engine_are_no_circle():
    table = engine_table()
    assert len(ENGINE) > 20
    order: list[str] = []
    while waiting := [folder for folder in table if folder not in order]:
        order += (ready := [folder for folder in waiting if table[folder] <= set(order)])
        assert ready, f"{waiting} stand on each other"
    assert order[-1] == "bindings.cpp"


def modules_loaded_by(*command: str) -> set[str]:
    """The modules a fresh interpreter imports while it runs a command."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command], check=True, capture_output=True, text=True, encoding="utf-8"
    )
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_what_promises_to_import_without_torch_does():
    settings = [module_name(file) for file in PACKAGE.rglob("*settings.py")]
    loaded = modules_loaded_by("-c", f"import {', '.join(TORCH_FREE + settings)}")
    assert {"gatewise", *settings} <= loaded
    assert "torch" not in loaded


def test_help_imports_no_torch():
    loaded = modules_loaded_by("-m", "gatewise", "--help")
    assert "gatewise.cli" in loaded
    assert not {"torch", "numpy", "matplotlib", "tokenizers"} & loaded
