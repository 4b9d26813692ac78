"""What stands on the page of every contest: its pictures, its tasks, its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from gatewise.doctor.lessons.contest import Match, Outcome, course_rows, solved_rows
from gatewise.doctor.lessons.contest_pictures import curves, dots
from gatewise.doctor.lessons.page import Part, Picture, Table


def contest_parts(
    matches: Sequence[Match],
    outcomes: Sequence[Outcome],
    seeds: Sequence[int],
    *,
    dots_say: str,
    curves_say: str,
    tasks: str,
) -> tuple[Part, ...]:
    """The parts of a page.

    Args:
        matches: the tasks.
        outcomes: of every cell, task and seed.
        seeds: of the outcomes.
        dots_say: what the picture shows of when each task was solved.
        curves_say: what the picture shows of how the error fell.
        tasks: a section of Markdown, with its heading.
    """
    return (
        Picture("solved", dots_say, dots(matches, outcomes)),
        Picture("curves", curves_say, curves(matches, outcomes)),
        tasks,
        "## In numbers",
        Table("solved", "Updates until the task was solved, for each seed:", solved_rows(outcomes, seeds)),
        Table("curves", "Error at every look at the held-out sequences:", course_rows(outcomes), on_page=False),
    )
