"""Putting one folder in the place of another in a single step."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h and, as RENAME_SWAP, sys/stdio.h of macOS


def exchange(new: Path, target: Path) -> Path | None:
    """Rename ``new`` to ``target``.

    Where the system cannot exchange two names in one step, it takes two renames: a reader may find no folder for
    a moment, and a crash between them leaves the old one under a name that begins with ``.gatewise-old``.

    Returns:
        where the folder lies now that was at ``target``, or None if there was none.

    Raises:
        OSError: the system refuses; both are as before.
    """
    if not target.is_dir() or not any(target.iterdir()):
        if target.is_dir():
            target.rmdir()
        os.rename(new, target)
        return None
    if _exchanged(new, target):
        return new
    aside = new.with_name(new.name.replace(".gatewise-", ".gatewise-old-"))
    os.rename(target, aside)
    try:
        os.rename(new, target)
    except OSError:
        os.rename(aside, target)
        raise
    return aside


def _exchanged(new: Path, target: Path) -> bool:
    names = os.fsencode(new), os.fsencode(target)
    if sys.platform == "linux":
        call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
        result = call and call(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE)
    elif sys.platform == "darwin":
        call = getattr(ctypes.CDLL(None, use_errno=True), "renamex_np", None)
        result = call and call(names[0], names[1], _RENAME_EXCHANGE)
    else:
        return False
    if call is None:
        return False
    if result == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):  # a file system that has no such step
        return False
    raise OSError(code, os.strerror(code), str(target))
