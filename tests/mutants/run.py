"""Apply each seeded mistake to a copy of the tree and run the fast tests of the engine: every one must be found.

``python tests/mutants/run.py`` prints a table and ends with 1 if a mistake survives, with 2 if the tree itself is red.
Names on the command line choose mistakes; what follows ``--`` goes to pytest (``-- --deselect ...``).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from mutants import MUTANTS, REPOSITORY, Mutant

TESTS = ("tests/scan/fused", "tests/scan", "tests/contracts/test_cells_scan.py")
COPIED = ("engine", "src", "tests", "pyproject.toml", "LICENSE", "README.md", "docs", "examples", "benchmarks")


def copy_tree(work: Path) -> Path:
    """A copy of the tree without what was built in it; a build folder of an earlier run is used again."""
    tree = work / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    unwanted = shutil.ignore_patterns("__pycache__", "*.so", ".*_cache", "build")
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=unwanted)
        elif source.exists():
            shutil.copy2(source, tree / name)
    for mutant in MUTANTS:  # what an earlier run built of it may still hold a mistake
        (tree / mutant.file).touch()
    return tree


def run(command: list[str], log: Path, folder: Path, environment: dict[str, str] | None = None) -> int:
    """Run a program with its output in a file."""
    with log.open("w") as output:
        found = subprocess.run(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, env=environment, timeout=1800
        )
    return found.returncode


def build(work: Path, tree: Path) -> bool:
    """Build the engine of the copy into it; only what changed is compiled again."""
    folder, log = work / "build", work / "build.log"
    folder.mkdir(exist_ok=True)
    configure = ["cmake", "-S", str(tree / "engine"), "-B", ".", "-DCMAKE_BUILD_TYPE=Release"]
    if run([*configure, f"-DPython_EXECUTABLE={sys.executable}"], log, folder):
        return False
    if run(["cmake", "--build", "."], log, folder):
        return False
    name = f"_engine{sysconfig.get_config_var('EXT_SUFFIX')}"
    shutil.copy2(folder / name, tree / "src/gatewise/scan" / name)
    return True


def tests_pass(work: Path, tree: Path, name: str, options: list[str]) -> bool:
    """Run the fast tests up to the first that fails."""
    environment = dict(os.environ, PYTHONPATH=str(tree / "src"), PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *TESTS, *options]
    return run(command, work / f"{name}.log", tree, environment) == 0


def failed_test(log: Path) -> str:
    """The test that found a mistake, or the last line where there is none."""
    lines = log.read_text(errors="replace").splitlines() or ["nothing was written"]
    found = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (found or lines)[-1].partition(" - ")[0][:110]


def try_out(mutant: Mutant, work: Path, tree: Path, options: list[str]) -> tuple[bool, str]:
    """Whether a mistake is found, and by what; the tree is as before afterwards."""
    file = tree / mutant.file
    right = file.read_text()
    file.write_text(right.replace(mutant.old, mutant.new))
    if mutant.compiled and not build(work, tree):
        return_to(file, right)
        raise SystemExit(f"{mutant.name} does not compile: see {work / 'build.log'}")
    passed = tests_pass(work, tree, mutant.name, options)
    return_to(file, right)
    return not passed, failed_test(work / f"{mutant.name}.log")


def return_to(file: Path, text: str) -> None:
    """Put a file back; it must look newer than what was built from the mistake."""
    file.write_text(text)
    later = time.time() + 1
    os.utime(file, (later, later))


def main() -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="mistakes to try; all without")
    parser.add_argument("--work", type=Path, default=Path("build/mutants"), help="folder for the copy and its build")
    given = sys.argv[1:]
    end = given.index("--") if "--" in given else len(given)
    arguments, options = parser.parse_args(given[:end]), given[end + 1 :]
    chosen = [mutant for mutant in MUTANTS if not arguments.names or mutant.name in arguments.names]
    if unknown := set(arguments.names) - {mutant.name for mutant in MUTANTS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    work = arguments.work.resolve()
    tree = copy_tree(work)
    if not build(work, tree) or not tests_pass(work, tree, "unchanged", options):
        print(f"the tree itself is red: see {work / 'build.log'} and {work / 'unchanged.log'}")
        return 2
    survivors = 0
    for mutant in sorted(chosen, key=lambda one: one.compiled):  # those that need no build while the engine is right
        began = time.monotonic()
        killed, by = try_out(mutant, work, tree, options)
        survivors += not killed
        word = f"killed by {by}" if killed else "SURVIVED"
        print(f"{mutant.name:42} {time.monotonic() - began:5.0f} s  {word}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} killed")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
