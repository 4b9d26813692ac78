"""Every setting has one name, one home, and a place in the code that reads it."""

from __future__ import annotations

import ast
import functools
import importlib
from collections import Counter

import pytest

from architecture.source import FILES_OF_PACKAGE, PACKAGE, module_name, tree
from gatewise.settings import Settings

MODULES = [importlib.import_module(module_name(file)) for file in sorted(PACKAGE.rglob("*settings.py"))]
CLASSES = [
    value
    for module in MODULES
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, Settings) and value.__module__ == module.__name__
]
NAMES = sorted({field.name for settings in CLASSES for field in settings.declared()})
OF_A_RUN = ["TextSettings", "BatchSettings", "RecurrentLMSettings", "TrainingSettings"]


@functools.cache
def attributes_read_outside_settings() -> set[str]:
    """Every ``something.name`` that the package reads, the declarations themselves left out."""
    code = [file for file in FILES_OF_PACKAGE if not file.name.endswith("settings.py")]
    nodes = [node for file in code for node in ast.walk(tree(file))]
    return {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}


def test_names_are_unique_over_the_tables_of_a_run():
    tables = [settings for settings in CLASSES if settings.__name__ in OF_A_RUN]
    assert sorted(settings.__name__ for settings in tables) == sorted(OF_A_RUN)
    counted = Counter(field.name for settings in tables for field in settings.declared())
    assert [name for name, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_setting_is_read_somewhere(name: str):
    assert name in attributes_read_outside_settings()


@pytest.mark.parametrize("settings", CLASSES)
def test_defaults_are_allowed_values_and_have_help(settings: type[Settings]):
    settings()
    assert all(field.help for field in settings.declared())
