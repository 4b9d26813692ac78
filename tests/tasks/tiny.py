"""The smallest run that is one: trained once for the tests of the tasks and of the command line together."""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from gatewise.tasks.language_model.plan import make_plan
from gatewise.tasks.language_model.run import carry_out
from gatewise.tasks.language_model.task import SAMPLE_TOKENS
from gatewise.training.monitor import Silent

SENTENCES = ["the cat is small", "the dog is big", "a cat sat on the mat", "is the dog big ?", "a dog and a cat ran"]
SIZES: dict[str, Any] = {"hidden_size": 8, "embedding_size": 8, "batch_size": 4, "bptt": 8, "max_steps": 12}
SIZES |= {"log_every": 4, "validate_every": 6, "checkpoint_every": 6, "keep": 9, "threads": 1}


def sentences(lines: int = 60) -> str:
    """A text in which words follow each other by rules."""
    drawn = random.Random(0)
    return "".join(f"{drawn.choice(SENTENCES)}\n" for _ in range(lines))


def text_file(folder: Path, text: str | None = None, name: str = "text.txt") -> str:
    """A file with that text, or with the sentences."""
    path = folder / name
    path.write_text(sentences() if text is None else text, encoding="utf-8")
    return str(path)


@contextlib.contextmanager
def briefly() -> Iterator[None]:
    """Runs without what takes most of a tiny run's time: the drawing of curves, and long samples."""
    with (
        mock.patch("gatewise.training.report.charts", return_value=[]),
        mock.patch("gatewise.tasks.language_model.task.SAMPLE_TOKENS", dict.fromkeys(SAMPLE_TOKENS, 5)),
    ):
        yield


def run(folder: Path, text: str | None = None, **settings: Any) -> Path:
    """Train in ``folder / "run"`` and return that."""
    folder.mkdir(exist_ok=True)
    given = {**SIZES, "out": str(folder / "run"), **settings}
    with briefly():
        carry_out(make_plan([text_file(folder, text)], given), Silent())
    return folder / "run"


@functools.cache
def the_run(place: Path) -> Path:
    """One run over characters, made once in the session, whole."""
    (place / "tiny").mkdir()
    given = {**SIZES, "out": str(place / "tiny" / "run")}
    carry_out(make_plan([text_file(place / "tiny")], given), Silent())
    return place / "tiny" / "run"
