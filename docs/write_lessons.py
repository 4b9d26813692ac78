"""Runs lessons and writes their pages into docs/lessons, with the page that leads to them.

    python docs/write_lessons.py             every lesson, one after another
    python docs/write_lessons.py gates ...   some of them
    python docs/write_lessons.py --index     none, only the page that leads to them

Every page is what ``gatewise doctor --lesson NAME`` writes, byte for byte but for the seconds it took.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gatewise.doctor.lessons.registry import LESSONS, index, run_lesson

FOLDER = Path(__file__).resolve().parent / "lessons"


def written() -> dict[str, str]:
    """Name -> page of every lesson that has been written."""
    paths = {name: FOLDER / f"{name}.md" for name in LESSONS}
    return {name: path.read_text(encoding="utf-8") for name, path in paths.items() if path.exists()}


def main(names: list[str]) -> None:
    """Run the lessons of these names, all of them where there are none."""
    for name in [] if names == ["--index"] else names or list(LESSONS):
        run_lesson(name, FOLDER, say=lambda line: print(line, file=sys.stderr, flush=True))
    (FOLDER / "README.md").write_text(index(written()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
