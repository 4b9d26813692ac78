"""The least text on which a classifier can be trained, for the tests that all tasks must pass."""

from __future__ import annotations

from pathlib import Path

from gatewise.tasks.declaration import Sample

_TEXTS = ("a good film", "a bad film", "so good it is", "it is so bad", "good and kind", "bad and long") * 3


def write_sample(folder: Path) -> Sample:
    """Write eighteen texts of two classes.

    Args:
        folder: where the file goes.
    """
    path = folder / "texts.csv"
    rows = [f"{text},{'good' if 'good' in text else 'bad'}" for text in _TEXTS]
    path.write_text("\n".join(["words,class", *rows]) + "\n", encoding="utf-8")
    settings = {"text": "words", "label": "class", "embedding_size": 4, "hidden_size": 5, "batch_size": 4, "epochs": 2}
    texts = ("good film", "", "a long zebra", "bad")
    return Sample((str(path),), settings, texts, str(path), needed=("text", "label"))
