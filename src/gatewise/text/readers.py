"""Files, folders, globs, ``.gz`` and stdin as a corpus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from gatewise.text.decoding import Notice, TextFile
from gatewise.text.documents import Corpus, Document, some
from gatewise.text.files import TEXT_ENDINGS, again, named, once, shown


def read(
    paths: str | Path | Iterable[str | Path],
    *,
    encoding: str = "utf-8",
    stdin: BinaryIO | None = None,
    endings: tuple[str, ...] = TEXT_ENDINGS,
) -> Corpus:
    """The corpus of some files; every file is a document, in the order given.

    A folder stands for the ``*.txt`` and ``*.txt.gz`` below it and a glob for what it matches, both sorted by name;
    a name that ends in ``.gz`` is decompressed; ``-`` is stdin, which is kept in a temporary file, since training
    reads its text several times. A file named twice is read once. What is left out or changed is in the corpus's notes.

    Args:
        paths: one, or several.
        encoding: "utf-8", "latin-1", "cp1252" or "utf-16".
        stdin: what ``-`` reads; None: the process's own.
        endings: of the files that a folder stands for.

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
    names = named(paths, notes, endings)
    changed: dict[str, list[str]] = {}

    def notice(name: str, what: str) -> None:
        changed.setdefault(what, []).append(name)

    corpus = Corpus(
        Document(shown(name), TextFile(again(name, stdin), shown(name), encoding, notice).pieces) for name in names
    )
    corpus.notes[:0] = notes + [f"{what}: {some(files)}" for what, files in changed.items()]
    return corpus


def stream(
    paths: str | Path | Iterable[str | Path],
    *,
    encoding: str = "utf-8",
    stdin: BinaryIO | None = None,
    notice: Notice,
    endings: tuple[str, ...] = TEXT_ENDINGS,
) -> Iterator[Document]:
    """Some files as documents that are to be read once: nothing is checked before, and ``-`` is kept nowhere.

    Args:
        paths: as :func:`read` takes them.
        encoding: "utf-8", "latin-1", "cp1252" or "utf-16".
        stdin: what ``-`` reads, as it comes; None: the process's own.
        notice: is told what was left out, and what was changed while reading.
        endings: of the files that a folder stands for.

    Raises:
        DataError: a file is missing; or, while it is read, it is no text or damaged.

    Example:
        >>> import io
        >>> ["".join(document) for document in stream("-", stdin=io.BytesIO(b"a line"), notice=print)]
        ['a line']
    """
    notes: list[str] = []
    names = named(paths, notes, endings)
    for note in notes:
        notice(*note.split(": ", 1))
    for name in names:
        yield Document(shown(name), TextFile(once(name, stdin), shown(name), encoding, notice).pieces)
