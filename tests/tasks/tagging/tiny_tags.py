"""Tagged sentences whose tags follow from the words, so that a network of a few units learns them without a mistake."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from gatewise.tasks.run import carry_out
from gatewise.tasks.tagging.plan import make_plan
from gatewise.tasks.tagging.run import RECIPE
from gatewise.training.monitor import Monitor, Silent

TAGS = {
    "the": "DET",
    "a": "DET",
    "cat": "NOUN",
    "dog": "NOUN",
    "sat": "VERB",
    "ran": "VERB",
    "small": "ADJ",
    ".": "PUNCT",
}
PATTERNS = ["the cat sat .", "a small dog ran .", "the small cat ran", "a dog sat .", "the dog ran ."]
LONG = [(word, TAGS[word]) for word in PATTERNS[1].split()]
"""A sentence of five words."""
NAMES = {"ann": ["B-PER"], "bob reed": ["B-PER", "I-PER"], "rome": ["B-LOC"], "new york": ["B-LOC", "I-LOC"]}
SIZES: dict[str, Any] = {"hidden_size": 8, "embedding_size": 8, "character_embedding_size": 4, "threads": 1}
SIZES |= {"character_hidden_size": 4, "batch_size": 4, "learning_rate": 0.05, "epochs": 6, "word_dropout": 0.0}


def pos(count: int = 40) -> list[list[tuple[str, str]]]:
    """Sentences with parts of speech."""
    drawn = random.Random(0)
    return [[(word, TAGS[word]) for word in drawn.choice(PATTERNS).split()] for _ in range(count)]


def entities(count: int = 60) -> list[list[tuple[str, str]]]:
    """Sentences with people and places, in BIO; two names of one type may follow each other."""
    drawn, found = random.Random(0), []
    for _ in range(count):
        sentence: list[tuple[str, str]] = []
        for word in drawn.choice(["X met X", "X X saw X", "in X", "so it was", "X"]).split():
            name = drawn.choice(list(NAMES)) if word == "X" else word
            sentence += zip(name.split(), NAMES.get(name, ["O"]), strict=True)
        found.append(sentence)
    return found


def columns(sentences: Iterable[Iterable[tuple[str, str]]]) -> str:
    """The sentences as columns between tabs."""
    return "\n".join("".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in sentences)


def row(number: str, word: str, tag: str = "_", misc: str = "_") -> str:
    """A line of CoNLL-U."""
    return "\t".join([number, word, "_", tag, "_", "_", "_", "_", "_", misc]) + "\n"


def write(folder: Path, text: str, name: str = "train.conll") -> str:
    """A file with that text."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(text.encode("utf-8"))
    return str(path)


def run(folder: Path, text: str, monitor: Monitor | None = None, **settings: Any) -> Path:
    """Train in ``folder / "run"`` on that text and return that."""
    given: Mapping[str, Any] = {**SIZES, "out": str(folder / "run"), **settings}
    with mock.patch("gatewise.training.report.charts", return_value=[]):
        carry_out(RECIPE, make_plan([write(folder, text)], given), monitor or Silent())
    return folder / "run"
