"""The least data on which a tagger can be trained, for the tests that all tasks must pass."""

from __future__ import annotations

from pathlib import Path

from gatewise.tasks.declaration import Sample

_WORDS = {"the": "DET", "a": "DET", "cat": "NOUN", "dog": "NOUN", "mat": "NOUN", "sat": "VERB", "ran": "VERB"}
_LINES = ("the cat sat", "a dog ran", "the mat", "a cat ran", "the dog sat") * 2


def write_sample(folder: Path) -> Sample:
    """Write ten sentences in columns.

    Args:
        folder: where the file goes.
    """
    path = folder / "tags.conll"
    blocks = ("".join(f"{word}\t{_WORDS[word]}\n" for word in line.split()) for line in _LINES)
    path.write_text("\n".join(blocks), encoding="utf-8")
    settings = {"embedding_size": 4, "hidden_size": 5, "character_embedding_size": 3, "character_hidden_size": 3}
    more = {"batch_size": 2, "epochs": 1}
    return Sample((str(path),), settings | more, ("the cat ran", "", "a dog", "zebra!"), str(path))
