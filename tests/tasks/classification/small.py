"""Texts that a child could tell apart, and the smallest networks that learn to."""

from __future__ import annotations

import functools
import random
from pathlib import Path
from typing import Any

from gatewise.tasks.classification.plan import make_plan
from gatewise.tasks.classification.run import RECIPE
from gatewise.tasks.run import carry_out, reload
from gatewise.training.monitor import Silent

FILLING = ["the film", "a play", "we saw it", "and so on", "in the end", "it was long"]
GOOD, BAD = ["lovely", "fine"], ["dull", "poor"]
SIZES: dict[str, Any] = {"embedding_size": 8, "hidden_size": 8, "batch_size": 8, "epochs": 12, "learning_rate": 0.02}
SIZES |= {"input_dropout": 0.0, "output_dropout": 0.0, "threads": 1, "log_every": 50}


def texts(count: int = 60, seed: int = 0) -> list[tuple[str, str]]:
    """Texts with their labels: which of four words stands in them says it."""
    drawn = random.Random(seed)
    found = []
    for number in range(count):
        label, words = [("pos", GOOD), ("neg", BAD)][number % 2]
        parts = [drawn.choice(FILLING), drawn.choice(words), drawn.choice(FILLING)]
        found.append((" ".join(parts[:: drawn.choice((1, -1))]), label))
    return found


def write(folder: Path, rows: list[tuple[str, str]] | None = None, name: str = "train.tsv") -> str:
    """A table of texts and labels."""
    path = folder / name
    given = texts() if rows is None else rows
    path.write_text("".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *given]), encoding="utf-8")
    return str(path)


def train(files: Any, out: Path, **settings: Any) -> Any:
    """A model, without a word of the training."""
    plan = make_plan([files] if isinstance(files, str) else files, {**SIZES, "out": str(out), **settings})
    carry_out(RECIPE, plan, Silent())
    return reload(RECIPE, plan)


@functools.cache
def the_run(place: Path) -> Path:
    """One run, made once in the session."""
    folder = place / "small classifier"
    folder.mkdir()
    train(write(folder), folder / "run")
    return folder / "run"
