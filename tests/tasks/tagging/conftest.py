"""Two tiny taggers, trained once and shared by every test that only reads them; and the command line."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

import gatewise as package
from cli.refusal import line_of
from gatewise.cli import main
from tasks.tagging import tiny_tags as tiny


@pytest.fixture(scope="session")
def pos_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on parts of speech; not to be changed."""
    return tiny.run(tmp_path_factory.mktemp("pos"), tiny.columns(tiny.pos()))


@pytest.fixture(scope="session")
def entity_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on entities."""
    return tiny.run(tmp_path_factory.mktemp("entities"), tiny.columns(tiny.entities()), epochs=12)


@pytest.fixture(scope="session")
def pos_model(pos_run: Path):
    return package.load(pos_run)


@pytest.fixture(scope="session")
def entity_model(entity_run: Path):
    return package.load(entity_run)


@pytest.fixture
def gatewise(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process: its exit code, what it wrote to stdout, and to stderr."""

    def call(*argv: object, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = main([str(word) for word in argv])
        out, err = capfdbinary.readouterr()
        return code, out.decode("utf-8"), err.decode("utf-8")

    return call


@pytest.fixture
def refused(gatewise):
    """A command line that must be refused, and the line that says why."""

    def call(*argv, stdin=b""):
        return line_of(*gatewise(*argv, stdin=stdin))

    return call
