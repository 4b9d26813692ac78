"""The training runs of classifiers, from labelled texts to a model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from gatewise.scan.trial import try_step
from gatewise.tasks import run
from gatewise.tasks.classification.data import read_data, reopen_data
from gatewise.tasks.classification.model import TextClassifier, load
from gatewise.tasks.classification.plan import Plan, make_plan
from gatewise.tasks.classification.task import ClassificationTask


def _begin(plan: Plan, said: run.Said, stdin: BinaryIO | None) -> ClassificationTask:
    if (own := run.own_cell(plan)) is not None and plan.origin is None:
        try_step(own, plan.model.embedding_size, plan.model.hidden_size, plan.model.projection_size)
    return ClassificationTask(plan, read_data(plan, plan.folder / "data", said, stdin))


def _resume(plan: Plan) -> ClassificationTask:
    data = reopen_data(plan.folder / "data")
    run.refuse_other_files(plan, data.record["files"], "no file")
    return ClassificationTask(plan, data)


RECIPE: run.Recipe[Plan, TextClassifier] = run.Recipe(make_plan, _begin, _resume, load)
"""How a classifier is trained."""


def fit_files(files: Sequence[str], settings: Mapping[str, Any]) -> TextClassifier:
    """What ``gatewise.train("classify", files, **settings)`` does; see :func:`gatewise.tasks.run.fit_files`."""
    return run.fit_files(RECIPE, files, settings)
