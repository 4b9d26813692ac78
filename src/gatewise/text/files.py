"""Which files a name stands for, and their bytes: files, folders, globs, ``.gz``, pipes and stdin."""

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
from pathlib import Path
from typing import BinaryIO, cast

from gatewise.errors import DataError
from gatewise.settings import did_you_mean
from gatewise.text.documents import some

STDIN = "-"
TEXT_ENDINGS = (".txt", ".txt.gz")


def named(
    paths: str | Path | Iterable[str | Path], notes: list[str], endings: tuple[str, ...] = TEXT_ENDINGS
) -> list[str]:
    """The files that some names stand for, in order, each once.

    A folder stands for the files below it with one of the ``endings`` and a glob for what it matches, both sorted by
    name; ``-`` stays as it is. What is left out goes to the notes.

    Args:
        paths: one, or several.
        notes: lines that the user should see; some may be added.
        endings: of the files that a folder stands for.

    Raises:
        DataError: a file is missing, or a folder or glob holds none.

    Example:
        >>> Path("b.tsv").touch(), Path("a.tsv").touch(), named(["*.tsv", "a.tsv"], notes := []), notes
        (None, None, ['a.tsv', 'b.tsv'], ['a.tsv: named more than once, read once'])
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    if not given:
        raise DataError("at least one file is needed, but none was given")
    return list(_once((name for path in given for name in _expand(str(path), notes, endings)), notes))


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
    """The files below a folder that have one of the endings, sorted."""
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


def shown(name: str) -> str:
    """The name of a file as a message has it.

    Example:
        >>> shown("-"), shown("notes.txt")
        ('stdin', 'notes.txt')
    """
    return "stdin" if name == STDIN else name


def again(name: str, stdin: BinaryIO | None = None) -> Callable[[], BinaryIO]:
    """Opens the bytes of a file as often as it is called; what can be read only once is kept in a temporary file.

    A name that ends in ``.gz`` is decompressed.

    Args:
        name: a file or pipe, or ``-``.
        stdin: what ``-`` reads; None: the process's own.

    Raises:
        DataError: the file is missing, cannot be read, or is a device; when called, also that it has changed.

    Example:
        >>> Path("note.txt").write_text("one line\\n")
        9
        >>> with again("note.txt")() as file:
        ...     file.read()
        b'one line\\n'
    """
    if name == STDIN:
        return _Kept(_standard(stdin), shown(name))
    status = _status(name)
    if stat.S_ISFIFO(status.st_mode):
        with _open(name) as source:
            return _Kept(source, name)
    return _opener(name, status)


def once(name: str, stdin: BinaryIO | None = None) -> Callable[[], BinaryIO]:
    """Opens the bytes of a file, to be read once: stdin and pipes as they come, without being kept.

    Args:
        name: a file or pipe, or ``-``.
        stdin: what ``-`` reads; None: the process's own. It is not closed.

    Raises:
        DataError: as :func:`again`.

    Example:
        >>> import io
        >>> with once("-", io.BytesIO(b"from a pipe"))() as file:
        ...     file.read(100)
        b'from a pipe'
    """
    if name == STDIN:
        source = _standard(stdin)
        return lambda: cast(BinaryIO, _AsItComes(source))
    status = _status(name)
    return (lambda: _open(name)) if stat.S_ISFIFO(status.st_mode) else _opener(name, status)


def _standard(stdin: BinaryIO | None) -> BinaryIO:
    source = stdin or getattr(sys.stdin, "buffer", None)
    if source is None:
        raise DataError("stdin is closed, but - was given", fix="name a file")
    return cast(BinaryIO, source)


def _open(name: str) -> BinaryIO:
    try:
        return open(name, "rb")
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=name) from None


def _opener(name: str, before: os.stat_result) -> Callable[[], BinaryIO]:
    """Opens a file that must stay as it is from one pass to the next."""
    if stat.S_ISDIR(before.st_mode):
        raise DataError("a file is needed, but this is a folder", where=name, fix="name a file in it")
    if not stat.S_ISREG(before.st_mode):
        raise DataError("a file, folder or pipe is needed, but this is a device or socket", where=name)

    def open_bytes() -> BinaryIO:
        file = _open(name)
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


class _AsItComes:
    """Bytes of stdin as soon as they are there, so that who types a line need not wait for a megabyte of others."""

    def __init__(self, source: BinaryIO) -> None:
        self.read = getattr(source, "read1", source.read)

    def __enter__(self) -> _AsItComes:
        return self

    def __exit__(self, *_: object) -> None:
        pass
