"""The package as its syntax trees: what the tests of the architecture look at."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "src" / "gatewise"


def files(*folders: str) -> list[Path]:
    """The Python files under some folders of the repository, sorted."""
    return sorted(file for folder in folders for file in (REPOSITORY / folder).rglob("*.py"))


def module_name(file: Path) -> str:
    """The dotted name of a file of the package; a package's ``__init__`` has the package's name."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES_OF_PACKAGE = files("src/gatewise")


@cache
def tree(file: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def shown(file: Path, node: ast.AST) -> str:
    """``path:line`` of a node, relative to the repository."""
    return f"{file.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 1)}"


def imported(file: Path) -> list[tuple[str, ast.AST]]:
    """Every module a file imports, at its top or inside a function; ``from a import b`` is ``a.b`` if that is one."""
    found: list[tuple[str, ast.AST]] = []
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(submodule_or_self(node.module, alias.name), node) for alias in node.names]
    return found


def submodule_or_self(module: str, name: str) -> str:
    """``module.name`` where that is a module of ours (or its version), else ``module``."""
    if name == "__version__":
        return f"{module}.{name}"
    path = PACKAGE.parent.joinpath(*module.split("."), name)
    return f"{module}.{name}" if path.with_suffix(".py").exists() or (path / "__init__.py").exists() else module


def room(module: str) -> str:
    """The room a module of ours belongs to: the first part after ``gatewise``, "" for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] != "__main__" else ""


@cache
def floors() -> dict[str, int]:
    """Room -> floor, read from the table in docs/architecture.md."""
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = {}
    for floor, rooms in re.findall(r"^\| (\d+) \| ([^|]+) \|", page, flags=re.MULTILINE):
        for name in re.findall(r"`([^`]+)`", rooms):
            table["" if name in ("gatewise/__init__", "__main__") else name] = int(floor)
    return table
