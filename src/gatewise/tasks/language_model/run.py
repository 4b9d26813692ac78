"""The training runs of neural language models, from their text to their model folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO

from gatewise.models.settings import RecurrentLMSettings
from gatewise.scan.trial import try_step
from gatewise.tasks import run
from gatewise.tasks.language_model.data import read_data, reopen_data
from gatewise.tasks.language_model.model import LanguageModel, load
from gatewise.tasks.language_model.plan import Plan, make_plan
from gatewise.tasks.language_model.task import LanguageModelTask
from gatewise.training.monitor import Monitor
from gatewise.training.result import Result


def _begin(plan: Plan, said: run.Said, stdin: BinaryIO | None) -> LanguageModelTask:
    if (own := run.own_cell(plan)) is not None and isinstance(plan.model, RecurrentLMSettings):
        try_step(own, plan.model.embedding_size, plan.model.hidden_size, plan.model.projection_size)
    return LanguageModelTask(plan, read_data(plan.files, plan.data, plan.text, plan.folder / "data", said, stdin))


def _resume(plan: Plan) -> LanguageModelTask:
    data = reopen_data(plan.folder / "data")
    run.refuse_other_files(plan, data.record["files"], "the default corpus")
    return LanguageModelTask(plan, data)


def _recipe(kind: str) -> run.Recipe[Plan, LanguageModel]:
    return run.Recipe(partial(make_plan, kind=kind), _begin, _resume, load)


RECIPES = {kind: _recipe(kind) for kind in ("lm", "window")}
"""For each kind of network, as it is typed after ``train``."""


def fit_lm(files: Sequence[str], settings: Mapping[str, Any]) -> LanguageModel:
    """What ``gatewise.train("lm", files, **settings)`` does; see :func:`gatewise.tasks.run.fit_files`."""
    return run.fit_files(RECIPES["lm"], files, settings)


def fit_window(files: Sequence[str], settings: Mapping[str, Any]) -> LanguageModel:
    """What ``gatewise.train("window", files, **settings)`` does."""
    return run.fit_files(RECIPES["window"], files, settings)


def carry_out(plan: Plan, monitor: Monitor, stdin: BinaryIO | None = None) -> Result:
    """Carry out a run; see :func:`gatewise.tasks.run.carry_out`."""
    return run.carry_out(RECIPES[plan.kind], plan, monitor, stdin)
