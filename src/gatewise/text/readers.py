"""Files, folders, globs, ``.gz`` and stdin as a corpus."""

from __future__ import annotations

import glob
import gzip
import os
import shutil
import stat
import sys
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, cast

from gatewise.errors import DataError
from gatewise.settings import did_you_mean
from gatewise.text.decoding import Notice, TextFile
from gatewise.text.documents import Corpus, Document, some

STDIN = "-"
_ENDINGS = (".txt", ".txt.gz")


def read(
    paths: str | Path | Iterable[str | Path],
    *,
    encoding: str = "utf-8",
    stdin: BinaryIO | None = None,
    endings: tuple[str, ...] = _ENDINGS,
) -> Corpus:
    """The corpus of some files; every file is a document, in the order given.

    A folder stands for the ``*.txt`` and ``*.txt.gz`` below it and a glob for what it matches, both sorted by name;
    a name that ends in ``.gz`` is decompressed; ``-`` is stdin, which is kept in a temporary file, since training
    reads its text several times. A file named twice is read once. What is left out or changed is in the corpus's notes.

    Args:
        paths: one, or several.
        encoding: "utf-8", "latin-1", "cp1252" or "utf-16".
        stdin: what ``-`` reads; None: the process's own.
        endings: of the files of a folder that are read, in small letters.

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
    names = list(_once(_names(paths, notes, endings), notes))
    changed: dict[str, list[str]] = {}
    corpus = Corpus(
        _document(name, encoding, stdin, lambda name, what: changed.setdefault(what, []).append(name)) for name in names
    )
    corpus.notes[:0] = notes + [f"{what}: {some(files)}" for what, files in changed.items()]
    return corpus


def stream(
    paths: str | Path | Iterable[str | Path],
    *,
    encoding: str = "utf-8",
    stdin: BinaryIO | None = None,
    notice: Notice,
    endings: tuple[str, ...] = _ENDINGS,
) -> Iterator[Document]:
    """Some files as documents that are to be read once: nothing is checked before, and ``-`` is kept nowhere.

    Args:
        paths: as :func:`read` takes them; a file named twice is read twice.
        encoding: "utf-8", "latin-1", "cp1252" or "utf-16".
        stdin: what ``-`` reads, as it comes; None: the process's own.
        notice: is told what was changed while reading.
        endings: of the files of a folder that are read, in small letters.

    Raises:
        DataError: a file is missing; or, while it is read, it is no text or damaged.

    Example:
        >>> import io
        >>> ["".join(document) for document in stream("-", stdin=io.BytesIO(b"a line"), notice=print)]
        ['a line']
    """
    notes: list[str] = []
    names = list(_names(paths, notes, endings))
    for note in notes:
        notice(*note.split(": ", 1))
    for name in names:
        if name == STDIN:
            yield Document("stdin", TextFile(_arriving(_stdin(stdin)), "stdin", encoding, notice).pieces)
        else:
            yield _document(name, encoding, stdin, notice)


def _names(paths: str | Path | Iterable[str | Path], notes: list[str], endings: tuple[str, ...]) -> Iterator[str]:
    """The files that some paths stand for."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise DataError("at least one file is needed, but none was given")
    return (name for path in given for name in _expand(str(path), notes, endings))


def _expand(name: str, notes: list[str], endings: tuple[str, ...]) -> Iterator[str]:
    """The files that a name stands for."""
    if name == STDIN:
        yield name
    elif os.path.isdir(name):
        yield from _below(name, notes, endings)
    elif os.path.lexists(name):
        yield name
    elif glob.has_magic(name):
        found = sorted(glob.glob(name, recursive=True))
        if not found:
            raise DataError("a glob must match something, but no file has such a name", where=name)
        for match in found:
            yield from _below(match, notes, endings) if os.path.isdir(match) else [match]
    else:
        folder = Path(name).parent
        beside = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        fix = did_you_mean(Path(name).name, beside) if 0 < len(beside) < 1000 else ""
        raise DataError("there is no such file", where=name, fix=fix if "?" in fix else "look at the name")


def _below(folder: str, notes: list[str], endings: tuple[str, ...]) -> list[str]:
    """The text files below a folder, sorted."""
    found, others = [], Counter[str]()
    for place, _, files in os.walk(folder):
        for file in files:
            if file.lower().endswith(endings):
                found.append(os.path.join(place, file))
            else:
                others[os.path.splitext(file)[1] or "no ending"] += 1
    if not found:
        raise DataError(
            f"a folder must hold {' or '.join(endings)} files, but none is below it",
            where=folder,
            fix="name the files",
        )
    if others:
        notes.append(f"{folder}: {others.total()} files of other kinds are not read ({some(sorted(others))})")
    return sorted(found)


def _once(names: Iterable[str], notes: list[str]) -> Iterator[str]:
    """The names without those of a file that was named before."""
    seen: set[object] = set()
    for name in names:
        key: object = name
        if name != STDIN:
            status = _status(name)
            key = (status.st_dev, status.st_ino)
        if key in seen:
            notes.append(f"{name}: named more than once, read once")
        else:
            seen.add(key)
            yield name


def _status(name: str) -> os.stat_result:
    try:
        return os.stat(name)
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=name) from None


def _document(name: str, encoding: str, stdin: BinaryIO | None, notice: Notice) -> Document:
    if name == STDIN:
        return Document("stdin", TextFile(_Kept(_stdin(stdin), "stdin"), "stdin", encoding, notice).pieces)
    status = _status(name)
    if stat.S_ISFIFO(status.st_mode):
        with open(name, "rb") as source:
            return Document(name, TextFile(_Kept(source, name), name, encoding, notice).pieces)
    if not stat.S_ISREG(status.st_mode):
        raise DataError("a file, folder or pipe is needed, but this is a device or socket", where=name)
    return Document(name, TextFile(_opener(name, status), name, encoding, notice).pieces)


def _stdin(given: BinaryIO | None) -> BinaryIO:
    source: BinaryIO | None = given or getattr(sys.stdin, "buffer", None)
    if source is None:
        raise DataError("stdin is closed, but - was given", fix="name a file")
    return source


def _arriving(source: BinaryIO) -> Callable[[], BinaryIO]:
    """Opens what comes through a pipe without waiting until much has come, and leaves it open at the end."""
    return lambda: cast(BinaryIO, nullcontext(_Arriving(source)))


class _Arriving:
    """Reads what is there, at least a byte while there is one."""

    def __init__(self, source: BinaryIO) -> None:
        self.read = getattr(source, "read1", source.read)


def _opener(name: str, before: os.stat_result) -> Callable[[], BinaryIO]:
    """Opens a file that must stay as it is from one pass to the next."""

    def open_bytes() -> BinaryIO:
        try:
            file = open(name, "rb")  # noqa: SIM115 (whoever reads it closes it)
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", where=name) from None
        now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            file.close()
            raise DataError("the file must stay as it is while it is read, but it has changed", where=name)
        return cast(BinaryIO, _Unzipped(file)) if name.lower().endswith(".gz") else file

    return open_bytes


class _Unzipped(gzip.GzipFile):
    """A decompressed file that closes the compressed one with it."""

    def __init__(self, file: BinaryIO) -> None:
        self.below = file
        super().__init__(fileobj=file, mode="rb")

    def close(self) -> None:
        super().close()
        self.below.close()


class _Kept:
    """Opens a copy of what can be read only once; the copy is removed when nobody can ask for it any more."""

    def __init__(self, source: BinaryIO, name: str) -> None:
        try:
            descriptor, self.path = tempfile.mkstemp(prefix="gatewise-")
            weakref.finalize(self, os.unlink, self.path)
            with open(descriptor, "wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
        except OSError as error:
            raise DataError(f"cannot be kept in {tempfile.gettempdir()} ({error.strerror})", where=name) from None

    def __call__(self) -> BinaryIO:
        return open(self.path, "rb")
