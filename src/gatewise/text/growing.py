"""Arrays that are written from front to back without knowing how long they will be."""

from __future__ import annotations

import contextlib
import io
import os
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from gatewise.storage.atomic import not_written, sync_folder, temporary_beside

_HEADER = 128
"""Bytes of the header of a one-dimensional ``.npy`` file; numpy leaves room in it for any length."""


class GrowingArray:
    """A one-dimensional ``.npy`` file, or the same in memory; under its own name only once it is whole.

    Args:
        path: the file; None for memory.
        kind: the type of the numbers.

    Raises:
        GatewiseError: the disk refuses (at any step).

    Example:
        >>> with GrowingArray(None, np.dtype(np.uint16)) as array:
        ...     array.append(np.array([1, 2]))
        ...     array.append(np.array([3]))
        ...     array.finish().tolist()
        [1, 2, 3]
    """

    def __init__(self, path: Path | None, kind: np.dtype[Any]) -> None:
        self.path, self.kind = path, kind
        self.length = 0
        self.checksum = 0
        self.temporary = temporary_beside(path) if path else None
        self.file: BinaryIO = self._open()

    def _open(self) -> BinaryIO:
        if self.path is None or self.temporary is None:
            return io.BytesIO()
        try:
            file = open(self.temporary, "xb", buffering=1 << 16)  # noqa: SIM115 (closed by __exit__)
            file.write(bytes(_HEADER))
        except OSError as error:
            raise not_written(self.path, error) from error
        return file

    def append(self, numbers: NDArray[Any]) -> None:
        """Write ``numbers`` behind those that are there."""
        data = np.ascontiguousarray(numbers, dtype=self.kind).data
        try:
            self.file.write(data)
        except OSError as error:
            raise not_written(self.path or Path(), error) from error
        self.checksum = zlib.crc32(data, self.checksum)
        self.length += len(numbers)

    def finish(self) -> NDArray[Any]:
        """The whole array: read-only, mapped from the file that now has its name, or in memory."""
        if self.path is None or self.temporary is None:
            return np.frombuffer(self.file.getvalue(), self.kind)  # type: ignore[attr-defined]
        try:
            self.file.seek(0)
            self.file.write(_header(self.length, self.kind))
            self.file.flush()
            os.fsync(self.file.fileno())
            os.replace(self.temporary, self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise not_written(self.path, error) from error
        return mapped(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self.file.close()
        if self.temporary is not None:
            self.temporary.unlink(missing_ok=True)


def _header(length: int, kind: np.dtype[Any]) -> bytes:
    buffer = io.BytesIO()
    description = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(buffer, description)
    header = buffer.getvalue()
    if len(header) != _HEADER:
        raise RuntimeError(f"numpy writes a header of {len(header)} bytes, but {_HEADER} were kept free for it")
    return header


def mapped(path: Path) -> NDArray[Any]:
    """The array of a ``.npy`` file; its pages are read when they are used.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no ``.npy`` file of plain numbers, or not as long as it says.
    """
    return np.asarray(np.lib.format.open_memmap(path, mode="r"))
