"""Reading a file that may be anything: regular files only, whole, and named for what they look like."""

from __future__ import annotations

import contextlib
import errno
import io
import mmap
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from gatewise.errors import ModelFileError
from gatewise.storage.atomic import Buffer

_NO_RESERVE = 0x4000 if sys.platform == "linux" else 0
"""Linux's MAP_NORESERVE: a file larger than the memory may be mapped, since hardly a page of it is ever written."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a symbolic link",
}
_MAGIC = (
    (0, b"PK\x03\x04", "a zip archive, as torch.save writes"),
    (0, b"\x80\x02", "a pickle"),
    (0, b"\x80\x03", "a pickle"),
    (0, b"\x80\x04", "a pickle"),
    (0, b"\x80\x05", "a pickle"),
    (0, b"\x89HDF", "an HDF5 file"),
    (0, b"GGUF", "a GGUF file"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"version https://git-lfs", "a git-LFS pointer, whose content was not fetched"),
    (0, b"<", "a web page"),
    (257, b"ustar", "a tar archive"),
)


def read_file(path: str | Path, *, size: int | None = None, follow: bool = True) -> bytearray:
    """The whole content of a regular file.

    Args:
        path: the file.
        size: the size it must have, in bytes.
        follow: whether ``path`` itself may be a symbolic link.

    Raises:
        ModelFileError: it is missing, may not be read, is no regular file, or has another size.

    Example:
        >>> read_file("no-such-file")
        Traceback (most recent call last):
            ...
        gatewise.errors.ModelFileError: no-such-file: there is no such file
    """
    with _opened(path, follow) as descriptor:
        return _read_all(descriptor, str(path), size)


def map_file(path: str | Path, *, size: int | None = None, follow: bool = True) -> memoryview:
    """As :func:`read_file`, but mapped: pages are read when they are used, and may be dropped again.

    What is written into it stays in this process. The mapping outlives the name of the file: it may be replaced by a
    rename, or deleted; one that is written into in place (as nothing here does) shows what was written.

    Raises:
        ModelFileError: as :func:`read_file`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = (Path(folder) / "note.txt").write_bytes(b"whole")
        ...     bytes(map_file(Path(folder) / "note.txt"))
        b'whole'
    """
    with _opened(path, follow) as descriptor:
        length = _checked_size(descriptor, str(path), size)
        if not length:
            return memoryview(bytearray())
        if not hasattr(mmap, "MAP_PRIVATE"):  # Windows
            return memoryview(mmap.mmap(descriptor, length, access=mmap.ACCESS_COPY))
        rights = mmap.PROT_READ | mmap.PROT_WRITE
        return memoryview(mmap.mmap(descriptor, length, flags=mmap.MAP_PRIVATE | _NO_RESERVE, prot=rights))


def read_pieces(path: str | Path, size: int = 1 << 20) -> Iterator[bytes]:
    """The content of a regular file, piece by piece; otherwise as :func:`read_file`.

    Args:
        path: the file.
        size: of a piece, in bytes.

    Raises:
        ModelFileError: it is missing, may not be read, or is no regular file.

    Example:
        >>> next(read_pieces("no-such-file"))
        Traceback (most recent call last):
            ...
        gatewise.errors.ModelFileError: no-such-file: there is no such file
    """
    with _opened(path, follow=True) as descriptor:
        _checked_size(descriptor, str(path), None)
        while piece := os.read(descriptor, size):
            yield piece


@contextlib.contextmanager
def _opened(path: str | Path, follow: bool) -> Iterator[int]:
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    flags |= 0 if follow else getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _not_read(path, error) from error


def looks_like(data: Buffer) -> str:
    """What the beginning of a foreign file says that it is.

    Example:
        >>> looks_like(b"PK\\x03\\x04rest")
        'it looks like a zip archive, as torch.save writes'
    """
    head = bytes(data[:512])
    if not head:
        return "it is empty"
    if not any(head):
        return "it holds zeros"
    named = (name for offset, magic, name in _MAGIC if head[offset : offset + len(magic)] == magic)
    return f"it looks like {next(named, 'a damaged or foreign file')}"


def _checked_size(descriptor: int, where: str, size: int | None) -> int:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise ModelFileError(f"a regular file was expected, but it is {kind}", where=where)
    if size is not None and found.st_size != size:
        raise ModelFileError(f"must have {size} bytes, but has {found.st_size}", where=where, fix="copy it again")
    return found.st_size


def _read_all(descriptor: int, where: str, size: int | None) -> bytearray:
    content = bytearray(_checked_size(descriptor, where, size))
    done, view = 0, memoryview(content)
    file = io.FileIO(descriptor, closefd=False)
    while done < len(content) and (count := file.readinto(view[done:])):
        done += count
    if done < len(content) or os.read(descriptor, 1):
        raise ModelFileError("changed its size while it was read", where=where, fix="try again")
    return content


def _not_read(path: str | Path, error: OSError) -> ModelFileError:
    if isinstance(error, FileNotFoundError):
        return ModelFileError("there is no such file", where=str(path))
    if error.errno == errno.ELOOP:
        return ModelFileError("a regular file was expected, but it is a symbolic link", where=str(path))
    return ModelFileError(f"cannot be read ({error.strerror or error})", where=str(path))
