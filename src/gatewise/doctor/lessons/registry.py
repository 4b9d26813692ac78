"""The lessons by name: the one list that the command, the pages and the tests read. Importing it imports no torch."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from gatewise import __version__
from gatewise.doctor.lessons.lesson import Lesson, Plan, in_silence
from gatewise.doctor.lessons.page import Page
from gatewise.errors import SettingError
from gatewise.settings.nearest import did_you_mean
from gatewise.storage.atomic import make_folder

_HERE = "gatewise.doctor.lessons"
LESSONS: dict[str, Lesson] = {
    lesson.name: lesson
    for lesson in (
        Lesson("vanishing", "What is left of a change after t - k steps, in each cell?", f"{_HERE}.vanishing.run"),
        Lesson("far-word", "How many words back does each cell know a name?", f"{_HERE}.far_word.run"),
        Lesson("clipping", "What does a gradient that is too long do, and what does clipping do?", f"{_HERE}.clipping"),
        Lesson("remember", "How many updates does each cell need to learn to remember?", f"{_HERE}.remember.run"),
        Lesson("gates", "For how long does each unit keep what it holds, and what is it?", f"{_HERE}.gates.run"),
        Lesson("peephole", "Do peepholes help to measure time?", f"{_HERE}.peephole.run"),
    )
}
"""Name -> lesson, in the order in which they are best read."""


def find_lesson(name: str) -> Lesson:
    """The lesson of this name.

    Raises:
        SettingError: there is none; the nearest name is given.

    Example:
        >>> find_lesson("clipping").name
        'clipping'
    """
    if name not in LESSONS:
        raise SettingError(f"unknown lesson {name!r}", where="--lesson", fix=did_you_mean(name, tuple(LESSONS)))
    return LESSONS[name]


def run_lesson(
    name: str,
    folder: str | Path,
    *,
    long: bool = False,
    seeds: Sequence[int] = (0, 1, 2),
    say: Callable[[str], None] = in_silence,
) -> Page:
    """Run a lesson and write its page: ``NAME.md``, ``NAME-*.csv`` and ``NAME-*.svg``.

    Args:
        name: of the lesson.
        folder: where the files go; it is made where it is not there.
        long: with the parts that take longer than three minutes.
        seeds: at least one whole number from 0 to 2147483647; one repetition for each.
        say: is handed a line now and then about how far it has come.

    Returns:
        The page as it was written.

    Raises:
        SettingError: an unknown name, no seeds, or one twice.
        GatewiseError: the files cannot be written.
    """
    lesson = find_lesson(name)
    if not seeds or any(not 0 <= seed < 2**31 for seed in seeds) or len(set(seeds)) < len(seeds):
        message = f"at least one seed, each from 0 to 2147483647 and none twice, is needed, but {list(seeds)} came"
        raise SettingError(message, where="seeds", fix="give numbers such as 0 1 2")
    make_folder(folder)  # a lesson of minutes should not end with a folder that cannot be made
    began, used = time.monotonic(), time.process_time()
    page = lesson.run(Plan(tuple(seeds), long, say))
    seconds, used = time.monotonic() - began, time.process_time() - used
    footer = (
        f"*Made by `gatewise doctor --lesson {name}{' --long' if long else ''}` (gatewise {__version__}, seeds "
        f"{', '.join(map(str, seeds))}) in {seconds:.0f} seconds on {os.cpu_count()} cores ({used:.0f} seconds of "
        "processor time). Other processors round differently: training then takes another course, and single numbers "
        "move.*"
    )
    page = dataclasses.replace(page, footer=footer)
    page.write(folder)
    return page


def index(pages: Mapping[str, str]) -> str:
    """The page that leads to the pages of the lessons, as Markdown.

    Args:
        pages: name of a lesson -> its page as it was written.

    Example:
        >>> print(index({"clipping": "# Clip\\n\\n**Found:** it helps.\\n\\nMore."}).splitlines()[-1])
        > It helps.
    """
    blocks = [
        "# Lessons",
        "Claims of the textbooks about memory and gradients, each reproduced by one command in less than three minutes "
        "on two cores, and published as found, with the seeds 0, 1 and 2. `python docs/write_lessons.py` writes these "
        "pages; `--long` on the command line adds what takes longer.",
    ]
    for name, lesson in LESSONS.items():
        if name in pages:
            title, _, rest = pages[name].removeprefix("# ").partition("\n")
            finding = rest.strip().split("\n\n")[0].removeprefix("**Found:** ")
            blocks.append(f"## [{title}]({name}.md)\n\n{lesson.question} `gatewise doctor --lesson {name}`")
            blocks.append(f"> {finding[0].upper()}{finding[1:]}")
    return "\n\n".join(blocks) + "\n"
