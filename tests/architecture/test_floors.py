"""Imports only go down; the floors are those drawn in docs/architecture.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from architecture.source import FILES_OF_PACKAGE as FILES
from architecture.source import PACKAGE, floors, imported, module_name, room, shown

TORCH_FREE = ["gatewise", "gatewise.errors", "gatewise.settings", "gatewise.cells", "gatewise.cli"]


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
