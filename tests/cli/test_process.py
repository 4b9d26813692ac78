"""What only a process of its own can show: what is imported, and how it ends."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "tokenizers", "safetensors", "rich", "matplotlib")


def gatewise(*argv, code="from gatewise.cli import main", **how):
    script = (
        f"import sys\n{code}\nended = main(sys.argv[1:])\nprint(*sorted(sys.modules), file=sys.stderr)\nsys.exit(ended)"
    )
    return subprocess.run([sys.executable, "-c", script, *argv], stderr=subprocess.PIPE, timeout=60, **how)


@pytest.mark.parametrize(
    "argv",
    [["--help"], ["train", "--help"], ["generate", "--help"], ["train", "lm", "--help"], ["trian"], ["--version"]],
    ids=" ".join,
)
def test_help_and_mistakes_import_nothing_heavy(argv):
    ended = gatewise(*argv, stdout=subprocess.DEVNULL)
    assert ended.returncode == (2 if argv == ["trian"] else 0)
    imported = set(ended.stderr.decode().split())
    assert "gatewise.cli.program" in imported
    assert not imported.intersection(HEAVY)


def test_a_reader_that_has_left_is_no_error():
    read, write = os.pipe()
    os.close(read)
    ended = gatewise("--help", stdout=write)
    os.close(write)
    assert ended.returncode == 141
    assert "rror" not in ended.stderr.decode().replace("gatewise.errors", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_under_stdout_is_one_line():
    with open("/dev/full", "wb") as full:
        ended = gatewise("--help", stdout=full)
    assert ended.returncode == 2
    assert ended.stderr.startswith(b"error: No space left on device\n")
    assert b"ignored" not in ended.stderr


def test_python_m_gatewise_runs_it():
    ended = subprocess.run([sys.executable, "-m", "gatewise", "--version"], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("gatewise ")
