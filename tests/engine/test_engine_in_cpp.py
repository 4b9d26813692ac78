"""The engine's own tests, which are C++: built and run under the sanitizers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
COMPILERS = (os.environ.get("CXX", "c++"), "g++", "clang++")


def missing() -> str:
    """What this machine lacks to build the engine's tests; empty where it lacks nothing."""
    if shutil.which("cmake") is None:
        return "cmake is not installed"
    if not any(map(shutil.which, COMPILERS)):
        return f"no C++ compiler: none of {', '.join(COMPILERS)} is installed"
    return ""


@pytest.mark.slow
@pytest.mark.skipif(bool(missing()), reason=missing() or "nothing is missing")
def test_the_engine_passes_its_own_tests_under_sanitizers(tmp_path: Path):
    source = os.pathsep.join(filter(None, (str(REPOSITORY / "src"), os.environ.get("PYTHONPATH"))))
    ran = subprocess.run(
        [str(REPOSITORY / "engine" / "tests" / "run.sh"), str(tmp_path)],
        env=os.environ | {"PYTHON": sys.executable, "PYTHONPATH": source},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-20_000:]
    assert ran.stdout.endswith("all of the engine's own tests passed\n")
