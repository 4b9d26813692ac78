"""What a reader would paste or start runs: the example programs, and the tool that runs the README's blocks."""

from __future__ import annotations

import importlib.util
import py_compile
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from architecture.source import REPOSITORY


@pytest.mark.slow
@pytest.mark.parametrize("program", sorted((REPOSITORY / "examples").glob("*.py")), ids=lambda file: file.name)
def test_example_program_runs(program: Path, tmp_path: Path):
    subprocess.run([sys.executable, "-W", "error", str(program)], check=True, cwd=tmp_path, capture_output=True)


def loaded(file: Path) -> ModuleType:
    """A program that is no part of the package, as a module."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_own_cell_learns_on_the_engine_and_prints_its_program(capsys):
    loaded(REPOSITORY / "examples" / "own_cell.py").main()
    printed = capsys.readouterr().out
    steps = re.findall(r"^step +\d+  loss (\S+) .* runner: (\w+)$", printed, flags=re.MULTILINE)
    assert [runner for _, runner in steps] == ["fused"] * 5
    assert float(steps[-1][0]) < 0.2 < 0.6 < float(steps[0][0])
    program = printed.partition("step program of softsign_lstm(scale=1.0)\n")[2]
    for title in ("forward, all steps at once", "forward, step by step", "backward, step by step"):
        assert f"\n{title}\n" in program
    assert " = abs " in program


@pytest.fixture(scope="module")
def run_blocks():
    return loaded(REPOSITORY / "docs" / "run_blocks.py")


def test_every_python_block_of_the_readme_is_python(run_blocks, tmp_path: Path):
    blocks = run_blocks.blocks((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert [block.name for block in blocks if block.name] == ["install", "tests"]
    python = [block.code for block in blocks if block.language == "python"]
    assert len(python) >= 3
    for code in python:
        (tmp_path / "block.py").write_text(code, encoding="utf-8")
        py_compile.compile(str(tmp_path / "block.py"), doraise=True)


PAGE = """
```bash
echo first >> out
```

<!-- not run: it would loop -->
```python
while True: pass
```

<!-- block: named -->
```python
open("out", "a").write("named")
```

```python
raise SystemExit(7)
```

```bash
echo never >> out
```
"""


def test_blocks_run_in_order_until_one_fails(run_blocks, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page.md").write_text(PAGE, encoding="utf-8")
    assert run_blocks.main("page.md") == 7
    assert (tmp_path / "out").read_text() == "first\n"
    assert run_blocks.main("page.md", "named") == 0
    assert (tmp_path / "out").read_text() == "first\nnamed"
    assert run_blocks.main("page.md", "missing") == 1
