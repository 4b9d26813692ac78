"""Runs the code blocks of a page, so that what a reader would paste is known to work.

    python docs/run_blocks.py README.md            every block, in order
    python docs/run_blocks.py README.md install    only the blocks named so

A comment above a block says more about it: ``<!-- block: NAME -->`` names it (named blocks run only when asked for)
and ``<!-- not run: REASON -->`` leaves it out, visibly. Bash and Python blocks are run, each in a process of its own
and in the present folder; a block that fails ends the run with its exit code. Needs nothing but Python and bash.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(r"(?:^<!-- (?P<mark>.+?) -->\n+)?^```(?P<language>bash|python)\n(?P<code>.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    """One code block: its language, its code, the line it begins at, and what the comment above it says."""

    language: str
    code: str
    line: int
    name: str
    left_out: str


def blocks(text: str) -> list[Block]:
    """The bash and Python blocks of a page.

    Example:
        >>> [block.language for block in blocks("```python\\nprint(1)\\n```\\n")]
        ['python']
    """
    found = []
    for match in BLOCK.finditer(text):
        kind, _, rest = (match["mark"] or "").partition(": ")
        line = text.count("\n", 0, match.start("code")) + 1
        name, left_out = (rest if kind == wanted else "" for wanted in ("block", "not run"))
        found.append(Block(match["language"], match["code"], line, name, left_out))
    return found


def run(block: Block, where: str) -> int:
    """Run one block and say how long it took; its output goes where ours goes."""
    print(f"\n-- {where}:{block.line} ({block.language})\n{block.code}", flush=True)
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "bash" else [sys.executable, "-W", "error", "-c"]
    beside = str(Path(sys.executable).parent)
    begin = time.perf_counter()
    done = subprocess.run(
        [*command, block.code], env=os.environ | {"PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}
    )
    print(f"-- {time.perf_counter() - begin:.1f} s, exit code {done.returncode}", flush=True)
    return done.returncode


def main(page: str, name: str = "") -> int:
    """Run the blocks of a page; the exit code of the first that fails, else 0."""
    chosen = [block for block in blocks(Path(page).read_text(encoding="utf-8")) if block.name == name]
    if not chosen:
        print(f"{page}: no block named {name!r}", file=sys.stderr)
        return 1
    for block in chosen:
        if block.left_out:
            print(f"\n-- {page}:{block.line} not run: {block.left_out}")
        elif code := run(block, page):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
