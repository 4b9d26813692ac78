"""The least text on which a language model can be trained, for the tests that all tasks must pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gatewise.tasks.declaration import Sample

_LINES = ("the cat sat on the mat", "a dog ran to the cat", "the dog sat", "a cat ran", "the mat is on the floor") * 2


def write_sample(folder: Path) -> Sample:
    """Write ten lines of text.

    Args:
        folder: where the file goes.
    """
    path = folder / "text.txt"
    path.write_text("\n".join(_LINES) + "\n", encoding="utf-8")
    settings = {"embedding_size": 4, "hidden_size": 5, "batch_size": 2, "bptt": 8, "epochs": 1}
    texts = ("the cat ran", "", "a dog", "zebra")
    return Sample((str(path),), settings, texts, str(path), needed=("batch_size", "bptt"))


def write_ngram_sample(folder: Path) -> Sample:
    """As :func:`write_sample`, with the settings of counting."""
    return replace(write_sample(folder), settings={"order": 2, "minimum_count": 1}, needed=())
