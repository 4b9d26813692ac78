"""Writing a file so that a reader, a crash or a full disk finds the old one or the new one, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gatewise.errors import GatewiseError

Buffer = bytes | bytearray | memoryview
Content = Buffer | Sequence[Buffer]
"""Of a file: whole, or its pieces in order, so that a large one need not be copied together."""
_TEMPORARY = re.compile(r"\.gatewise-[0-9a-f]{16}\.tmp")
_FIXES = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some of your quota on that disk",
    errno.EACCES: "choose a place where you may write",
    errno.EPERM: "choose a place where you may write",
    errno.EROFS: "choose a place that is not read-only",
    errno.ENOENT: "make the folder first",
}


def write_atomically(path: str | Path, data: Buffer | Iterable[Buffer]) -> None:
    """Put ``data`` at ``path`` as a whole: temporary file beside it, fsync, rename, fsync of the folder.

    Args:
        path: the file; one that is there is replaced.
        data: the content, or its pieces in order (so that a large content need not be copied together).

    Raises:
        GatewiseError: the system refuses a step; what was at ``path`` is as before, and no temporary file is left.
            Where it refuses only the last, fsync of the folder, the new content stands, and the error says so.

    Source: Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014, for the order that survives a crash.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_atomically(Path(folder) / "note.txt", b"whole")
        ...     (Path(folder) / "note.txt").read_bytes()
        b'whole'
    """
    target = Path(path)
    temporary = temporary_beside(target)
    try:
        write_durably(temporary, [data] if isinstance(data, Buffer) else data)
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise not_written(target, error) from error
        raise
    sync_name(target)


def make_folder(path: str | Path) -> None:
    """Make a folder and those above it, where they are not there.

    Raises:
        GatewiseError: the system refuses, or a file has this name.

    Example:
        >>> make_folder(".")
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise not_written(Path(path), error) from error


def temporary_beside(target: Path) -> Path:
    """A new name in the folder of ``target``, short whatever the length of the target's own name."""
    return target.parent / f".gatewise-{secrets.token_hex(8)}.tmp"


def write_durably(path: Path, pieces: Iterable[Buffer]) -> None:
    """Write a new file and wait until it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        for piece in pieces:
            left = memoryview(piece).cast("B")
            while left:
                left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the names in ``folder`` are on the disk, where the system can do that (Windows cannot)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_name(target: Path, fix: str = "look at the disk") -> None:
    """Wait until what was renamed to ``target`` has its name on the disk.

    Raises:
        GatewiseError: the system refuses; ``target`` is the new one all the same.
    """
    try:
        sync_folder(target.parent)
    except OSError as error:
        message = f"is written, but a power cut may still bring back what was there ({_reason(error)})"
        raise GatewiseError(message, where=str(target), fix=fix) from error


def not_written(target: Path, error: OSError) -> GatewiseError:
    """The one line for a write that failed."""
    fix = _FIXES.get(error.errno or 0, "look at the disk")
    return GatewiseError(f"cannot be written ({_reason(error)})", where=str(target), fix=fix)


def _reason(error: OSError) -> str:
    return f"{error.strerror or error}, {errno.errorcode.get(error.errno or 0, 'no error number')}"


def sweep(folder: str | Path) -> list[Path]:
    """Remove what a killed process left half-written in ``folder``, which must be the caller's alone.

    Args:
        folder: where to look, not in the folders inside it; it need not be there.

    Returns:
        what was removed.

    Example:
        >>> sweep("no-such-folder")
        []
    """
    if not os.path.isdir(folder):
        return []
    left = [path for path in Path(folder).iterdir() if _TEMPORARY.fullmatch(path.name)]
    for path in left:
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return left


@contextlib.contextmanager
def lock(folder: str | Path) -> Iterator[None]:
    """Keep ``folder`` for this process; the system lets go of it even when the process is killed.

    Where the system has no ``flock`` (Windows), nothing is locked.

    Raises:
        GatewiseError: another process holds it.

    Example:
        >>> with lock("."):
        ...     pass
    """
    if not hasattr(os, "O_DIRECTORY"):
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _take(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, str(folder))
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, operation: int, where: str) -> None:
    import fcntl

    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        raise GatewiseError(
            "another process is working in this folder", where=where, fix="wait for it or choose another folder"
        ) from None
