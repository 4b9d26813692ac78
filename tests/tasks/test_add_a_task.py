"""The page "Add a task", followed to the letter: its package trains, saves, loads, and has its commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from architecture.source import REPOSITORY

PAGE = REPOSITORY / "docs" / "add-a-task.md"
FILE = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder into which the page's package is installed."""
    source, place = tmp_path_factory.mktemp("gatewise-rating"), tmp_path_factory.mktemp("installed")
    files = FILE.findall(PAGE.read_text(encoding="utf-8"))
    assert "gatewise_rating/declaration.py" in dict(files)
    for name, text in [*files, ("gatewise_rating/__init__.py", "")]:
        path = source / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    flags = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *flags, "--target", place, source], check=True)
    return place


@pytest.fixture
def gatewise(installed, tmp_path):
    """Runs the program where the package is installed: (arguments, text on stdin) -> finished process."""
    paths = [str(installed), str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")]

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gatewise", *arguments]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        return subprocess.run(command, input=stdin, env=environment, cwd=tmp_path, capture_output=True, text=True)

    return run


@pytest.mark.slow
def test_it_trains_rates_and_is_evaluated(gatewise, tmp_path):
    lines = "".join(f"{text.count('a')}\t{text}\n" for text in ("a cat", "we sit", "bananas", "the end", "aha") * 20)
    (tmp_path / "stars.tsv").write_text(lines)
    flags = ["--cell", "gru", "--epochs", "40", "--learning-rate", "0.02", "--out", "run"]
    trained = gatewise("train", "rating", "stars.tsv", *flags)
    assert trained.returncode == 0, trained.stderr
    assert "mean squared error" in trained.stderr
    rated = gatewise("rate", "run", stdin="bananas\nwe sit\n")
    numbers = [float(line.split("\t")[0]) for line in rated.stdout.splitlines()]
    assert rated.returncode == 0
    assert abs(numbers[0] - 3) < 0.5 > abs(numbers[1])  # what it was shown a hundred times
    assert gatewise("eval", "run", "stars.tsv").stdout.startswith("mean squared error: 0.")
    assert "task: rating" in gatewise("info", "run").stdout


def test_its_commands_stand_beside_the_others(gatewise):
    told = gatewise("--help").stdout
    assert re.search(r"^  rate +say a number", told, re.MULTILINE)
    assert re.search(r"^  eval +how good a model is", told, re.MULTILINE)
    assert "--hold-out" in gatewise("train", "rating", "--help").stdout


def test_a_wrong_line_is_named(gatewise, tmp_path):
    (tmp_path / "stars.tsv").write_text("1\tgood\nmany\tbad\n")
    failed = gatewise("train", "rating", "stars.tsv", "--out", "run")
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith("error: stars.tsv:2: a number, a tab and a text are expected")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_it_keeps_to_what_all_tasks_keep_to(installed):
    paths = [str(installed), str(REPOSITORY / "src"), str(REPOSITORY / "tests"), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "pytest", "-q", "-k", "rating", "tests/contracts/test_tasks.py"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
