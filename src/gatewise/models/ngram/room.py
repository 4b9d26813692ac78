"""Where the arrays of counting and estimating lie: in memory, or in files of a folder that are mapped into it."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gatewise.storage.atomic import make_folder, not_written, temporary_beside

_STEP, _LEAST_STEP = 1 << 18, 1 << 14
_BYTES = 512
"""Twice what is computed with an n-gram takes: the other half of the memory is for sorting."""
_PIECE = 1 << 20


class Room:
    """Hands out arrays, and says how many n-grams are worked on at a time.

    A file loses its name as soon as it is mapped, where the system allows that, so that its space is free again when
    the array is, and a process that was killed leaves nothing. The blocks of a file are taken on the disk before it is
    mapped: a full disk is an error here, and not a signal when a number is written.

    Args:
        folder: where the files go, which must be the caller's alone; None: arrays in memory.
        memory: how many bytes the work may take beside the arrays; None: as many as it likes.

    Example:
        >>> Room().empty(3, np.int64).shape
        (3,)
    """

    def __init__(self, folder: Path | None = None, memory: int | None = None) -> None:
        self.folder, self.memory = folder, memory
        self.step = _STEP if memory is None else max(_LEAST_STEP, memory // _BYTES)

    def empty(self, size: int, kind: DTypeLike) -> NDArray[Any]:
        """An array [size] of any numbers.

        Raises:
            GatewiseError: the disk has no place for it.
        """
        if self.folder is None or not size:
            return np.empty(size, kind)
        path = temporary_beside(self.folder / "array")
        try:
            with open(path, "x+b") as file:
                _reserve(file.fileno(), size * np.dtype(kind).itemsize)
                found = np.frombuffer(mmap.mmap(file.fileno(), 0), kind)
            with contextlib.suppress(PermissionError):  # Windows keeps the name of a mapped file
                path.unlink()
        except OSError as error:
            raise not_written(self.folder, error) from error
        return found

    def steps(self, size: int) -> Iterator[tuple[int, int]]:
        """From where to where each piece of an array [size] goes.

        Example:
            >>> room = Room()
            >>> room.step = 4
            >>> list(room.steps(10))
            [(0, 4), (4, 8), (8, 10)]
        """
        for start in range(0, size, self.step):
            yield start, min(start + self.step, size)


@contextlib.contextmanager
def room_on_disk(folder: Path, memory: int) -> Iterator[Room]:
    """A room in ``folder``, which is made, and removed at the end whatever happens.

    Raises:
        GatewiseError: the folder cannot be made.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place, room_on_disk(Path(place) / "counting", 1 << 28) as room:
        ...     room.empty(3, np.int64).shape
        (3,)
    """
    make_folder(folder)
    try:
        yield Room(folder, memory)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    zeros = bytes(_PIECE)
    while size:
        size -= os.write(descriptor, zeros[:size])
