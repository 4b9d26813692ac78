"""One tiny run, shared by every test that only reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

import gatewise
from tasks import tiny


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run folder; not to be changed."""
    return tiny.the_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def model(tiny_run: Path):
    """Its model."""
    return gatewise.load(tiny_run)
