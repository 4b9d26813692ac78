"""A folder of files that is written as a whole and checked as a whole before any of it is used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gatewise.errors import GatewiseError, ModelFileError
from gatewise.storage import manifest
from gatewise.storage.atomic import (
    Buffer,
    Content,
    not_written,
    sync_folder,
    sync_name,
    temporary_beside,
    write_durably,
)
from gatewise.storage.exchange import exchange
from gatewise.storage.reading import map_file, read_file

_MOST_TRIES = 100
_TENSORS = ".safetensors"
Chooser = Callable[[Mapping[str, Buffer]], Collection[str]]


@dataclass(frozen=True)
class Folder:
    """The files of a folder that was read.

    Attributes:
        path: where it lies.
        files: the names that :meth:`read` takes.
        verified: whether each of them was compared with a manifest.
        unlisted: names that lie there too, but are not in the manifest; they cannot be read.

    Example:
        >>> Folder(Path("model"), files=("config.json",), verified=False).read("weights")
        Traceback (most recent call last):
            ...
        gatewise.errors.ModelFileError: model: holds no weights; give the folder of a model
    """

    path: Path
    files: tuple[str, ...]
    verified: bool
    unlisted: tuple[str, ...] = ()
    _contents: dict[str, bytearray | memoryview] = field(default_factory=dict, repr=False)

    def read(self, name: str) -> bytearray | memoryview:
        """The content of one file, the very bytes that were verified: in memory, or mapped from the disk.

        Raises:
            ModelFileError: the folder has no such file.
        """
        if name not in self.files:
            raise ModelFileError(f"holds no {name}", where=str(self.path), fix="give the folder of a model")
        if name in self._contents:
            return self._contents[name]
        return read_file(self.path / name, follow=False)


def write_folder(path: str | Path, files: Mapping[str, Content], replace: bool = False) -> None:
    """Write a folder with a ``manifest.json`` so that it is there as a whole or not at all.

    It is built beside its place, brought to the disk, and renamed. A folder that is replaced is exchanged in one
    step where the system can (Linux, macOS): a reader finds the old or the new one.

    Args:
        path: the folder; an empty one may be there.
        files: contents by plain name, whole or in pieces; ``manifest.json`` is added.
        replace: whether a folder that was written by this function and holds nothing else may be replaced.

    Raises:
        GatewiseError: the place is taken, or the system refuses; what was there is as before. Where it refuses only
            what comes after the rename (fsync of the folder around it, removal of the folder that was replaced), the
            new one stands, and the error says so and where the old one lies.
        ModelFileError: a name is not plain.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     write_folder(Path(place) / "model", {"config.json": b"{}"})
        ...     folder = read_folder(Path(place) / "model")
        ...     folder.files, folder.verified, bytes(folder.read("config.json"))
        (('config.json',), True, b'{}')
    """
    target = Path(os.path.realpath(path))
    for name in files:
        if not manifest.is_plain(name) or name == manifest.NAME:
            raise ModelFileError(f"the file name {name!r} is not plain", where=str(path))
    _check_place(target, replace)
    temporary = temporary_beside(target)
    try:
        temporary.mkdir()
        for name, data in {**files, manifest.NAME: manifest.write_manifest(files)}.items():
            write_durably(temporary / name, [data] if isinstance(data, Buffer) else data)
        sync_folder(temporary)
        old = exchange(temporary, target)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            raise not_written(target, error) from error
        raise
    sync_name(target, "look at the disk" if old is None else f"look at the disk; the old one lies at {old}")
    if old is not None:
        _remove(old, target)


def read_folder(path: str | Path, mapped: Chooser | None = None) -> Folder:
    """Read a folder and compare every file with the manifest.

    Without a manifest the folder is read all the same, file by file when asked, and is not ``verified``; nothing of it
    is mapped, since nothing says that its files stay what they are.

    A mapped file is compared with the manifest as it lies there, and its pages are read again when they are used.
    Files of a folder with a manifest are only ever replaced whole, by a rename, which a mapping outlives.

    Args:
        path: the folder.
        mapped: is shown the verified contents of all files but those of tensors (``*.safetensors``), by name, and says
            which of the others are mapped instead of read; None: none.

    Raises:
        ModelFileError: it is missing, is no folder, or a listed file is missing, damaged, or no regular file.

    Example:
        >>> read_folder("nowhere")
        Traceback (most recent call last):
            ...
        gatewise.errors.ModelFileError: nowhere: there is no such folder
    """
    for _ in range(_MOST_TRIES):
        before = _stamp(path)
        try:
            folder = _read_once(Path(path), mapped)
            if folder.verified or _stamp(path) == before:
                return folder
        except ModelFileError:
            if _stamp(path) == before:
                raise
        # Another process replaced the folder while we read the old one.
    raise ModelFileError("is replaced faster than it can be read", where=str(path))


def _read_once(path: Path, mapped: Chooser | None) -> Folder:
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        raise ModelFileError("there is no such folder", where=str(path)) from None
    except OSError as error:
        raise ModelFileError(f"a folder was expected ({error.strerror})", where=str(path)) from None
    if manifest.NAME not in names:
        return Folder(path, tuple(name for name in names if manifest.is_plain(name)), verified=False)
    lines = manifest.read_manifest(read_file(path / manifest.NAME, follow=False), f"{path}/{manifest.NAME}")
    contents: dict[str, bytearray | memoryview] = {}
    chosen: Collection[str] = ()
    for name in sorted(lines, key=lambda name: name.endswith(_TENSORS)):
        if name.endswith(_TENSORS) and mapped and not chosen:
            chosen = mapped(contents)
        get = map_file if name in chosen else read_file
        contents[name] = get(path / name, size=lines[name].size, follow=False)
        manifest.check_content(contents[name], lines[name], f"{path}/{name}")
    known = {manifest.NAME, manifest.CARD, *lines}
    card = (manifest.CARD,) if manifest.CARD in names else ()
    return Folder(path, (*lines, *card), True, tuple(name for name in names if name not in known), contents)


def _remove(old: Path, target: Path) -> None:
    try:
        shutil.rmtree(old)
    except OSError as error:
        raise GatewiseError(
            f"is written, but the folder it replaced cannot be removed ({error.strerror or error})",
            where=str(target),
            fix=f"remove {old}",
        ) from error


def _stamp(path: str | Path) -> tuple[int, int] | None:
    """What tells one folder at a path from the next; a number alone may be used again."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _check_place(target: Path, replace: bool) -> None:
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise GatewiseError("a folder cannot be written here: a file has this name", where=str(target))
    if not any(target.iterdir()):
        return
    if not replace:
        raise GatewiseError("there is a folder already", where=str(target), fix="choose another name")
    data = read_file(target / manifest.NAME) if (target / manifest.NAME).is_file() else None
    if data is None:
        raise GatewiseError("the folder here is no model folder, so it is not replaced", where=str(target))
    listed = {manifest.NAME, manifest.CARD, *manifest.read_manifest(data, f"{target}/{manifest.NAME}")}
    strange = sorted(set(os.listdir(target)) - listed)
    if strange:
        raise GatewiseError(
            f"the folder here also holds {strange[0]!r}, which replacing it would delete",
            where=str(target),
            fix="move it",
        )
