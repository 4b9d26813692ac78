"""What a lesson is: a question with a name, and the code that answers it with a page."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from gatewise.doctor.lessons.page import Page


def in_silence(_line: str) -> None:
    """Say nothing, where nobody wants to hear how far a lesson has come."""


@dataclass(frozen=True)
class Plan:
    """How a lesson is to be run.

    Attributes:
        seeds: one repetition for each; whole numbers, 0 or more.
        long: with the parts that take longer than three minutes.
        say: is handed a line now and then about how far it has come.

    Example:
        >>> Plan().seeds
        (0, 1, 2)
    """

    seeds: tuple[int, ...] = (0, 1, 2)
    long: bool = False
    say: Callable[[str], None] = in_silence


@dataclass(frozen=True)
class Lesson:
    """A lesson as it stands in the registry; its code, which needs torch, is imported when it is run.

    Attributes:
        name: as the command line takes it.
        question: what it answers, in one line.
        module: the module whose ``run(plan)`` makes the page.

    Example:
        >>> lesson = Lesson("clipping", "Why clip?", "gatewise.doctor.lessons.clipping")
        >>> lesson.name
        'clipping'
    """

    name: str
    question: str
    module: str

    def run(self, plan: Plan) -> Page:
        """Compute everything and make the page; nothing is written."""
        page: Page = importlib.import_module(self.module).run(plan)
        return page
