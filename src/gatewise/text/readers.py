"""Files, folders, globs, ``.gz`` and stdin as a corpus."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from gatewise.text.decoding import TextFile
from gatewise.text.documents import Corpus, Document, some
from gatewise.text.files import again, named, shown


def read(paths: str | Path | Iterable[str | Path], *, encoding: str = "utf-8", stdin: BinaryIO | None = None) -> Corpus:
    """The corpus of some files; every file is a document, in the order given.

    A folder stands for the ``*.txt`` and ``*.txt.gz`` below it and a glob for what it matches, both sorted by name;
    a name that ends in ``.gz`` is decompressed; ``-`` is stdin, which is kept in a temporary file, since training
    reads its text several times. A file named twice is read once. What is left out or changed is in the corpus's notes.

    Args:
        paths: one, or several.
        encoding: "utf-8", "latin-1", "cp1252" or "utf-16".
        stdin: what ``-`` reads; None: the process's own.

    Raises:
        DataError: a file is missing, no text, damaged, or changed while being read; a folder or glob holds no text;
            nothing but white space is there. The line names the file and, where there is one, the line in it.

    Example:
        >>> Path("note.txt").write_text("one line\\n")
        9
        >>> read("note.txt").record["characters"]
        9
    """
    notes: list[str] = []
    names = named(paths, notes)
    changed: dict[str, list[str]] = {}

    def notice(name: str, what: str) -> None:
        changed.setdefault(what, []).append(name)

    corpus = Corpus(
        Document(shown(name), TextFile(again(name, stdin), shown(name), encoding, notice).pieces) for name in names
    )
    corpus.notes[:0] = notes + [f"{what}: {some(files)}" for what, files in changed.items()]
    return corpus
