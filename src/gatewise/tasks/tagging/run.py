"""The training runs of taggers, from their files to their model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from gatewise.scan.trial import try_step
from gatewise.tasks import run
from gatewise.tasks.tagging.data import read_data, reopen_data
from gatewise.tasks.tagging.model import SequenceTagger, load
from gatewise.tasks.tagging.plan import Plan, make_plan
from gatewise.tasks.tagging.task import TaggingTask


def _begin(plan: Plan, said: run.Said, stdin: BinaryIO | None) -> TaggingTask:
    if (own := run.own_cell(plan)) is not None:
        try_step(own, plan.model.embedding_size, plan.model.hidden_size, plan.model.projection_size)
    return TaggingTask(plan, read_data(plan, said, stdin))


def _resume(plan: Plan) -> TaggingTask:
    data = reopen_data(plan.folder / "data")
    run.refuse_other_files(plan, data.record["files"], "no files")
    return TaggingTask(plan, data)


RECIPE: run.Recipe[Plan, SequenceTagger] = run.Recipe(make_plan, _begin, _resume, load)


def fit_tagger(files: Sequence[str], settings: Mapping[str, Any]) -> SequenceTagger:
    """What ``gatewise.train("tag", files, **settings)`` does; see :func:`gatewise.tasks.run.fit_files`."""
    return run.fit_files(RECIPE, files, settings)
