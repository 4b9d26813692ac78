"""One small classifier for all tests that only read it, and the command line in this process."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

import gatewise
from gatewise.cli import main
from tasks.classification import small


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run folder; not to be changed."""
    return small.the_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def model(run: Path):
    """Its model."""
    return gatewise.load(run)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Run a command line: its exit code, what it wrote to stdout, and to stderr."""

    def call(*argv: object, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = main([str(word) for word in argv])
        out, err = capsys.readouterr()
        return code, out, err

    return call
