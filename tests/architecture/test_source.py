"""What the source promises about itself: short files, documented names, nothing that runs what it reads."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from architecture.source import FILES_OF_PACKAGE as FILES
from architecture.source import PACKAGE, files, imported, module_name, shown, tree

LONGEST = 400
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.save", "os.system"}
ROOMS = sorted(folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists())
IMPORTABLE = [module_name(file) for file in FILES if file.name != "__main__.py"]


@pytest.mark.parametrize("file", files("src", "tests", "benchmarks", "docs", "examples"), ids=lambda file: file.name)
def test_no_file_is_long(file: Path):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST


def dangers(module: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Calls that would run, or build objects from, whatever a file holds."""
    for call in (node for node in ast.walk(module) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        pickles = [word for word in call.keywords if word.arg == "allow_pickle" and ast.unparse(word.value) != "False"]
        if name in FORBIDDEN_CALLS or pickles:
            yield call, name


@pytest.mark.parametrize("file", FILES, ids=module_name)
def test_nothing_runs_what_it_reads(file: Path):
    imports = [(node, name) for name, node in imported(file) if name.split(".")[0] in FORBIDDEN_MODULES]
    found = [f"{shown(file, node)} {name}" for node, name in [*imports, *dangers(tree(file))]]
    assert not found, "\n".join(found)


def test_the_search_for_dangers_finds_them():
    source = """
        import torch, numpy
        torch.load("m.pt")
        numpy.load("a", allow_pickle=True)
        numpy.load("b", allow_pickle=False)
        model.eval()
        eval("1")
    """
    assert [name for _, name in dangers(ast.parse(inspect.cleandoc(source)))] == ["torch.load", "numpy.load", "eval"]


def public(module_name: str) -> Iterator[tuple[str, object]]:
    """The module, and the classes, functions, methods and properties it defines without a leading underscore."""
    module = importlib.import_module(module_name)
    yield module_name, module
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module_name:
            continue
        if inspect.isfunction(value) or inspect.isclass(value):
            yield f"{module_name}.{name}", value
        if inspect.isclass(value):
            yield from ((f"{module_name}.{name}.{part}", method) for part, method in methods(value))


def methods(owner: type) -> Iterator[tuple[str, object]]:
    """What a class's own body defines under public names."""
    kinds = (property, staticmethod, classmethod)
    for name, value in vars(owner).items():
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, kinds)):
            yield name, getattr(owner, name)


@pytest.mark.parametrize("module", IMPORTABLE)
def test_every_public_name_is_documented(module: str):
    # getdoc follows the base classes: a method that overrides a documented one need not say it again.
    missing = [name for name, value in public(module) if not inspect.getdoc(value)]
    assert not missing, "\n".join(missing)


def exported(room: str) -> list[str]:
    """What a room's ``__init__`` offers, in ``__all__`` or as ``X as X``: its table of contents."""
    listed = getattr(importlib.import_module(f"gatewise.{room}"), "__all__", None)
    froms = [node for node in tree(PACKAGE / room / "__init__.py").body if isinstance(node, ast.ImportFrom)]
    return listed or [alias.name for node in froms for alias in node.names if alias.asname == alias.name]


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_offers_has_an_example(room: str):
    module = importlib.import_module(f"gatewise.{room}")
    offered = {name: getattr(module, name) for name in exported(room)}
    without = [name for name, value in offered.items() if callable(value) and ">>>" not in (value.__doc__ or "")]
    assert not without, f"no example: {', '.join(without)}"
